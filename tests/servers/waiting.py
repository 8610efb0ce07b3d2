"""Waiting for something that another process does. A test names a condition, never a duration."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.01


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 30.0) -> None:
    """Return as soon as the condition holds; fail with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(_POLL_S)


async def eventually(condition: Callable[[], Awaitable[T]], what: str, within_s: float = 20.0) -> T:
    """What the condition gives as soon as that is true; fails with what was waited for."""
    deadline = time.monotonic() + within_s
    while not (found := await condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s:.0f} s for {what}")
        await asyncio.sleep(_POLL_S)
    return found
