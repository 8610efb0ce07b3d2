"""From a file's columns to a body's fields: which column is which, and what a cell says.

Must never guess: a column that nothing is known of is refused with the file, a cell that does not fit with its row.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from control_plane.problems import Errors
from domain.problems import FieldError, Refused

METADATA = "metadata."
MOST_COLUMNS = 100
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Columns(msgspec.Struct, frozen=True):
    """What fields there are, by how a cell of them is read; all others are text."""

    texts: frozenset[str]
    numbers: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return self.texts | self.numbers | self.lists | self.objects


def read_mapping(text: str | None) -> dict[str, str]:
    """`?map=Gutschein:code,Note:` - which column of the file is which field; one without a field is left out."""
    mapping: dict[str, str] = {}
    for pair in (text or "").split(",") if text else ():
        column, colon, field = pair.rpartition(":")
        if not colon or not column.strip() or column.strip() in mapping:
            detail = "is a list of column:field, each column once"
            raise Refused("invalid_request", errors=(FieldError(detail, parameter="map"),))
        mapping[column.strip()] = field.strip()
    return mapping


def read_header(header: Sequence[str], mapping: dict[str, str], columns: Columns, required: str) -> list[str]:
    """The field of each column, '' for one that is left out. Refused with all that is wrong."""
    errors, fields = Errors(), []
    if len(header) > MOST_COLUMNS:
        errors.add("/0", f"has more than {MOST_COLUMNS} columns")
        errors.raise_if_any()
    names = [name.strip() for name in header]
    for column in mapping.keys() - set(names):
        errors.add_parameter("map", f"the file has no column {column[:100]!r}")
    for place, name in enumerate(names):
        field = mapping.get(name, name)
        known = field in columns.names or (field.startswith(METADATA) and len(field) > len(METADATA))
        if field and not known:
            errors.add(f"/0/{place}", f"there is no field {field[:100]!r}")
        elif field and field in fields:
            errors.add(f"/0/{place}", f"{field[:100]!r} is there twice")
        elif not field and name not in mapping:
            errors.add(f"/0/{place}", "has no name")
        fields.append(field)
    if required not in fields:
        errors.add("/0", f"a column {required!r} is required")
    errors.raise_if_any()
    return fields


def read_cells(fields: Sequence[str], cells: Sequence[str], columns: Columns, errors: Errors) -> dict[str, Any]:
    """A row as a body; an empty cell leaves its field out."""
    if len(cells) != len(fields):
        errors.add("", f"has {len(cells)} cells where the header has {len(fields)}")
        return {}
    given: dict[str, Any] = {}
    for field, cell in zip(fields, cells, strict=True):
        text = cell.strip()
        if not field or not text:
            continue
        if text[0] == "'" and text[1:2] in ("=", "+", "-", "@"):
            text = text[1:]  # as our own exports write it, so that no spreadsheet takes it for a formula
        if field.startswith(METADATA):
            metadata = given.setdefault("metadata", {})
            if isinstance(metadata, dict):
                metadata[field[len(METADATA) :]] = text
            continue
        value = _read(field, text, columns, errors)
        if field == "metadata" and isinstance(value, dict):
            value = {**value, **given.get("metadata", {})}
        given[field] = value
    return given


def _read(field: str, text: str, columns: Columns, errors: Errors) -> Any:
    if field in columns.numbers and _NUMBER.fullmatch(text):
        return Decimal(text)
    if field in columns.objects or (field in columns.lists and text[0] == "["):
        try:
            return _decoder.decode(text)
        except (msgspec.DecodeError, RecursionError, ValueError):
            errors.add(f"/{field}", "is not JSON")
            return None
    if field in columns.lists:
        return [item.strip() for item in text.split("|") if item.strip()]
    return text
