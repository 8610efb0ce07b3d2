"""Clocks that can be stepped: libfaketime, where it is installed. The product does not know of it.

The monotonic clock is left alone, as a real step leaves it.
"""

import random
from pathlib import Path

from tests.chaos.servers import ENGINES

_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def find_faketime() -> str | None:
    """The library, or None where it is not installed."""
    found = [path for pattern in _LIBRARIES for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    return str(found[0]) if found else None


def stepped_clock(library: str, file: Path) -> dict[str, str]:
    """The environment of a process whose clock follows a file."""
    file.write_text("+0")
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def draw_clocks(seed: int) -> tuple[str, ...]:
    """Whose clocks a run may step."""
    draw = random.Random(f"{seed} clocks")
    return draw.choice(((), ("valkey",), (draw.choice(ENGINES),), ("valkey", draw.choice(ENGINES))))
