"""Log lines: one JSON object a line on stderr. Never on the hot path's success, never a key, a code or a body."""

import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

_DEEPEST_FRAMES = 12


def _write(level: str, message: str, fields: dict[str, Any]) -> None:
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message, **fields}
    sys.stderr.buffer.write(msgspec.json.encode(line, enc_hook=str) + b"\n")
    sys.stderr.buffer.flush()


def info(message: str, **fields: Any) -> None:
    _write("info", message, fields)


def warning(message: str, **fields: Any) -> None:
    _write("warning", message, fields)


def error(message: str, **fields: Any) -> None:
    _write("error", message, fields)


def where(error: BaseException) -> list[str]:
    """The frames that an error came through. Not its message: that may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
