"""Chores: what is done after an answer, so that nobody can tell from the clock whether there was anything to do.

Bounded, and lost with the process: only for what its user would ask for again, as a mail that does not come.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from store import log
from store.log import where

MOST = 256


class Chores:
    """The tasks that a process has under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, chore: Coroutine[Any, Any, None]) -> None:
        """Do it, beside everything else. Where too much is under way it is left undone, and the log says so."""
        if len(self._tasks) >= MOST:
            chore.close()
            log.warning("too many chores: one is left undone")
            return
        task = asyncio.create_task(chore)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def done(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a chore failed", error=type(error).__name__, where=where(error))
