"""Time and chance, which domain/ never reads itself: new ids are made here."""

import os
import time
from datetime import UTC, datetime

from domain.ids import time_ordered_id

_ID_ENTROPY_BYTES = 10


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_id(prefix: str) -> str:
    """A time-ordered id that has not been given before."""
    return time_ordered_id(prefix, now_ms(), os.urandom(_ID_ENTROPY_BYTES))


def utc_today() -> datetime:
    """The beginning of the present day in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
