"""Collects what many requests ask for into one question: batched, single-flight, the next when the last is answered.

Must never linger: a batch is sent as soon as the one before it is done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batcher(Generic[K, V]):
    """Answers keys by calling `fetch` with up to `max_keys` distinct ones at a time."""

    def __init__(self, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]], max_keys: int = 500) -> None:
        self._fetch = fetch
        self._max_keys = max_keys
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._runner: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """The value of a key; raises what `fetch` raised, or KeyError where it did not answer the key."""
        return await asyncio.shield(self._ask_for(key))

    async def get_all(self, keys: Iterable[K]) -> list[V]:
        """The values of keys, asked for together."""
        asked = [self._ask_for(key) for key in keys]
        return [await asyncio.shield(future) for future in asked]

    def _ask_for(self, key: K) -> "asyncio.Future[V]":
        future = self._asked.get(key) or self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._runner is None:
                self._runner = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._max_keys]
                self._asked = {key: self._waiting.pop(key) for key in keys}
                await self._ask(keys)
        finally:
            self._runner = None

    async def _ask(self, keys: list[K]) -> None:
        try:
            answers = await self._fetch(keys)
        except BaseException as error:
            for future in self._asked.values():
                future.set_exception(error)
                future.exception()  # nobody may be waiting any more: that is no error of its own
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in self._asked.items():
                if key in answers:
                    future.set_result(answers[key])
                else:
                    future.set_exception(KeyError(key))
                    future.exception()
        finally:
            self._asked = {}
