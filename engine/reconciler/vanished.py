"""Forgets workers that vanished from an epoch that goes on, once all that they can have answered is in the ledger.

Their leases are what recovery goes by: one that stays would withhold a window for a worker that has lost nothing.
Must never forget one whose lease may still hold.
"""

import asyncio

from engine.reconciler.servers import Servers, read_meta
from store.database import Database
from store.keys import Keyspace
from store.recovery import forget_drained, over_leases, read_state

LOOK_S = 1.0
TRIES = 20
TRY_S = 0.05


class Vanished:
    """One per process, over all its shards."""

    def __init__(self, database: Database, servers: Servers) -> None:
        self._database = database
        self._servers = servers

    async def visit(self, shard: int) -> None:
        """One look at one shard."""
        async with self._database.shard_tx(shard) as tx:
            state = await read_state(tx, shard)
            workers = await over_leases(tx, shard, state.epoch) if state is not None and state.state == "open" else []
        if state is None or not workers:
            return
        # Read after their leases were over: nothing that they have answered stands behind it.
        meta = await read_meta(self._servers.link(state.identity), Keyspace(shard, state.epoch))
        if meta is None:
            return
        for _ in range(TRIES):
            async with self._database.shard_tx(shard) as tx:
                now = await read_state(tx, shard)
                if now is None or now.epoch != state.epoch or now.state != "open":
                    return
                if now.position >= meta.entry:
                    await forget_drained(tx, shard, state.epoch, workers, meta.entry)
                    return
            await asyncio.sleep(TRY_S)
