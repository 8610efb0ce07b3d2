"""All that a stack knows, as a digest of each table and each counter, so that a test can say: nothing has changed.

Reads past Row-Level Security. Must never write.
"""

import redis.asyncio as aioredis

from store.keys import Keyspace
from tests.servers.waiting import eventually

from .provoking import Shop

Census = dict[str, str]

_TABLES = """
SELECT string_agg(format(
    'SELECT %L AS name, count(*) || '' '' || coalesce(bit_xor(hashtextextended(t::text, 0)), 0) AS digest FROM %I t',
    c.relname, c.relname), ' UNION ALL ')
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relname = ANY ($1)
"""
_POSITIONS = """
SELECT p.shard, p.epoch, p.entry_ms || '-' || p.entry_seq AS position
FROM stream_positions p JOIN epochs e USING (shard, epoch) WHERE e.state = 'open'
"""
_OF_PROCESSES = ["alarms", "epochs", "receipt_heads", "receipts", "stream_positions", "worker_leases"]
"""What processes write by themselves, whether anything is asked of them or not."""
_AMOUNTS = ("granted", "returned", "held")


async def ledger_census(shop: Shop) -> Census:
    """Each table of PostgreSQL, once nothing is on its way to it."""
    census: list[Census] = []

    async def stands_still() -> bool:
        if not await _has_all_of_redis(shop):
            return False
        statement = await shop.owner.fetchval(_TABLES, _OF_PROCESSES)
        census.append({row["name"]: row["digest"] for row in await shop.owner.fetch(statement)})
        return len(census) > 1 and census[-2] == census[-1]

    await eventually(stands_still, "a ledger that stands still")
    return census[-1]


async def _has_all_of_redis(shop: Shop) -> bool:
    """Whether all that Redis has granted so far is in PostgreSQL."""
    async with aioredis.Redis.from_url(shop.stack.state.redis_url) as client:
        for at in await shop.owner.fetch(_POSITIONS):
            stream = Keyspace(at["shard"], at["epoch"]).stream
            if await client.exists(stream):
                last = (await client.xinfo_stream(stream))["last-generated-id"].decode()
                if _numbers(last) > _numbers(at["position"]):
                    return False
    return True


def _numbers(position: str) -> tuple[int, ...]:
    return tuple(int(part) for part in position.split("-"))


async def redis_census(shop: Shop) -> Census:
    """The counters of Redis, the names of its records, and how many entries its streams have had."""
    census = {}
    async with aioredis.Redis.from_url(shop.stack.state.redis_url) as client:
        async for key in client.scan_iter(match="{vf*}:*", count=5000):
            name = key.decode()
            kind = name.split(":")[2]
            if kind == "k":
                census[name] = repr(await client.hmget(key, list(_AMOUNTS)))
            elif kind == "i":
                census[name] = "a record"
            elif kind == "stream":
                census[name] = str((await client.xinfo_stream(key))["entries-added"])
    return census


def changed(before: Census, after: Census) -> set[str]:
    """What is not the same in both."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
