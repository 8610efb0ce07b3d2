"""Log lines: one JSON object a line on stderr. Must never be given a key, a code or a body."""

import sys
import traceback

import msgspec

from control_plane.clock import now_ms

_DEEPEST_FRAMES = 12


def log(event: str, **fields: object) -> None:
    """Write one line, at once."""
    line = msgspec.json.encode({"time_ms": now_ms(), "process": "control_plane", "event": event, **fields})
    sys.stderr.write(line.decode() + "\n")
    sys.stderr.flush()


def where(error: BaseException) -> list[str]:
    """The frames that an error came through. Not its message: that may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
