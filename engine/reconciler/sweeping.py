"""Frees the memory of epochs that are over and settled, at a pace that a busy server does not feel, and the rows of
holds that have expired.

Must never touch an epoch that PostgreSQL has not left: its stream may not be settled yet. Must never touch a hold that
any clock may still see as live.
"""

import asyncio
from collections.abc import Iterable, Sequence

from engine.reconciler.servers import Servers
from store.database import Database
from store.keys import Keyspace
from store.link import Link
from store.queries import query
from store.recovery import closed_epochs_before, read_state

_SWEEP_HOLDS = query("sweep_holds")

LOOK_S = 2.0
SCAN_COUNT = 500
PAUSE_S = 0.01
"""Between two pages: at most 50,000 keys a second are looked at."""


class Sweeper:
    """One per process; once for each epoch that is opened while it runs, and once at start."""

    def __init__(self, database: Database, servers: Servers, shards: Iterable[int]) -> None:
        self._database = database
        self._servers = servers
        self._clean: dict[int, int] = dict.fromkeys(shards, 0)

    async def visit(self, shard: int) -> None:
        """One look at one shard."""
        async with self._database.shard_tx(shard) as tx:
            await tx.execute(_SWEEP_HOLDS, shard)
        async with self._database.shard_tx(shard) as tx:
            state = await read_state(tx, shard)
            if state is None or state.state != "open" or self._clean[shard] == state.epoch:
                return
            closed = await closed_epochs_before(tx, shard, state.position_epoch)
        await sweep_old_epochs(self._servers.link(state.identity), shard, closed)
        self._clean[shard] = state.epoch


async def sweep_old_epochs(link: Link, shard: int, epochs: Sequence[int]) -> None:
    """Unlink the keys of these epochs, the meta last, so that what is left is found again."""
    for epoch in epochs:
        keyspace = Keyspace(shard, epoch)
        if await link.command("EXISTS", keyspace.meta):
            await _sweep_epoch(link, keyspace)


async def _sweep_epoch(link: Link, keyspace: Keyspace) -> None:
    cursor = b"0"
    while True:
        cursor, keys = await link.command("SCAN", cursor, "MATCH", f"{keyspace.prefix}*", "COUNT", SCAN_COUNT)
        doomed = [key for key in keys if key != keyspace.meta.encode()]
        if doomed:
            await link.command("UNLINK", *doomed)
        if int(cursor) == 0:
            break
        await asyncio.sleep(PAUSE_S)
    await link.command("UNLINK", keyspace.meta)
