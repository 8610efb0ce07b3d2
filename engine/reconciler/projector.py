"""Finishes what is left over, every 200 ms: changes of definitions that Redis has not been told, rows to sweep, and
what the metrics know of quarantine and alarms.

Must never take a change that is younger than a second: the request that made it is still at it.
"""

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import Any, cast

from engine.reconciler.metrics import ShardMetrics
from engine.reconciler.servers import Servers
from store import log, quarantine, recovery
from store.database import UNAVAILABLE, Database
from store.definitions import Object, project_change
from store.keys import Keyspace
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.queries import query
from store.recovery import read_state
from store.scripts import Scripts

TICK_S = 0.2
PATIENCE = timedelta(seconds=1)
SWEEP_S = 2.0

_UNAPPLIED = query("unapplied_changes")
_SWEEP_OUTBOX = query("sweep_outbox")
_EXPECTED: tuple[type[Exception], ...] = (*UNAVAILABLE, FencedOut, RedisFull, RedisUnavailable, ScriptFailed)


class Projector:
    """One per process, over all its shards."""

    def __init__(self, database: Database, servers: Servers, metrics: dict[int, ShardMetrics]) -> None:
        self._database = database
        self._servers = servers
        self._metrics = metrics
        self._swept = float("-inf")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            sweeps = time.monotonic() - self._swept > SWEEP_S
            for shard in self._metrics:
                try:
                    await self._shard(shard, sweeps)
                except _EXPECTED:
                    continue  # the shard's keeper says so; what is left stays in the outbox
                except Exception as error:  # noqa: BLE001 - the edge: one broken row must not end the loop
                    log.error("projector failed", shard=shard, error=f"{type(error).__name__}: {error}"[:300])
            if sweeps:
                self._swept = time.monotonic()
            await asyncio.sleep(TICK_S)

    async def _shard(self, shard: int, sweeps: bool) -> None:
        async with self._database.shard_tx(shard) as tx:
            changes = await tx.fetch(_UNAPPLIED, shard, PATIENCE)
            state = await read_state(tx, shard) if changes or sweeps else None
        if state is None or state.state != "open":
            return
        if changes:
            link = self._servers.link(state.identity)
            scripts = Scripts(link, Keyspace(shard, state.epoch))
            for row in changes:
                if not await self._project(shard, scripts, row):
                    return
        if sweeps:
            await self._sweep(shard)

    async def _project(self, shard: int, scripts: Scripts, row: Any) -> bool:
        """Finish one change; False where the epoch is closed. One that cannot be told to Redis stays in the outbox,
        and holds up no other: they may be another tenant's."""
        object_ = cast(Object, row["object"])
        open_tx = partial(self._database.shard_tx, shard)
        try:
            return await project_change(open_tx, scripts, row["project_id"], object_, row["object_id"])
        except _EXPECTED:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: one broken row must not end the others
            what, which = f"{type(error).__name__}: {error}"[:300], row["project_id"]
            log.error("change not projected", shard=shard, project=which, object=object_, error=what)
            return True

    async def _sweep(self, shard: int) -> None:
        async with self._database.shard_tx(shard) as tx:
            await tx.execute(_SWEEP_OUTBOX, shard)
            await recovery.sweep_leases(tx, shard)
            open_entries = await quarantine.count_open(tx, shard)
            if not open_entries:
                await quarantine.resolve_alarm(tx, "quarantine", shard)
            kinds = await quarantine.open_alarms(tx, shard)
        self._metrics[shard].quarantined(open_entries)
        for kind in self._metrics[shard].alarms(kinds):
            log.error("alarm", kind=kind, shard=shard)
