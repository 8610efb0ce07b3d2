"""Waiting before a try is repeated: 50 ms to 1 s, doubled each time, with jitter so that processes part ways."""

import asyncio
import random

FIRST_S = 0.05
LONGEST_S = 1.0


class Backoff:
    """One loop's patience."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._next_s = FIRST_S

    def reset(self) -> None:
        """It works again."""
        self._next_s = FIRST_S

    async def wait(self) -> None:
        """Between half of the time and all of it."""
        await asyncio.sleep(self._next_s * random.uniform(0.5, 1.0))
        self._next_s = min(self._next_s * 2, self._longest_s)
