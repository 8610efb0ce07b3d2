"""One script call per shard and event-loop turn: collects items, commits them in one batch, hands out outcomes.

The next batch is sent when the last is answered, so batches grow with the load by themselves. Must never retry a
batch: after a failure only the caller's client knows whether to ask again, with the same key.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from domain.ledger import CommitReply, Item, Outcome, Position
from domain.outcomes import Status
from domain.problems import Refused
from store.failpoints import reached
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed

from .metrics import Metrics

MAX_BATCH = 128
MAX_MOVES = 1024
"""Of one call, give or take an item: a stack has many, and everybody waits while the script judges them."""


class Committed(msgspec.Struct, frozen=True, gc=False):
    """An outcome with what the batch says of it: the time, the entry, the shard's last position."""

    outcome: Outcome
    now_ms: int
    entry: Position | None
    last: Position


class CommitBatch(Protocol):
    """The commit script, or what stands in for it in a benchmark."""

    async def commit(self, items: list[Item]) -> CommitReply: ...


class Committer:
    """The queue of one shard in one epoch. `may_grant` is the worker's lease; `on_fence` is told when the epoch
    turns out to be over, `on_broken` when a script raised."""

    def __init__(
        self,
        scripts: CommitBatch,
        metrics: Metrics,
        may_grant: Callable[[], bool],
        on_fence: Callable[[], None],
        on_broken: Callable[[], None],
    ) -> None:
        self._scripts = scripts
        self._metrics = metrics
        self._may_grant = may_grant
        self._on_fence = on_fence
        self._on_broken = on_broken
        self._queue: deque[tuple[Item, asyncio.Future[Committed]]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def submit(self, item: Item) -> "asyncio.Future[Committed]":
        """Queue an item for the next batch; the future raises Refused where the batch did not come back."""
        future: asyncio.Future[Committed] = self._loop.create_future()
        self._queue.append((item, future))
        if self._runner is None:
            # The task starts in the next turn of the loop, so all that is asked in this one goes together.
            self._runner = self._loop.create_task(self._run())
        return future

    async def _run(self) -> None:
        queue = self._queue
        try:
            while queue:
                batch = _next_batch(queue)
                try:
                    await self._commit(batch)
                except BaseException as error:
                    _fail(batch, error)
                    raise
        finally:
            self._runner = None

    async def _commit(self, batch: list[tuple[Item, "asyncio.Future[Committed]"]]) -> None:
        if not self._may_grant():
            self._on_fence()
            _fail(batch, Refused("recovering", "this worker's lease is over"))
            return
        reached("engine.before_send")
        try:
            reply = await self._scripts.commit([item for item, _ in batch])
            reached("engine.after_send")
        except RedisUnavailable:
            self._on_fence()
            _fail(batch, Refused("outcome_pending", "Redis did not answer"))
            return
        except FencedOut:
            self._on_fence()
            _fail(batch, Refused("recovering"))
            return
        except RedisFull:
            _fail(batch, Refused("store_unavailable", "Redis is full"))
            return
        except ScriptFailed:
            self._on_broken()
            _fail(batch, Refused("recovering"))
            return
        if reply.status is not Status.OK or not self._may_grant():
            # An answer that comes after the lease is over is not given: a recovery may have gone on without it.
            self._on_fence()
            _fail(batch, Refused("recovering" if reply.status is not Status.OK else "outcome_pending"))
            return
        self._metrics.batches += 1
        self._metrics.items += len(batch)
        now_ms, entry, last = reply.now_ms, reply.entry, reply.last
        for (_, future), outcome in zip(batch, reply.outcomes, strict=True):
            if not future.done():
                future.set_result(Committed(outcome, now_ms, entry, last))


def _next_batch(
    queue: "deque[tuple[Item, asyncio.Future[Committed]]]",
) -> list[tuple[Item, "asyncio.Future[Committed]"]]:
    batch: list[tuple[Item, asyncio.Future[Committed]]] = []
    moves = 0
    while queue and len(batch) < MAX_BATCH and moves < MAX_MOVES:
        waiting = queue.popleft()
        moves += len(waiting[0].moves)
        batch.append(waiting)
    return batch


def _fail(batch: list[tuple[Item, "asyncio.Future[Committed]"]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # a caller that has gone leaves nobody to hear it
