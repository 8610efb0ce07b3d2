"""Searching: rows whose name or code begins as asked, in the order of what they were found by.

A resource is searched by one statement for each of its keys, one after another, and each walks an index: $1 project,
$2 the beginning, $3 and $4 the key and id of the last row before, $5 how many rows; they give `search_key` and `id` of
each row. A later statement must leave out what an earlier one finds. LIKE would be of no use: where row security is
on, only operators that leak nothing may walk an index, and comparisons are such.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from store.database import Transaction

T = TypeVar("T", bound=msgspec.Struct)

_MOST_KEY_CHARS = 400
_MOST_ID_CHARS = 128


class Found(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last row of a page: the number of its statement, its key and its id."""

    statement: int = 0
    key: str = ""
    id: str = ""


class Hits(msgspec.Struct, frozen=True):
    """Which part of what is found is wanted. One row more than `limit` is read: does another page follow?"""

    limit: int
    after: Found

    @property
    def rows(self) -> int:
        return self.limit + 1


async def search(
    tx: Transaction, statements: Sequence[str], project_id: str, begins: str, hits: Hits, filters: Iterable[Any]
) -> tuple[list[Any], str | None]:
    """The rows, and the cursor of the page behind them where there is one."""
    arguments, after = tuple(filters), hits.after
    found: list[tuple[int, Any]] = []
    for number in range(after.statement, len(statements)):
        last = after if number == after.statement else Found()
        rows = await tx.fetch(
            statements[number], project_id, begins, last.key, last.id, hits.rows - len(found), *arguments
        )
        found += [(number, row) for row in rows]
        if len(found) == hits.rows:
            break
    kept = found[: hits.limit]
    if len(found) == len(kept):
        return [row for _, row in kept], None
    number, row = kept[-1]
    return [row for _, row in kept], encode_cursor(Found(number, row["search_key"], row["id"]))


def encode_cursor(last: msgspec.Struct) -> str:
    """The cursor of the page behind this row, of a list or a search."""
    return urlsafe_b64encode(msgspec.json.encode(last)).decode().rstrip("=")


def decode_cursor(text: str, kind: type[T]) -> T:
    """The row that a cursor names; ValueError or msgspec.DecodeError where it is none of this kind."""
    return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)


def decode_found(text: str) -> Found | None:
    """Where a page begins; None where the text is no cursor of a search."""
    try:
        found = decode_cursor(text, Found)
    except (ValueError, msgspec.DecodeError):
        return None
    sound = (
        0 <= found.statement < 10
        and len(found.key) <= _MOST_KEY_CHARS
        and len(found.id) <= _MOST_ID_CHARS
        and "\x00" not in found.key + found.id
    )
    return found if sound else None
