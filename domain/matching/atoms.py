"""What a cart either carries or not: names of things, and ranges that a number of it lies in.

Owns the cut of a range into few pieces that can be looked up. Must never know where an atom comes from.
"""

from collections.abc import Iterator
from typing import NamedTuple

MOST = 2**53
"""The end of a range that has none."""

TIME = "time"
HOUR_MS = 3_600_000
_HOUR_BITS = 20
_NUMBER_BITS = 11


class Token(NamedTuple):
    """A name of a kind: a sku, a segment, a value of some metadata."""

    kind: str
    value: object


class Range(NamedTuple):
    """That a number of the cart lies from `first` to `last`, both included."""

    number: str
    first: int
    last: int = MOST


Atom = Token | Range
Clause = frozenset[Atom]
"""Atoms of which one at least must be carried; none at all is a condition that nothing meets."""

Piece = tuple[str, int, int]


def pieces(atom: Range) -> Iterator[Piece]:
    """The pieces of a range: whatever lies in the range lies in one of them, and little else does."""
    first, last = (_step(atom.number, min(max(at, 0), MOST)) for at in (atom.first, atom.last))
    level = 0
    while first <= last:
        if first & 1:
            yield atom.number, level, first
            first += 1
        if not last & 1:
            yield atom.number, level, last
            last -= 1
        first, last, level = first >> 1, last >> 1, level + 1


def pieces_at(number: str, value: int) -> Iterator[Piece]:
    """Every piece that this value lies in."""
    step = _step(number, min(max(value, 0), MOST))
    bits = _HOUR_BITS if number == TIME else _NUMBER_BITS
    return ((number, level, step >> level) for level in range(bits + 1))


def _step(number: str, value: int) -> int:
    """The value more coarsely: an hour of time, 3 % of everything else. Never smaller where the value is larger."""
    if number == TIME:
        return min(value // HOUR_MS, (1 << _HOUR_BITS) - 1)
    if value < 64:
        return value
    shift = value.bit_length() - 6
    return shift * 32 + (value >> shift)
