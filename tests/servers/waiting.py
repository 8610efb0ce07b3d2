"""Waiting for something that another process does. A test names a condition, never a duration."""

import time
from collections.abc import Callable

_POLL_S = 0.01


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 30.0) -> None:
    """Return as soon as the condition holds; fail with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        pause()


def pause() -> None:
    """One beat of polling, for those who poll in a way of their own."""
    time.sleep(_POLL_S)
