"""Waits until the ledger has settled a position: for `committed` redemptions, rollbacks and unconfirmed units.

Listens to what confirm publishes. Must never conclude from silence: where a message may have been missed, the
answer is UNKNOWN and the caller asks PostgreSQL.
"""

import asyncio
import heapq
from collections.abc import Callable
from enum import Enum

import msgspec

from domain.events import Confirmed
from domain.ledger import Position

HEARD_WITHIN_S = 2.0
"""The reconciler says something at least every half second; after this silence it counts as gone."""


class Settled(Enum):
    """How a wait ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    COLLAPSED = "collapsed"
    UNKNOWN = "unknown"


Word = tuple[Settled, str]
"""How a wait ended, and where it was refused the reason."""


class ShardWaiters:
    """Who waits for which position of one shard."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heard = float("-inf")
        self._epoch = 0
        self._position = Position()
        self._waiters: list[tuple[int, Position, int, str, asyncio.Future[Word]]] = []
        self._count = 0

    def is_heard(self) -> bool:
        """Whether the reconciler has spoken of this shard lately."""
        return self._clock() - self._heard < HEARD_WITHIN_S

    def reset(self) -> None:
        """The subscription was cut: what was said meanwhile is not known."""
        self._heard = float("-inf")

    async def wait(self, epoch: int, position: Position, event_id: str, timeout_s: float) -> Word:
        """What became of the event `event_id` at this position; UNKNOWN after the timeout."""
        if self._epoch > epoch or (self._epoch == epoch and self._position >= position):
            return Settled.UNKNOWN, ""
        future: asyncio.Future[Word] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiters, (epoch, position, self._count, event_id, future))
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            # Where nothing is confirmed for long, nothing pops those who have given up: memory stays bounded here.
            self._waiters = [waiter for waiter in self._waiters if not waiter[-1].done()]
            heapq.heapify(self._waiters)
            return Settled.UNKNOWN, ""

    def heard(self, message: Confirmed) -> None:
        """Take a message in: wake those who wait for what it covers."""
        gapless = self._heard > float("-inf") and (message.epoch, message.old) == (self._epoch, self._position)
        self._heard = self._clock()
        if (message.epoch, message.new) < (self._epoch, self._position):
            return
        self._epoch, self._position = message.epoch, message.new
        refused = dict(message.refused)
        collapsed = set(message.collapsed)
        while self._waiters and self._waiters[0][:2] <= (message.epoch, message.new):
            epoch, position, _, event_id, future = heapq.heappop(self._waiters)
            if future.done():
                continue
            if event_id in refused:
                future.set_result((Settled.REFUSED, refused[event_id]))
            elif event_id in collapsed:
                future.set_result((Settled.COLLAPSED, ""))
            elif gapless and epoch == message.epoch and position > message.old:
                future.set_result((Settled.APPLIED, ""))
            else:
                future.set_result((Settled.UNKNOWN, ""))


def decode_message(data: bytes) -> Confirmed:
    """What confirm published."""
    return _decoder.decode(data)


_decoder = msgspec.msgpack.Decoder(Confirmed)
