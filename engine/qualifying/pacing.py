"""Work that takes long, in slices: between two of them the worker serves others.

Must never be used around a decision that others could change meanwhile.
"""

import asyncio
import time

SLICE_S = 0.002


class Pace:
    """Whose turn it is."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def breathe(self) -> None:
        """Let others have their turn, if this has taken a slice of time."""
        if time.monotonic() - self._since >= SLICE_S:
            await asyncio.sleep(0)
            self._since = time.monotonic()
