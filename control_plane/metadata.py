"""Metadata: JSON of the client's own, bounded in size, depth and numbers, and kept as it was sent.

Must never change a number: metadata travels as text from the body to the jsonb column and back.
"""

import json
from decimal import Decimal
from typing import Any

from control_plane.bodies import escape
from control_plane.problems import Errors

MOST_BYTES = 16_384
DEEPEST = 8
_MOST_DIGITS = 40


class _Fault(Exception):
    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


def to_text(metadata: dict[str, Any], pointer: str, errors: Errors, most_bytes: int = MOST_BYTES) -> str | None:
    """The object as PostgreSQL writes jsonb, or None with what is wrong noted."""
    try:
        text = _text(metadata, pointer, 1)
    except _Fault as fault:
        errors.add(fault.pointer, fault.detail)
        return None
    if len(text.encode()) > most_bytes:
        errors.add(pointer, f"is longer than {most_bytes} bytes")
        return None
    return text


def is_storable(value: Any, pointer: str, most_bytes: int, errors: Errors) -> bool:
    """Whether JSON that no body has as `metadata` can be kept as jsonb; else what is wrong is noted."""
    try:
        is_short = len(_text(value, pointer, 1).encode()) <= most_bytes
    except _Fault as fault:
        errors.add(fault.pointer, fault.detail)
        return False
    if not is_short:
        errors.add(pointer, f"is longer than {most_bytes} bytes")
    return is_short


def _text(value: Any, pointer: str, depth: int) -> str:
    if isinstance(value, dict | list | tuple) and depth > DEEPEST:
        raise _Fault(pointer, f"is nested more than {DEEPEST} deep")
    if isinstance(value, dict):
        members = (
            f"{_string(name, pointer)}: {_text(member, f'{pointer}/{escape(name)}', depth + 1)}"
            for name, member in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(item, f"{pointer}/{i}", depth + 1) for i, item in enumerate(value)) + "]"
    if isinstance(value, str):
        return _string(value, pointer)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return _number(value, pointer)


def _string(value: str, pointer: str) -> str:
    if "\x00" in value:
        raise _Fault(pointer, "must not contain a NUL character")
    return json.dumps(value, ensure_ascii=False)


def _number(value: int | Decimal, pointer: str) -> str:
    number = Decimal(value)
    too_far = bool(number) and abs(number.adjusted()) >= _MOST_DIGITS
    if too_far or len(number.as_tuple().digits) > _MOST_DIGITS:
        raise _Fault(pointer, f"has more than {_MOST_DIGITS} digits")
    return format(number, "f")
