"""What PostgreSQL and Redis say, read past everything that protects them: as the owner, and directly.

A sample is taken while the world is harmed, so that a store that does not answer is no news: it is skipped. Must never
write.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from store.keys import Keyspace
from tests.chaos import facts_cards, facts_kept
from tests.chaos.history import (
    Epoch,
    Facts,
    LedgerCounter,
    Quarantined,
    RedisCounter,
    Row,
    Sample,
    ShardEnd,
    Usage,
)
from tests.chaos.kept import KeptHold

AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, RedisError)
_FIELDS = ("granted", "returned", "confirmed", "held", "withheld")

# One statement, so that counters and rows are of one instant. `$1`: only what is asked for by name, or looks wrong.
_COUNTERS = """
WITH moves AS (
    SELECT l.project_id, m ->> 0 AS id, sum((m ->> 1)::bigint)::bigint AS granted
    FROM redemption_lines l CROSS JOIN jsonb_array_elements(l.moves) AS m
    GROUP BY 1, 2
), back AS (
    SELECT b.project_id, m ->> 0 AS id, sum((m ->> 1)::bigint)::bigint AS returned
    FROM redemption_rollbacks b CROSS JOIN jsonb_array_elements(b.moves) AS m
    GROUP BY 1, 2
), kept AS (
    SELECT q.project_id, m ->> 0 AS id, sum((m ->> 1)::bigint)::bigint AS quarantined
    FROM quarantine q CROSS JOIN jsonb_array_elements(q.counted_moves) AS m
    WHERE q.status = 'open' GROUP BY 1, 2
), counted AS (
    SELECT project_id, id, coalesce(c.granted, 0) AS granted, coalesce(c.returned, 0) AS returned,
        coalesce(c.quarantined, 0) AS quarantined, c.ceiling, coalesce(m.granted, 0) AS rows_granted,
        coalesce(b.returned, 0) AS rows_returned, coalesce(k.quarantined, 0) AS rows_quarantined
    FROM counters c FULL JOIN moves m USING (project_id, id)
        FULL JOIN back b USING (project_id, id) FULL JOIN kept k USING (project_id, id)
)
SELECT * FROM counted
WHERE $1::text[] IS NULL OR id = ANY ($1) OR granted - returned > ceiling
    OR (granted, returned, quarantined) IS DISTINCT FROM (rows_granted, rows_returned, rows_quarantined)
"""
_ROWS = """
SELECT r.project_id, r.id, r.status = 'rolled_back' AS rolled_back, r.idempotency_key AS key, l.code, l.campaign_id,
    r.customer_id, r.order_value_minor, r.discount_minor, r.body
FROM redemptions r LEFT JOIN redemption_lines l ON (l.project_id, l.redemption_id) = (r.project_id, r.id)
"""
_QUARANTINE = "SELECT shard, project_id, redemption_id, status, reason, counted_moves::text AS moves FROM quarantine"
_EPOCHS = "SELECT shard, epoch, state, withheld_epochs, released_at, to_jsonb(e)::text AS whole FROM epochs e"
_POSITIONS = """
SELECT p.shard, p.epoch, p.entry_ms || '-' || p.entry_seq AS position
FROM stream_positions p JOIN epochs e USING (shard, epoch) WHERE e.state = 'open'
"""
_USAGE = """
SELECT project_id, sum(redemptions)::bigint AS redemptions, sum(rollbacks)::bigint AS rollbacks,
    sum(discount_minor)::bigint AS discount_minor
FROM usage_daily GROUP BY project_id
"""


class Stores:
    """The two stores of a run. A connection for each question, because either may die between two."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def sample(self, redis_url: str, counters: Sequence[str]) -> Sample | None:
        """What these counters are now, and whatever else looks wrong; None while a store is away."""
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(4):
                ledger, positions, uneven = await self._ask(
                    (_COUNTERS, list(counters)), (_POSITIONS,), (facts_cards.UNEVEN,)
                )
                redis = await _some_counters(redis_url, positions, counters)
        except AWAY:
            return None
        uneven_cards = [row["counter"] for row in uneven]
        return Sample(asked_at, time.monotonic(), _as(LedgerCounter, ledger), redis, uneven_cards)

    async def epochs(self) -> list[Epoch]:
        """Every epoch of every shard."""
        (rows,) = await self._ask((_EPOCHS,))
        return _epochs(rows)

    async def codes(self, campaign_id: str) -> list[str]:
        """The codes of a campaign."""
        (rows,) = await self._ask(("SELECT code FROM vouchers WHERE campaign_id = $1 ORDER BY code", campaign_id))
        return [row["code"] for row in rows]

    async def facts(self, redis_url: str) -> Facts:
        """Everything."""
        (
            ledger, rows, quarantine, epochs, positions, usage, stacks, lines, reservations, holds, cards, entries,
        ) = await self._ask(
            (_COUNTERS, None), (_ROWS,), (_QUARANTINE,), (_EPOCHS,), (_POSITIONS,), (_USAGE,),
            (facts_kept.ROWS,), (facts_kept.LINES,), (facts_kept.RESERVATIONS,), (facts_kept.HOLDS,),
            (facts_cards.CARDS,), (facts_cards.ENTRIES,),
        )  # fmt: skip
        redis, redis_holds, ends = await _all_of_redis(redis_url, positions)
        return Facts(
            rows=[_row(row) for row in rows if not facts_kept.is_stack(row)],
            ledger=_as(LedgerCounter, ledger),
            redis=redis,
            quarantine=[
                Quarantined(row["shard"], row["project_id"], row["redemption_id"], row["status"], row["reason"],
                            msgspec.json.decode(row["moves"], type=list[tuple[str, int]]))
                for row in quarantine
            ],
            epochs=_epochs(epochs),
            shards=ends,
            usage=_as(Usage, usage),
            stacks=facts_kept.stacks(stacks, lines),
            reservations=facts_kept.reservations(reservations),
            holds=facts_kept.holds(holds),
            redis_holds=redis_holds,
            at_ms=time.time_ns() // 1_000_000,
            cards=facts_cards.cards(cards, entries),
        )  # fmt: skip

    async def _ask(self, *questions: tuple[Any, ...]) -> list[list[Any]]:
        """All of them of one instant."""
        connection = await asyncpg.connect(self._database_url, timeout=3, command_timeout=20)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [await connection.fetch(*question) for question in questions]
        finally:
            await connection.close(timeout=2)


def _epochs(rows: Iterable[Any]) -> list[Epoch]:
    return [
        Epoch(
            row["shard"],
            row["epoch"],
            row["state"],
            row["withheld_epochs"],
            row["released_at"] is not None,
            bool(msgspec.json.decode(row["whole"]).get("unaccounted")),
        )
        for row in rows
    ]


def _row(row: Any) -> Row:
    return Row(**{name: row[name] for name in Row.__struct_fields__})


def _as(type_: Any, rows: Iterable[Any]) -> Any:
    return [type_(**dict(row)) for row in rows]


def _client(url: str) -> Any:
    return aioredis.Redis.from_url(
        url, decode_responses=True, socket_timeout=3, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def _counter(shard: int, name: str, fields: dict[str, str], now_ms: int) -> tuple[RedisCounter, list[KeptHold]]:
    holds = facts_kept.holds_in_redis(shard, name, list(fields.items()))
    expired = sum(hold.amount for hold in holds if hold.expires_ms <= now_ms)
    values = {field: int(fields.get(field) or 0) for field in _FIELDS}
    limit = int(fields["limit"]) if fields.get("limit") else None
    return RedisCounter(shard, name, **values, expired=expired, limit=limit), holds


async def _now_ms(client: Any, keys: Keyspace) -> int:
    """The time as the shard's script sees it."""
    seconds, micros = await client.time()
    return max(int(seconds * 1000 + micros // 1000), int(await client.hget(keys.meta, "last") or 0))


async def _some_counters(url: str, positions: Iterable[Any], names: Sequence[str]) -> list[RedisCounter]:
    found = []
    async with _client(url) as client:
        for at in positions:
            keys = Keyspace(at["shard"], at["epoch"])
            now_ms = await _now_ms(client, keys)
            async with client.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hgetall(keys.counter(name))
                values = await pipeline.execute()
            pairs = zip(names, values, strict=True)
            found += [_counter(at["shard"], name, fields, now_ms)[0] for name, fields in pairs if "granted" in fields]
    return found


async def _all_of_redis(
    url: str, positions: Iterable[Any]
) -> tuple[list[RedisCounter], list[KeptHold], list[ShardEnd]]:
    counters, holds, ends = [], [], []
    async with _client(url) as client:
        for at in positions:
            keys, shard = Keyspace(at["shard"], at["epoch"]), at["shard"]
            start, now_ms = keys.counter(""), await _now_ms(client, keys)
            names = [key async for key in client.scan_iter(match=f"{start}*", count=2000)]
            async with client.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hgetall(name)
                values = await pipeline.execute()
            for name, fields in zip(names, values, strict=True):
                counter, held = _counter(shard, name.removeprefix(start), fields, now_ms)
                counters.append(counter)
                holds += held
            position = await client.hget(keys.meta, "position")
            ends.append(ShardEnd(shard, at["position"], str(position), await client.xlen(keys.stream)))
    return counters, holds, ends
