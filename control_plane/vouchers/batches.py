"""The worker that makes batches of codes, of vouchers and gift cards, in this process, beside the requests.

A batch goes in chunks: codes, their counters, the batch's progress and the outbox row are one short transaction, so
that whatever is killed, the next worker goes on from what is there, without doubles. A pause follows each chunk, so
that a sale in progress does not feel it. Must never hold a code longer than the chunk, and never log one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import msgspec

from control_plane.codes import draw_many
from control_plane.context import Context
from control_plane.gift_cards import ordering as gift_cards
from control_plane.in_force import put_in_force
from control_plane.metrics import CODES_ISSUED, JOB_FAILURES
from control_plane.vouchers.ordering import ACTION_TYPE, BatchParams
from domain.rules import Rules
from store import log
from store.database import UNAVAILABLE, Transaction
from store.definitions import stage_change
from store.queries import query

CHUNK_CODES = 1_000
"""Small, because a commit brings its write-ahead log at once: with chunks of 5,000 the p99 of redemptions at 200/s
beside them rose by a factor of 2 and more in two rounds of three, with these not at all (2 cores, all on them)."""
CODES_PER_S = 10_000
"""The pace: 50,000 codes in 5 to 6 s (5.2 s measured), the rest is left to others. A slower machine pauses less."""
SHORTEST_PAUSE_S = 0.02
LEASE_S = 5.0
"""How long a killed worker's batch waits for the next one."""
LOOK_S = 1.0
MOST_AT_ONCE = 10

_FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE)

_DUE = query("control_due_actions")
_TAKE = query("control_take_action")
_LOCK = query("control_lock_action")
_ADVANCE = query("control_advance_action")
_FINISH = query("control_finish_action")
_INSERT_CODES = query("control_insert_codes")


class Batch(msgspec.Struct, frozen=True):
    """A batch that waits for a worker."""

    project_id: str
    shard: int
    id: str


async def work(context: Context) -> None:
    """Make batches for as long as the process lives; what fails is tried again when its lease is over."""
    while True:
        context.batches_due.clear()
        try:
            idle = not await make_due_batches(context)
        except _FAILURES as error:
            JOB_FAILURES.inc()
            log.error("batch failed", error=type(error).__name__)
            idle = True
        if idle:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await context.batches_due.wait()


async def make_due_batches(context: Context) -> int:
    """Take the batches that are due, one after another; how many were taken."""
    async with context.database.anonymous_tx() as tx:
        rows = await tx.fetch(_DUE, MOST_AT_ONCE)
    taken = 0
    for row in rows:
        batch = Batch(row["project_id"], row["shard"], row["id"])
        async with context.database.tenant_tx(batch.project_id) as tx:
            mine = await tx.fetchval(_TAKE, batch.project_id, batch.id, LEASE_S)
        if mine:
            taken += 1
            await _make(context, batch)
    return taken


async def _make(context: Context, batch: Batch) -> None:
    loop, more = asyncio.get_running_loop(), True
    while more:
        next_at = loop.time() + CHUNK_CODES / CODES_PER_S
        more = await make_chunk(context, batch)
        if more:
            await asyncio.sleep(max(SHORTEST_PAUSE_S, next_at - loop.time()))
    # Also where nothing was left to make: a worker may have been killed before it told Redis.
    await put_in_force(context, batch.shard, batch.project_id, "batch", batch.id)
    async with context.database.tenant_tx(batch.project_id) as tx:
        await tx.execute(_FINISH, batch.project_id, batch.id)
    log.info("batch done", project_id=batch.project_id, action_id=batch.id)


async def make_chunk(context: Context, batch: Batch) -> bool:
    """One chunk; whether more is left."""
    async with context.database.tenant_tx(batch.project_id) as tx:
        row = await tx.fetchrow(_LOCK, batch.project_id, batch.id)
        if row is None or not row["left_count"]:
            return False
        count = min(row["left_count"], CHUNK_CODES)
        made = await _INSERT[row["type"]](tx, batch.project_id, row["params"], count)
        await tx.execute(_ADVANCE, batch.project_id, batch.id, made, LEASE_S)
        await stage_change(tx, batch.shard, batch.project_id, "batch", batch.id, 0, ())
    CODES_ISSUED.inc(made)
    await put_in_force(context, batch.shard, batch.project_id, "batch", batch.id)
    return bool(row["left_count"] > made)


async def _insert_codes(tx: Transaction, project_id: str, given: object, count: int) -> int:
    params = msgspec.convert(given, BatchParams)
    ids, codes = draw_many("vch", count)
    rules = Rules(max_redemptions=params.limit)
    made: int = await tx.fetchval(_INSERT_CODES, project_id, params.campaign_id, ids, codes, rules, params.limit)
    return made


_INSERT: dict[str, Callable[[Transaction, str, object, int], Awaitable[int]]] = {
    ACTION_TYPE: _insert_codes,
    gift_cards.ACTION_TYPE: gift_cards.insert_cards,
}
