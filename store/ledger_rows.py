"""What the ledger's statements are made from: events in their places, grouped into columns and sums.

Pure functions over structs: store/ledger.py sends what they return. Must never do I/O or read a clock.
"""

from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, TypeVar

import msgspec

from domain.events import Event, Line, Redeemed, decode
from domain.ledger import Position, Settlement

Moves = tuple[tuple[str, int], ...]
"""Counter and amount of each move of one event."""

T = TypeVar("T")


class Slot(msgspec.Struct, frozen=True):
    """One event in its place. `event` is None where the bytes are none, and `error` says why."""

    position: Position
    index: int
    time_ms: int
    payload: bytes
    event: Event | None
    error: str = ""


def slot_of(position: Position, index: int, time_ms: int, payload: bytes) -> Slot:
    """These bytes in their place, decoded if they can be."""
    event: Event | None
    try:
        event, error = decode(payload), ""
    except msgspec.DecodeError as broken:
        event, error = None, str(broken)
    return Slot(position, index, time_ms, payload, event, error)


class Place(msgspec.Struct, frozen=True):
    """The stream that is being settled, and the class that its server's answers have."""

    shard: int
    epoch: int
    durability: str = "durable"


class ReturnsTooMuch(Exception):
    """A rollback gives back more of a counter than its redemption still has of it."""


class Kind(Enum):
    """What became of an event."""

    APPLIED = "applied"
    COLLAPSED = "collapsed"
    ROLLED_BACK = "rolled_back"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    RESOLVED = "resolved"
    RESERVED = "reserved"
    RELEASED = "released"


class Fate(msgspec.Struct, frozen=True):
    """What became of one event, and what Redis must be told of it: moves that are confirmed, moves that come back.

    `reason` is set where it was refused. `event_id` is the redemption's, or of a rollback that collapsed its own.
    `alias` names the record of an order that is free for another redemption.
    """

    kind: Kind
    project_id: str = ""
    event_id: str = ""
    confirmed: Moves = ()
    returned: Moves = ()
    reason: str = ""
    drops_record: bool = False
    alias: str = ""


class Summary(msgspec.Struct, frozen=True):
    """A batch's fates as confirm takes them."""

    settlements: tuple[Settlement, ...]
    dropped: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    collapsed: tuple[str, ...]


def summarise(fates: Iterable[Fate]) -> Summary:
    """Sum what is confirmed and returned per counter; name what waits for a refusal."""
    sums: dict[tuple[str, str], list[int]] = {}
    dropped: list[str] = []
    refused: list[tuple[str, str]] = []
    collapsed: list[str] = []
    for fate in fates:
        for at, moves in enumerate((fate.confirmed, fate.returned)):
            for counter, amount in moves:
                sums.setdefault((fate.project_id, counter), [0, 0])[at] += amount
        if fate.drops_record:
            dropped.append(fate.event_id)
        if fate.alias:
            dropped.append(fate.alias)
        if fate.reason:
            refused.append((fate.event_id, fate.reason))
        if fate.kind is Kind.COLLAPSED and fate.event_id:
            collapsed.append(fate.event_id)
    settlements = tuple(Settlement(counter, project, *both) for (project, counter), both in sorted(sums.items()))
    return Summary(settlements, tuple(dropped), tuple(refused), tuple(collapsed))


def moves_of(event: Redeemed) -> Moves:
    """All moves of a redemption, those of one counter summed."""
    return moves_of_lines(event.lines)


def moves_of_lines(lines: Sequence[Line]) -> Moves:
    """All moves of these lines, those of one counter summed."""
    if len(lines) == 1:
        return tuple((counter, amount) for counter, amount, _ in lines[0].moves)
    return summed((counter, amount) for line in lines for counter, amount, _ in line.moves)


def summed(moves: Iterable[tuple[str, int]]) -> Moves:
    """These moves, those of one counter summed."""
    sums: dict[str, int] = {}
    for counter, amount in moves:
        sums[counter] = sums.get(counter, 0) + amount
    return tuple(sums.items())


def alias_of(order_key: bytes | None) -> str:
    """Name of the record that leads from an order to its redemption; '' where there is none."""
    return f"o:{order_key.hex()}" if order_key else ""


def first_of(slots: Iterable[Slot], keys: Iterable[Hashable]) -> tuple[list[Slot], list[Slot]]:
    """The first slot of each key, and the others."""
    seen: set[Hashable] = set()
    first: list[Slot] = []
    others: list[Slot] = []
    for slot, key in zip(slots, keys, strict=True):
        (others if key in seen else first).append(slot)
        seen.add(key)
    return first, others


class Deltas:
    """What a batch adds to counters, summed per counter: granted, returned, quarantined."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], list[int]] = {}
        self._families: dict[tuple[str, str], str] = {}

    def grant(self, event: Redeemed) -> None:
        """A redemption's moves, and the families that its counters may have to be made from."""
        project_id = event.project_id
        for line in event.lines:
            for counter, amount, family in line.moves:
                key = (project_id, counter)
                self._sums.setdefault(key, [0, 0, 0])[0] += amount
                if family:
                    self._families[key] = family

    def give_back(self, project_id: str, moves: Moves) -> None:
        """A rollback's moves."""
        for counter, amount in moves:
            self._sums.setdefault((project_id, counter), [0, 0, 0])[1] += amount

    def quarantine(self, project_id: str, moves: Moves, sign: int = 1) -> None:
        """Units of an entry that is put into quarantine, or with -1 taken out."""
        for counter, amount in moves:
            self._sums.setdefault((project_id, counter), [0, 0, 0])[2] += sign * amount

    def children(self) -> list[list[str]]:
        """Columns of ensure_child_counters, sorted."""
        rows = [(*key, family) for key, family in sorted(self._families.items(), reverse=True)]
        return columns(rows, 3)

    def moves(self) -> list[list[Any]]:
        """Columns of move_counters. Sorted downwards: a change of a definition locks its r: before its b: too."""
        return columns([(*key, *sums) for key, sums in sorted(self._sums.items(), reverse=True)], 5)


class Usage:
    """What is billed, summed per account, project and day."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, date], list[int]] = {}

    def add(self, account_id: str, project_id: str, time_ms: int, what: tuple[int, int, int]) -> None:
        """`what`: redemptions, rollbacks, discount in minor units."""
        sums = self._sums.setdefault((account_id, project_id, day_of(time_ms)), [0, 0, 0])
        for at, amount in enumerate(what):
            sums[at] += amount

    def columns(self) -> list[list[Any]]:
        """Columns of add_usage, sorted."""
        return columns([(*key, *sums) for key, sums in sorted(self._sums.items())], 6)


def day_of(time_ms: int) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def columns(rows: Sequence[Sequence[T]], width: int) -> list[list[T]]:
    """Rows as columns for unnest(); `width` empty ones where there is no row."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
