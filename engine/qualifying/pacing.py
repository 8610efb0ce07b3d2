"""Work that takes long, in slices: between two of them the worker serves others.

However many questions are asked, one slice of them runs in each turn of the event loop: else what a checkout waits for
would wait for all of them. Must never be used around a decision that others could change meanwhile.
"""

import asyncio
import time
from collections import deque
from weakref import WeakKeyDictionary

SLICE_S = 0.002


class Pace:
    """One piece of such work. Not `queues`: it only lets others in between, because something waits for it that must
    not wait long, a transaction."""

    __slots__ = ("_queues", "_since")

    def __init__(self, queues: bool = True) -> None:
        self._queues = queues
        self._since = time.monotonic()

    async def breathe(self) -> None:
        """Let others have their turn, if this has taken a slice of time."""
        if time.monotonic() - self._since >= SLICE_S:
            await (_queue_of_this_loop().turn() if self._queues else asyncio.sleep(0))
            self._since = time.monotonic()


class _Queue:
    """Who waits for a turn, first come first served."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._soon = loop.call_soon
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_called = False

    async def turn(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._call()
        await waiting

    def _call(self) -> None:
        if self._waiting and not self._is_called:
            self._is_called = True
            self._soon(self._let_one_go_on)

    def _let_one_go_on(self) -> None:
        self._is_called = False
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():  # whoever asked may have gone
                waiting.set_result(None)
                break
        self._call()


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()


def _queue_of_this_loop() -> _Queue:
    loop = asyncio.get_running_loop()
    queue = _queues.get(loop)
    if queue is None:
        queue = _queues[loop] = _Queue(loop)
    return queue
