"""Redemptions as they are known: by their record in Redis, or by their row in PostgreSQL.

Must never say that a redemption does not exist while one of the two could not be asked.
"""

from collections.abc import Sequence

import msgspec

from domain.events import Redeemed, decode
from domain.ledger import Record
from store.database import Database
from store.queries import query
from store.scripts import parse_record

from .batching import Batcher
from .shard import ServedShard

_ROWS = query("redemptions_by_id")


class Known(msgspec.Struct, frozen=True):
    """A redemption: its event, when it was granted, and when it was rolled back, if it was. `record` is
    that of this epoch, whose event may not be settled yet; None where the ledger has the row."""

    event: Redeemed
    time_ms: int
    fingerprint: bytes
    rolled_back_ms: int | None = None
    record: Record | None = None


class Records:
    """Looks redemptions up; questions to PostgreSQL are batched by project."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batchers: dict[str, Batcher[str, Known | None]] = {}

    async def in_ledger(self, project_id: str, redemption_id: str) -> Known | None:
        """The row, if the ledger has it; one of UNAVAILABLE where PostgreSQL is away."""
        batcher = self._batchers.get(project_id)
        if batcher is None:
            if len(self._batchers) >= 1000:
                self._batchers.clear()

            async def fetch(ids: list[str]) -> dict[str, Known | None]:
                return await self._rows(project_id, ids)

            batcher = self._batchers[project_id] = Batcher(fetch)
        return await batcher.get(redemption_id)

    async def _rows(self, project_id: str, ids: Sequence[str]) -> dict[str, Known | None]:
        async with self._database.tenant_tx(project_id) as tx:
            rows = await tx.fetch(_ROWS, project_id, list(ids))
        found: dict[str, Known | None] = dict.fromkeys(ids)
        for row in rows:
            event = decode(row["body"])
            assert isinstance(event, Redeemed), "a redemption's body is its event"
            found[row["id"]] = Known(event, row["created_ms"], row["fingerprint"], row["rolled_back_ms"])
        return found


async def in_redis(served: ServedShard, project_id: str, redemption_id: str) -> Known | None:
    """The record of this epoch, if the redemption is one of this project's."""
    raw = await served.shard.link.command("GET", served.shard.keyspace.record(redemption_id))
    if raw is None:
        return None
    record = parse_record(raw)
    event = decode(record.payload)
    if not isinstance(event, Redeemed) or event.project_id != project_id:
        return None
    return Known(event, record.time_ms, record.fingerprint, record=record)
