"""Listens to what confirm publishes, for all shards, on a connection of its own.

Must never invent a confirmation: when the connection is cut, every shard counts as unheard until it speaks again. Must
never trust a silent connection for long: a server that has vanished does not say so to one who only listens.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from domain.ledger import Position
from store import log
from store.keys import confirmed_channel

from .waiting import ShardWaiters, decode_message

RECONNECT_S = 0.1
SILENT_S = 5.0
"""The reconciler speaks of every shard at least twice a second; after this silence the subscription is made anew."""


class Listener:
    """The waiters of every shard, fed from one subscription."""

    def __init__(
        self,
        redis_url: str,
        shards: int,
        on_confirmed: Callable[[int, int, Position], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = redis_url
        self._on_confirmed = on_confirmed
        self._waiters = {shard: ShardWaiters(clock) for shard in range(shards)}
        self._channels = {confirmed_channel(shard).encode(): shard for shard in range(shards)}
        self._task: asyncio.Task[None] | None = None

    def shard(self, number: int) -> ShardWaiters:
        """Who waits on this shard."""
        return self._waiters[number]

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            client = aioredis.Redis.from_url(
                self._url, retry=Retry(NoBackoff(), 0), protocol=2, socket_connect_timeout=2.0, socket_timeout=None
            )
            try:
                await self._listen(client)
            except (RedisError, OSError) as error:
                log.warning("the subscription was cut", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the edge: a worker that no longer listens would never know it
                log.error("the subscription failed", error=type(error).__name__, where=log.where(error))
            finally:
                for waiters in self._waiters.values():
                    waiters.reset()
                await client.aclose()
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, client: aioredis.Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(*self._channels)
            loop = asyncio.get_running_loop()
            # TimeoutError is an OSError: silence ends the subscription as a cut does.
            async with asyncio.timeout(SILENT_S) as silence:
                async for message in subscription.listen():
                    silence.reschedule(loop.time() + SILENT_S)
                    self._heard(message)

    def _heard(self, message: Any) -> None:
        shard = self._channels.get(message["channel"])
        if shard is not None:
            said = decode_message(message["data"])
            self._waiters[shard].heard(said)
            self._on_confirmed(shard, said.epoch, said.new)
