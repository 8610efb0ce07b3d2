"""Reservations as the ledger takes them in: what sessions hold, extend, give up, and use up by redeeming.

Everything happens in the caller's transaction, in the order of the stream: an event may undo the one before it. Holds
are no counter's numbers, so nothing of them is confirmed. Must never hold anything for a reservation that has ended.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from domain.events import Redeemed, Released, Reserved
from store.database import Transaction
from store.ledger_rows import Fate, Kind, Place, Slot, columns, moves_of_lines
from store.queries import query

_PUT = query("put_reservations")
_END = query("end_reservations")
_DROP = query("drop_holds_of_reservations")
_PUT_HOLDS = query("put_holds")
_USE_UP = query("use_up_holds")
_WITH_HOLDS = query("reservations_with_holds")

Key = tuple[str, str]
"""Project and reservation."""


async def take_in_holds(tx: Transaction, place: Place, slots: Sequence[Slot], applied: set[int]) -> list[Fate]:
    """All that has to do with holds; of redemptions those in `applied` (by the slot's id()), whose fates are told
    elsewhere. Events of one kind that do not touch the same session are taken in together."""
    fates: list[Fate] = []
    for kind, run in _runs(slots, applied):
        await _TAKE[kind](tx, place, run)
        if kind is not Redeemed:
            fates += [held_fate(slot) for slot in run]
    return fates


def held_fate(slot: Slot) -> Fate:
    """The fate of a reservation, an extension or a release: it has no counters to settle."""
    event = slot.event
    assert isinstance(event, Reserved | Released)
    return Fate(Kind.RESERVED if isinstance(event, Reserved) else Kind.RELEASED, event.project_id)


def _runs(slots: Iterable[Slot], applied: set[int]) -> list[tuple[type, list[Slot]]]:
    runs: list[tuple[type, list[Slot]]] = []
    met: set[tuple[str, str, str]] = set()
    for slot in slots:
        event = slot.event
        if isinstance(event, Redeemed):
            if event.hold is None or id(slot) not in applied:
                continue
            names = {("t", event.project_id, event.hold.tag), ("r", event.project_id, event.hold.reservation_id)}
        elif isinstance(event, Reserved):
            names = {("t", event.project_id, event.tag), ("r", event.project_id, event.id)}
        elif isinstance(event, Released):
            names = {("t", event.project_id, event.tag), ("r", event.project_id, event.reservation_id)}
        else:
            continue
        if not runs or runs[-1][0] is not type(event) or met & names:
            runs.append((type(event), []))
            met = set()
        runs[-1][1].append(slot)
        met |= names
    return runs


async def _reserve(tx: Transaction, place: Place, slots: list[Slot]) -> None:
    rows = await tx.fetch(_PUT, place.shard, place.epoch, *columns([_reservation(slot) for slot in slots], 11))
    changed = {(row["project_id"], row["id"]): row["status"] for row in rows}
    live = [key for key, status in changed.items() if status == "held"]
    if not live:
        return
    await tx.execute(_DROP, place.shard, *columns(live, 2))
    holds: list[tuple[Any, ...]] = []
    for slot in slots:
        event = slot.event
        assert isinstance(event, Reserved)
        if (event.project_id, event.id) in live:
            for counter, amount in moves_of_lines(event.lines):
                if amount:
                    holds.append((event.project_id, counter, event.tag, event.id, amount, event.expires_ms))
    if holds:
        await tx.execute(_PUT_HOLDS, place.shard, *columns(holds, 6))


async def _release(tx: Transaction, place: Place, slots: list[Slot]) -> None:
    ends = []
    for slot in slots:
        event = slot.event
        assert isinstance(event, Released)
        ends.append(_end(slot, (event.project_id, event.reservation_id), event.tag, "released", None))
    await _end_all(tx, place, ends)


async def _use_up(tx: Transaction, place: Place, slots: list[Slot]) -> None:
    """Redemptions of what their sessions held. A capture ends its reservation; so does whatever leaves it nothing."""
    ends: dict[Key, tuple[Any, ...]] = {}
    used: list[tuple[str, str, str]] = []
    by_tag: dict[tuple[str, str], Slot] = {}
    for slot in slots:
        event = slot.event
        assert isinstance(event, Redeemed)
        assert event.hold is not None
        tag, owner = event.hold.tag, event.hold.reservation_id
        if owner:
            ends[event.project_id, owner] = _end(slot, (event.project_id, owner), tag, "captured", event.id)
        else:
            by_tag[event.project_id, tag] = slot
            used += [(event.project_id, counter, tag) for counter, _ in moves_of_lines(event.lines)]
    if used:
        rows = await tx.fetch(_USE_UP, place.shard, *columns(used, 3))
        touched = {(row["project_id"], row["reservation_id"]): row["tag"] for row in rows}
        kept = await tx.fetch(_WITH_HOLDS, place.shard, *columns(list(touched), 2)) if touched else []
        for row in kept:
            del touched[row["project_id"], row["reservation_id"]]
        for key, tag in touched.items():
            slot = by_tag[key[0], tag]
            assert isinstance(slot.event, Redeemed)
            ends[key] = _end(slot, key, tag, "captured", slot.event.id)
    await _end_all(tx, place, [ends[key] for key in sorted(ends)])


async def _end_all(tx: Transaction, place: Place, ends: list[tuple[Any, ...]]) -> None:
    if ends:
        await tx.execute(_END, place.shard, place.epoch, *columns(ends, 9))
        await tx.execute(_DROP, place.shard, *columns([end[:2] for end in ends], 2))


_TAKE: dict[type, Callable[[Transaction, Place, list[Slot]], Any]] = {
    Reserved: _reserve,
    Released: _release,
    Redeemed: _use_up,
}


def _reservation(slot: Slot) -> tuple[Any, ...]:
    event, at = slot.event, slot.position
    assert isinstance(event, Reserved)
    names = event.project_id, event.id, event.session, event.tag, event.expires_ms, event.revision
    return (*names, slot.payload, slot.time_ms, at.entry_ms, at.entry_seq, slot.index)


def _end(slot: Slot, key: Key, tag: str, status: str, redemption_id: str | None) -> tuple[Any, ...]:
    at = slot.position
    return (*key, tag, status, redemption_id, slot.time_ms, at.entry_ms, at.entry_seq, slot.index)
