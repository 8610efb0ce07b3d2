"""The worker that gives the rewards of referrals and takes them back, in this process, beside the requests.

A reward, what was given for it, its task and the outbox row are one short transaction: whatever is killed, the next
worker finds either all of it or nothing. Must never give or take twice, nor lose what could not be taken back: that is
owed, and shown.
"""

import asyncio
from contextlib import suppress

import asyncpg
import msgspec

from control_plane.context import Context
from control_plane.in_force import put_in_force
from control_plane.metrics import JOB_FAILURES
from control_plane.referral_programs.giving import Given, Order, Taken, give, take_back
from domain.problems import Refused
from domain.referrals import Reward
from store import log
from store.database import UNAVAILABLE, Transaction
from store.queries import query

LOOK_S = 0.25
"""How long a reward waits for a worker that has nothing else to do."""
MOST_AT_ONCE = 100
MOST_ATTEMPTS = 20
"""After more than an hour it is left to people: it is shown as failed."""

_FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE)
_FAILURES_OF_ONE: tuple[type[Exception], ...] = (*_FAILURES, msgspec.ValidationError)
"""Terms that this release cannot read are for another one: they must not hold up the others."""

_DUE = query("control_due_referral_tasks")
_TAKE = query("control_take_referral_task")
_SET = query("control_set_referral_reward")
_FINISH = query("control_finish_referral_task")
_POSTPONE = query("control_postpone_referral_task")


Was = tuple[str | None, int, int | None]
"""What was given: its id, how much, and the lot of points."""


class Task(msgspec.Struct, frozen=True):
    """What is to be done about one side of a referral."""

    project_id: str
    shard: int
    redemption_id: str
    side: str
    action: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.project_id, self.redemption_id, self.side, self.action


class Held(msgspec.Struct, frozen=True):
    """The task's reward as it stands, locked."""

    customer_id: str | None
    terms: Reward
    status: str
    reference: str | None
    amount: int
    lot_ms: int | None
    referral_status: str
    attempts: int
    currency: str

    @property
    def was(self) -> Was:
        return self.reference, self.amount, self.lot_ms


async def work(context: Context) -> None:
    """Do what is due for as long as the process lives."""
    while True:
        try:
            idle = not await do_due_tasks(context)
        except _FAILURES as error:
            JOB_FAILURES.inc()
            log.error("rewards failed", error=type(error).__name__)
            idle = True
        if idle:
            await asyncio.sleep(LOOK_S)


async def do_due_tasks(context: Context) -> int:
    """Do the tasks that are due, one after another; how many there were."""
    async with context.database.anonymous_tx() as tx:
        rows = await tx.fetch(_DUE, MOST_AT_ONCE)
    for row in rows:
        task = Task(**row)
        try:
            await do_task(context, task)
        except _FAILURES_OF_ONE as error:
            JOB_FAILURES.inc()
            log.error("reward failed", project_id=task.project_id, action=task.action, error=type(error).__name__)
            with suppress(*_FAILURES):  # else it is due again at once
                await _postpone(context, task)
    return len(rows)


async def do_task(context: Context, task: Task) -> None:
    """One task, if it is still to be done and no other worker is at it."""
    done: Given | Taken | None = None
    try:
        async with context.database.tenant_tx(task.project_id) as tx:
            row = await tx.fetchrow(_TAKE, *task.key)
            if row is None:
                return
            held = msgspec.convert(dict(row), Held)
            done = await (_issue if task.action == "issue" else _take_back)(tx, task, held)
            await tx.execute(_FINISH, *task.key)
    except Refused as refused:
        await _fail(context, task, refused.code)
    if done is not None:
        for change in done.changes:
            await put_in_force(context, task.shard, task.project_id, change.object, change.id, change.created)


async def _issue(tx: Transaction, task: Task, held: Held) -> Given | None:
    if held.status != "due":
        return None
    if held.referral_status != "active" or held.customer_id is None:  # rolled back before anything was given
        await _set(tx, task, "taken_back", held.was)
        return None
    given = await give(tx, _order(task, held))
    await tx.execute(_SET, *task.key[:3], "issued", given.reference, given.amount, given.lot_ms, 0, None)
    return given


async def _take_back(tx: Transaction, task: Task, held: Held) -> Taken | None:
    if held.status in ("due", "failed"):
        await _set(tx, task, "taken_back", held.was)
        return None
    if held.status != "issued":
        return None
    assert held.reference is not None, "what was issued has a name"
    taken = await take_back(tx, _order(task, held), Given(held.reference, held.amount, held.lot_ms))
    owed = held.amount - taken.amount
    await _set(tx, task, "owed" if owed else "taken_back", held.was, owed)
    return taken


def _order(task: Task, held: Held) -> Order:
    return Order(
        task.project_id,
        task.shard,
        held.currency,
        held.customer_id,
        held.terms,
        f"referral:{task.redemption_id}:{task.side}",
    )


async def _set(tx: Transaction, task: Task, status: str, was: Was, owed: int = 0, failure: str | None = None) -> None:
    await tx.execute(_SET, *task.key[:3], status, *was, owed, failure)


async def _fail(context: Context, task: Task, code: str) -> None:
    """What cannot be given, now or later: shown with its outcome code."""
    JOB_FAILURES.inc()
    log.error("reward refused", project_id=task.project_id, action=task.action, code=code)
    async with context.database.tenant_tx(task.project_id) as tx:
        row = await tx.fetchrow(_TAKE, *task.key)
        if row is None:
            return
        # What cannot be taken back is owed whole.
        status, owed = ("failed", 0) if task.action == "issue" else ("owed", row["amount"])
        await _set(tx, task, status, (row["reference"], row["amount"], row["lot_ms"]), owed, code)
        await tx.execute(_FINISH, *task.key)


async def _postpone(context: Context, task: Task) -> None:
    async with context.database.tenant_tx(task.project_id) as tx:
        row = await tx.fetchrow(_TAKE, *task.key)
        gives_up = row is not None and row["attempts"] >= MOST_ATTEMPTS
        if not gives_up:
            await tx.execute(_POSTPONE, *task.key)
    if gives_up:
        await _fail(context, task, "internal_error")
