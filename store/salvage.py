"""Gets back from Redis what a restored PostgreSQL has forgotten: the idempotency records of the last 24 hours.

Each record holds its event in its place, which is all that a ring's answer is; so they are handed in like a ring, and
recovery settles those that the ledger does not have. Must never be needed but by a person, after a restore.
"""

from typing import Any

from store.keys import records_of_shard
from store.link import Link
from store.recovery import read_state
from store.rings import Answer, hand_in
from store.scripts import parse_record

SALVAGER = "salvage"
"""Stands in the place of a worker's id."""

SCAN_COUNT = 1000


async def salvage(connection: Any, redis_url: str, shard: int) -> int:
    """Hand in every record of the shard that Redis still has, of whatever epoch; how many. `connection` is the
    owner's. Raises RedisUnavailable where Redis is away; may be repeated."""
    state = await read_state(connection, shard)
    if state is None:
        return 0
    link = Link(redis_url, max_connections=1)
    found, cursor = 0, b"0"
    try:
        while True:
            cursor, keys = await link.command(
                "SCAN", cursor, "MATCH", records_of_shard(shard), "COUNT", SCAN_COUNT, "TYPE", "string"
            )
            values = await link.command("MGET", *keys) if keys else []
            answers = [_answer(value) for value in values if value is not None]
            if answers:
                # Of the newest epoch that PostgreSQL knows: it may never have heard of the one they were granted in.
                async with connection.transaction():
                    await hand_in(connection, shard, state.epoch, SALVAGER, answers)
            found += len(answers)
            if int(cursor) == 0:
                return found
    finally:
        await link.close()


def _answer(value: bytes) -> Answer:
    record = parse_record(value)
    return Answer(record.position, record.index, record.time_ms, record.payload)
