"""The worker that does actions in this process, beside the requests: by lease, a chunk at a time.

What a chunk does, how far the action is and what failed are one short transaction, so that whatever is killed, the
next worker goes on from what is there, without doubles. A pause follows each chunk, so that a sale in progress does
not feel it, and after a while it is another action's turn. Must never log a row, a code or who a customer is.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec

from control_plane.auth import Tenant
from control_plane.context import Context
from control_plane.in_force import put_in_force
from control_plane.jobs.kinds import Action, Kind, Run, Step
from control_plane.jobs.registry import KINDS
from control_plane.jobs.sweeping import sweep
from control_plane.metrics import JOB_FAILURES
from store import log
from store.database import UNAVAILABLE, Transaction
from store.definitions import stage_change
from store.log import where
from store.queries import query

LEASE_S = 5.0
"""How long a killed worker's action waits for the next one. No chunk takes as long."""
LOOK_S = 1.0
SWEEP_S = 60.0
TURN_S = 2.0
"""How long one action goes on before it is another's turn."""
SHORTEST_PAUSE_S = 0.02
MOST_AT_ONCE = 10
MOST_ATTEMPTS = 10
MOST_FAILURES = 1_000
"""Kept with their reasons; the others are counted."""

_FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE)

_DUE = query("control_due_actions")
_TAKE = query("control_take_action")
_LOCK = query("control_lock_action")
_ADVANCE = query("control_advance_action")
_RELEASE = query("control_release_action")
_FINISH = query("control_finish_action")
_FAIL = query("control_fail_action")
_PROJECT = query("control_project")


async def work(context: Context) -> None:
    """Do what is due for as long as the process lives; what fails is tried again when its lease is over."""
    loop = asyncio.get_running_loop()
    swept_at = float("-inf")
    while True:
        context.batches_due.clear()
        idle = True
        try:
            idle = not await do_due_actions(context)
            if loop.time() >= swept_at + SWEEP_S:
                swept_at = loop.time()
                await sweep(context)
        except _FAILURES as error:
            JOB_FAILURES.inc()
            log.error("jobs failed", error=type(error).__name__)
        if idle:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await context.batches_due.wait()


async def work_off(context: Context) -> int:
    """Do all that is due to its end; how many turns that took."""
    turns = 0
    while taken := await do_due_actions(context):
        turns += taken
    return turns


async def do_due_actions(context: Context) -> int:
    """Give each action that is due its turn, one after another; how many were taken."""
    async with context.database.anonymous_tx() as tx:
        rows = await tx.fetch(_DUE, MOST_AT_ONCE)
    taken = 0
    for row in rows:
        action = Action(row["account_id"], row["project_id"], row["shard"], row["id"])
        async with context.database.tenant_tx(action.project_id) as tx:
            attempts = await tx.fetchval(_TAKE, action.project_id, action.id, LEASE_S, list(KINDS))
        if attempts is None:
            continue
        taken += 1
        try:
            await _take_turn(context, action)
        except asyncpg.DeadlockDetectedError:
            # It met a change that was on its way to it. Its chunk was undone, and is made again on its next turn.
            async with context.database.tenant_tx(action.project_id) as tx:
                await tx.execute(_RELEASE, action.project_id, action.id)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 - logged, tried again, and in the end said of the action
            # One tenant's action must not keep the others from theirs, whatever is wrong with it.
            JOB_FAILURES.inc()
            log.error("job failed", action_id=action.id, error=type(error).__name__, where=where(error))
            if attempts >= MOST_ATTEMPTS:
                await _fail(context, action)
    return taken


async def _take_turn(context: Context, action: Action) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + TURN_S
    tenant = await tenant_of_action(context, action)
    while True:
        began = loop.time()
        done = await make_chunk(context, action, tenant)
        if done is None:
            return await _finish(context, action)
        kind, rows, waits = done
        if waits:
            return None
        if loop.time() >= until:
            async with context.database.tenant_tx(action.project_id) as tx:
                await tx.execute(_RELEASE, action.project_id, action.id)
            return None
        took = loop.time() - began
        await asyncio.sleep(max(SHORTEST_PAUSE_S, rows / kind.rows_per_s - took))


async def make_chunk(context: Context, action: Action, tenant: Tenant) -> tuple[Kind, int, bool] | None:
    """One chunk; how many rows it went over, and whether it waits for something, or None where none was left or the
    action is over."""
    async with context.database.tenant_tx(action.project_id, action.account_id) as tx:
        row = await tx.fetchrow(_LOCK, action.project_id, action.id)
        if row is None or not row["left_count"]:
            return None
        kind = KINDS[row["type"]]
        step = await kind.chunk(tx, _run(context, action, tenant, row))
        await _advance(tx, action, step)
        if kind.is_batch:
            await stage_change(tx, action.shard, action.project_id, "batch", action.id, 0, ())
    if kind.is_batch:
        await put_in_force(context, action.shard, action.project_id, "batch", action.id)
    for change in step.changes:
        await put_in_force(context, action.shard, action.project_id, change.object, change.id, change.created)
    return kind, step.done + len(step.failures), step.wait_s > 0


async def tenant_of_action(context: Context, action: Action) -> Tenant:
    """For whom the action is done; who ordered it stands in its row."""
    async with context.database.tenant_tx(action.project_id, action.account_id) as tx:
        project = await tx.fetchrow(_PROJECT, action.account_id, action.project_id)
    assert project is not None
    return Tenant(
        actor="system",
        account_id=action.account_id,
        project_id=action.project_id,
        shard=action.shard,
        currency=project["currency"],
        decimals=project["currency_decimals"],
    )


def _run(context: Context, action: Action, tenant: Tenant, row: Any) -> Run:
    return Run(
        context=context,
        action=action,
        tenant=msgspec.structs.replace(tenant, actor=row["actor"]),
        params=row["params"],
        position=row["position"],
        left_count=row["left_count"],
        gone_count=row["gone_count"],
        result_chunks=row["result_chunks"],
        ordered_at=row["created_at"],
    )


async def _advance(tx: Transaction, action: Action, step: Step) -> None:
    await tx.execute(
        _ADVANCE,
        action.project_id,
        action.id,
        step.done,
        step.wait_s or LEASE_S,
        len(step.failures),
        step.failures[:MOST_FAILURES],
        MOST_FAILURES,
        step.position,
        step.is_over,
        step.result_chunks,
    )


async def _finish(context: Context, action: Action) -> None:
    # Also where nothing was left to do: a worker may have been killed before it told Redis of codes that it made.
    async with context.database.tenant_tx(action.project_id) as tx:
        row = await tx.fetchrow(_LOCK, action.project_id, action.id)
    if row is None:
        return  # cancelled, or another worker's by now
    if KINDS[row["type"]].is_batch:
        await put_in_force(context, action.shard, action.project_id, "batch", action.id)
    async with context.database.tenant_tx(action.project_id) as tx:
        await tx.execute(_FINISH, action.project_id, action.id)
    log.info("action done", project_id=action.project_id, action_id=action.id)


async def _fail(context: Context, action: Action) -> None:
    reason = f"An error of ours, {MOST_ATTEMPTS} times in a row. It has been logged under the action's id."
    async with context.database.tenant_tx(action.project_id) as tx:
        await tx.execute(_FAIL, action.project_id, action.id, reason)
