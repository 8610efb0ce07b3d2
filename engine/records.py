"""Redemptions as they are known: by their record in Redis, or by their row in PostgreSQL.

Must never say that a redemption does not exist while one of the two could not be asked.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, TypeVar

import msgspec

from domain.events import Redeemed, RolledBack, decode
from domain.ids import is_id
from domain.ledger import Record
from domain.problems import Refused
from store.database import UNAVAILABLE, Database
from store.queries import query
from store.rings import Answer
from store.scripts import parse_record

from .batching import Batcher
from .shard import ServedShard

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_ROWS = query("redemptions_by_id")
_OF_ORDERS = query("redemptions_by_order")


class Known(msgspec.Struct, frozen=True):
    """A redemption: its event, when it was granted, its rollbacks in order, and when it was rolled back whole, if it
    was. `record` is that of this epoch, whose event may not be settled yet; None where the ledger has the row."""

    event: Redeemed
    time_ms: int
    fingerprint: bytes
    rolled_back_ms: int | None = None
    record: Record | None = None
    rollbacks: tuple[RolledBack, ...] = ()
    balances: dict[int, int] = {}
    """What its cards had left, by the number of the line; the ledger's alone."""


class Records:
    """Looks redemptions up; questions to PostgreSQL are batched by project."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: dict[str, Batcher[str, Known | None]] = {}
        self._by_order: dict[str, Batcher[bytes, str | None]] = {}

    async def in_ledger(self, project_id: str, redemption_id: str) -> Known | None:
        """The row, if the ledger has it; one of UNAVAILABLE where PostgreSQL is away."""

        async def fetch(ids: list[str]) -> dict[str, Known | None]:
            rows = await self._fetch(_ROWS, project_id, ids)
            return {**dict.fromkeys(ids), **{row["id"]: _known(row) for row in rows}}

        return await _batcher(self._by_id, project_id, fetch).get(redemption_id)

    async def of_order(self, project_id: str, order_key: bytes) -> Known | None:
        """The redemption of this order that is not rolled back, if the ledger has one; UNAVAILABLE as above."""

        async def fetch(keys: list[bytes]) -> dict[bytes, str | None]:
            rows = await self._fetch(_OF_ORDERS, project_id, keys)
            return {**dict.fromkeys(keys), **{row["order_key"]: row["id"] for row in rows}}

        redemption_id = await _batcher(self._by_order, project_id, fetch).get(order_key)
        return None if redemption_id is None else await self.in_ledger(project_id, redemption_id)

    async def _fetch(self, sql: str, project_id: str, keys: list[Any]) -> list[Any]:
        async with self._database.tenant_tx(project_id) as tx:
            return await tx.fetch(sql, project_id, keys)


def _batcher(
    batchers: "dict[str, Batcher[K, V]]", project_id: str, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]]
) -> "Batcher[K, V]":
    batcher = batchers.get(project_id)
    if batcher is None:
        if len(batchers) >= 1000:
            batchers.clear()
        batcher = batchers[project_id] = Batcher(fetch)
    return batcher


def _known(row: Any) -> Known:
    event = decode(row["body"])
    assert isinstance(event, Redeemed), "a redemption's body is its event"
    rollbacks = [decode(body) for body in row["rollbacks"]]
    return Known(
        event,
        row["created_ms"],
        row["fingerprint"],
        row["rolled_back_ms"],
        rollbacks=tuple([each for each in rollbacks if isinstance(each, RolledBack)]),
        balances=dict(row.get("balances") or ()),
    )


def answer_of(record: Record) -> Answer:
    """A record's event as the ring keeps it: what is answered again is acknowledged again."""
    return Answer(record.position, record.index, record.time_ms, record.payload)


async def find_redemption(records: Records, served: ServedShard, project_id: str, redemption_id: str) -> Known:
    """The redemption, from the ledger or from this epoch's record; Refused where the project has none."""
    if not is_id("rdm", redemption_id):
        raise Refused("redemption_not_found")
    found = await in_either(
        in_redis(served, project_id, redemption_id), lambda: records.in_ledger(project_id, redemption_id)
    )
    if found is None:
        raise Refused("redemption_not_found")
    return found


async def in_either(redis: Awaitable[V | None], ledger: Callable[[], Awaitable[V | None]]) -> V | None:
    """What the ledger has, or else what Redis has: asked first, because between the two questions it can go from
    Redis' stream to the ledger, never back. UNAVAILABLE where nothing is known and PostgreSQL is away."""
    recent = await redis
    try:
        return await ledger() or recent
    except UNAVAILABLE:
        if recent is None:
            raise
        return recent


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
