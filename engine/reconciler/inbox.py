"""What has been read of one shard's stream and is not settled yet: a bounded queue between reader and settler.

The cursor says after which entry to read on. Must never take entries that were asked for from another cursor: after
a reset they would leave a hole.
"""

import asyncio
from collections import deque

from domain.ledger import Position
from engine.reconciler.entries import Entry

BATCH_EVENTS = 512
"""Most events of one transaction, unless a single entry has more; small enough to end in a few tens of ms."""

READ_AHEAD_EVENTS = 4 * BATCH_EVENTS
"""How much may be read ahead while a batch is being committed."""


class Inbox:
    """One shard's read-ahead."""

    def __init__(self, stream: str, cursor: Position) -> None:
        self.stream = stream
        self.cursor = cursor
        self._entries: deque[Entry] = deque()
        self._events = 0
        self._arrived = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return self._events < READ_AHEAD_EVENTS

    @property
    def oldest_ms(self) -> int | None:
        """Script time of the oldest entry in it."""
        return self._entries[0].time_ms if self._entries else None

    def feed(self, asked_from: Position, entries: list[Entry]) -> None:
        """What was read after `asked_from`; dropped if the cursor has been set anew meanwhile."""
        if asked_from != self.cursor or not entries:
            return
        self._entries.extend(entries)
        self._events += sum(len(entry.slots) for entry in entries)
        self.cursor = entries[-1].position
        self._arrived.set()

    def restart(self, cursor: Position) -> None:
        """Forget what was read; go on behind `cursor`."""
        self._entries.clear()
        self._events = 0
        self.cursor = cursor
        self._arrived.clear()

    def wake(self) -> None:
        """Let whoever waits look around."""
        self._arrived.set()

    async def wait(self, timeout_s: float) -> None:
        """Until there is something, or the time is over."""
        if self._entries:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return

    def take(self) -> list[Entry]:
        """Whole entries up to BATCH_EVENTS, at least one. One of a newer schema is only ever taken alone."""
        taken: list[Entry] = []
        events = 0
        while self._entries:
            entry = self._entries[0]
            if taken and (events + len(entry.slots) > BATCH_EVENTS or entry.newer or taken[0].newer):
                break
            taken.append(self._entries.popleft())
            events += len(entry.slots)
        self._events -= events
        if not self._entries:
            self._arrived.clear()
        return taken
