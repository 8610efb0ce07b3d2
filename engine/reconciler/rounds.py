"""Visits every shard again and again, for the work that nobody waits for.

A store that is away ends a visit, not the round: the shard's keeper says so, and the work is still there next time.
Must never be used for what a checkout waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import asyncpg

from store.database import UNAVAILABLE
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed

_AWAY: tuple[type[Exception], ...] = (
    *UNAVAILABLE,
    asyncpg.PostgresError,
    FencedOut,
    RedisFull,
    RedisUnavailable,
    ScriptFailed,
)


async def rounds(shards: Iterable[int], visit: Callable[[int], Awaitable[None]], pause_s: float) -> None:
    """Until cancelled."""
    numbers = list(shards)
    while True:
        for shard in numbers:
            try:
                await visit(shard)
            except _AWAY:
                continue
        await asyncio.sleep(pause_s)
