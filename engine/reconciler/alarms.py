"""Alarms of one shard: each is a row, a metric and one log line. Must never keep a shard from its work: an alarm that
PostgreSQL cannot take now is still a line and a metric, and is raised again with the next failure."""

from typing import Any

import asyncpg

from engine.reconciler.metrics import ShardMetrics
from store import log, quarantine
from store.database import UNAVAILABLE, Database

_UNRECORDED: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.PostgresError)


class Alarms:
    """What a person must look at."""

    def __init__(self, shard: int, database: Database, metrics: ShardMetrics) -> None:
        self._shard = shard
        self._database = database
        self._metrics = metrics

    async def open(self, kind: str, detail: dict[str, Any]) -> None:
        """Raise it; one line when it is new."""
        is_new = self._metrics.alarm(kind, is_open=True)
        try:
            async with self._database.shard_tx(self._shard) as tx:
                await quarantine.raise_alarm(tx, kind, self._shard, detail)
        except _UNRECORDED as error:
            detail = {**detail, "not_recorded": type(error).__name__}
        if is_new:
            log.error("alarm", kind=kind, shard=self._shard, **detail)

    async def close(self, kind: str) -> None:
        """What it told of is over."""
        async with self._database.shard_tx(self._shard) as tx:
            was_open = await quarantine.resolve_alarm(tx, kind, self._shard)
        if self._metrics.alarm(kind, is_open=False) or was_open:
            log.info("alarm resolved", kind=kind, shard=self._shard)
