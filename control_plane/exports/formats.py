"""How an export is written: a line of CSV or of JSON for each.

Must never write a cell that a spreadsheet would take for a formula: people open these files with a click.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from domain.views import encode

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LEFT_OUT = frozenset({"object", "pending"})


def csv_header(view: type[msgspec.Struct]) -> bytes:
    """The line of the columns' names."""
    return _line([field.encode_name for field in _columns(view)])


def csv_lines(view: type[msgspec.Struct], shown: Sequence[msgspec.Struct]) -> bytes:
    """A line for each; what has parts of its own is JSON within its cell."""
    names = [field.name for field in _columns(view)]
    return b"".join(_line([_cell(getattr(each, name)) for name in names]) for each in shown)


def json_lines(shown: Sequence[msgspec.Struct]) -> bytes:
    """A line of JSON for each."""
    return b"".join(encode(each) + b"\n" for each in shown)


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _columns(view: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    return [field for field in msgspec.structs.fields(view) if field.name not in _LEFT_OUT]


def _cell(value: Any) -> str:
    if value is None or value is UNSET:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return safe(value) if isinstance(value, str) else encode(value).decode()


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()
