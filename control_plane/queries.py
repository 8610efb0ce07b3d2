"""Query strings and pages: what a list is asked for, and where the next page begins."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec

from control_plane.problems import Errors
from control_plane.searching import Found, Hits, decode_cursor, decode_found, encode_cursor

DEFAULT_LIMIT = 20
MOST_LIMIT = 100
MOST_ID_CHARS = 128
"""Of the longest id in a list: a shop's own id of a customer, a product or a segment."""
MOST_FILTER_CHARS = 128
_MOST_PARAMETERS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US = 253_402_300_799_999_999

T = TypeVar("T")


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last row of a page: when it was made, in microseconds, and its id."""

    created_us: int
    id: str


class Page(msgspec.Struct, frozen=True):
    """Which part of a list is wanted. One row more than `limit` is read, to know whether another page follows."""

    limit: int
    after: datetime | None
    after_id: str | None

    @property
    def rows(self) -> int:
        return self.limit + 1


class ListBody(msgspec.Struct, Generic[T]):
    """A page of a list."""

    data: list[T]
    next_cursor: str | None


class Query:
    """The parameters of a request, each taken once; what is left over in the end is refused."""

    def __init__(self, query_string: bytes, errors: Errors) -> None:
        self._errors = errors
        self._left: dict[str, str] = {}
        try:
            pairs = parse_qsl(
                query_string.decode(), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict"
            )
        except ValueError:
            pairs = []
            errors.add_parameter("", "the query cannot be read")
        for name, value in pairs:
            if name in self._left:
                errors.add_parameter(name[:100], "is given twice")
            self._left[name] = value

    def text(self, name: str, longest: int = MOST_FILTER_CHARS) -> str | None:
        """A text that something is looked up by."""
        value = self._left.pop(name, None)
        if value is not None and (not 1 <= len(value) <= longest or "\x00" in value):
            self._errors.add_parameter(name, f"takes 1 to {longest} characters")
            return None
        return value

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        """One of a few words."""
        value = self._left.pop(name, None)
        if value is not None and value not in options:
            self._errors.add_parameter(name, f"must be one of {', '.join(options)}")
            return None
        return value

    def time(self, name: str) -> datetime | None:
        """A point in time in ISO 8601, in UTC unless it says otherwise."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            self._errors.add_parameter(name, str(error))
            return None

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 on."""
        text = self._left.pop(name, str(default))
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else 0
        if not 1 <= number <= most:
            self._errors.add_parameter(name, f"must be a whole number from 1 to {most}")
        return number

    def page(self) -> Page:
        """The page: `limit` and `cursor`."""
        limit = self.number("limit", DEFAULT_LIMIT, MOST_LIMIT)
        cursor = self._left.pop("cursor", None)
        after = None if cursor is None else _decode_cursor(cursor)
        if cursor is not None and after is None:
            self._errors.add_parameter("cursor", "is not a cursor of this list")
        if after is None:
            return Page(limit, None, None)
        return Page(limit, _EPOCH + timedelta(microseconds=after.created_us), after.id)

    def found(self) -> Hits:
        """The page of a search: `limit` and `cursor`."""
        limit = self.number("limit", DEFAULT_LIMIT, MOST_LIMIT)
        cursor = self._left.pop("cursor", None)
        after = Found() if cursor is None else decode_found(cursor)
        if after is None:
            self._errors.add_parameter("cursor", "is not a cursor of this search")
        return Hits(limit, after or Found())

    def done(self) -> None:
        """Refuse the request if a parameter is left over, or anything else was found."""
        for name in self._left:
            self._errors.add_parameter(name[:100], "there is no such parameter here")
        self._errors.raise_if_any()


def parse_time(text: str) -> datetime:
    """A point in time in ISO 8601, in UTC unless it says otherwise; ValueError says what it must be."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the year 1 of the east is no year in UTC
        raise ValueError("must be a time in ISO 8601") from None


def list_body(rows: Sequence[Any], page: Page, show: Callable[[Any], T]) -> ListBody[T]:
    """The page that these rows make, each with `created_at` and `id`."""
    kept = rows[: page.limit]
    more = len(rows) > page.limit
    return ListBody([show(row) for row in kept], _encode_cursor(kept[-1]) if more else None)


def _encode_cursor(row: Any) -> str:
    created_us = (row["created_at"] - _EPOCH) // timedelta(microseconds=1)
    return encode_cursor(Cursor(created_us, row["id"]))


def _decode_cursor(text: str) -> Cursor | None:
    try:
        cursor = decode_cursor(text, Cursor)
    except (ValueError, msgspec.DecodeError):
        return None
    sound = 0 <= cursor.created_us <= _LATEST_US and 1 <= len(cursor.id) <= MOST_ID_CHARS and "\x00" not in cursor.id
    return cursor if sound else None
