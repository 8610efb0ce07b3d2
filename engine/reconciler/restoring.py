"""Gives Redis back the idempotency records of the last 24 hours after a recovery.

Until it has them, engines ask the ledger for every key; from then on a retried key gets its answer without
PostgreSQL. Must never overwrite a record, and never call the work done before the last one is there.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.ids import FINGERPRINT_BYTES
from domain.ledger import Position, Record
from domain.outcomes import Status
from engine.reconciler.servers import Servers
from store import log
from store.database import Database
from store.keys import Keyspace
from store.link import Identity
from store.queries import query
from store.scripts import RECORD_TTL_MS, Scripts

LOOK_S = 0.5
PAUSE_S = 0.005
"""Between two pages of 500, so that a checkout's scripts do not wait in a row behind them."""

_WITHOUT = query("epochs_without_records")
_PROJECTS = query("projects_of_shard")
_RECORDS = query("records_to_restore")
_DONE = query("records_restored")


class Restoring:
    """One per process, over all its shards."""

    def __init__(self, database: Database, servers: Servers) -> None:
        self._database = database
        self._servers = servers

    async def visit(self, shard: int) -> None:
        """Restore the records of one shard, if its open epoch lacks them."""
        async with self._database.shard_tx(shard) as tx:
            row = await tx.fetchrow(_WITHOUT, shard)
            projects = [found["id"] for found in await tx.fetch(_PROJECTS, shard)] if row is not None else []
        if row is None:
            return
        link = self._servers.link(Identity(row["run_id"], row["replication_id"]))
        scripts = Scripts(link, Keyspace(shard, row["epoch"]))
        count = 0
        for project_id in projects:
            restored = await self._project(scripts, shard, project_id, row["opened_at"])
            if restored is None:
                return
            count += restored
        async with self._database.shard_tx(shard) as tx:
            await tx.execute(_DONE, shard, row["epoch"])
        log.info("records restored", shard=shard, epoch=row["epoch"], records=count)

    async def _project(self, scripts: Scripts, shard: int, project_id: str, opened_at: datetime) -> int | None:
        """All records of one project; None where the epoch is over."""
        since = opened_at - timedelta(milliseconds=RECORD_TTL_MS)
        # What is granted in the new epoch has its record from the script; reading it here again does no harm.
        before: tuple[datetime, str] = (datetime.max.replace(tzinfo=UTC), "")
        count = 0
        while True:
            async with self._database.shard_tx(shard) as tx:
                rows = await tx.fetch(_RECORDS, project_id, since, *before, shard)
            if not rows:
                return count
            if await scripts.restore([_record(row) for row in rows]) is not Status.OK:
                return None
            count += len(rows)
            before = rows[-1]["created_at"], rows[-1]["id"]
            await asyncio.sleep(PAUSE_S)


def _record(row: Any) -> tuple[str, Record]:
    """Settled long since, so it stands before every position. One whose customer is erased is no request's any more."""
    fingerprint = row["fingerprint"].ljust(FINGERPRINT_BYTES, b"\0")
    return row["id"], Record(fingerprint, Position(), 0, row["created_ms"], row["body"])
