"""Rings in PostgreSQL: what workers hand in when an epoch ends, and how it gets into the ledger.

Handed in by the worker in its own transactions, the entries first, the report with the last of them: whoever reads
the report finds all entries. Must never settle an entry twice: ids are unique, and what stands in quarantine already
is passed over.
"""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from domain.events import Redeemed, Released, Reserved, RolledBack
from domain.ledger import Position
from store.bisect import take_in_by_halves
from store.database import Transaction
from store.ledger_rows import Fate, Place, Slot, columns, slot_of
from store.queries import query

_INSERT = query("insert_ring_entries")
_HAND_IN = query("hand_in_lease")
_ENTRIES = query("ring_entries")
_DELETE = query("delete_ring_entries")
_IN_PLACE = query("redemptions_in_place")
_IN_QUARANTINE = query("quarantine_places")
_ROLLBACKS_KNOWN = query("rollbacks_known")
_RESERVATIONS_KNOWN = query("reservations_known")

_Name = tuple[str, str, str, int]
"""Kind, project, id and revision of an event."""

PAGE = 500


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One answer that a worker has given, in the place of its event. `payload` is the event."""

    position: Position
    index: int
    time_ms: int
    payload: bytes


class Handed(msgspec.Struct, frozen=True):
    """An answer that some worker has handed in, of an epoch."""

    epoch: int
    worker_id: str
    answer: Answer


async def hand_in(tx: Transaction, shard: int, epoch: int, worker_id: str, answers: Sequence[Answer]) -> None:
    """Some of a ring's answers."""
    rows = [(a.position.entry_ms, a.position.entry_seq, a.index, a.time_ms, a.payload) for a in answers]
    await tx.execute(_INSERT, shard, epoch, worker_id, *columns(rows, 5))


async def report(tx: Transaction, shard: int, epoch: int, worker_id: str) -> None:
    """Say that all has been handed in, and that this worker answers nothing more in the epoch."""
    await tx.execute(_HAND_IN, shard, epoch, worker_id)


async def read_handed(tx: Transaction, shard: int, epoch: int) -> list[Handed]:
    """A page of what was handed in of this epoch and those before it, oldest first."""
    return [
        Handed(
            row["epoch"],
            row["worker_id"],
            Answer(
                Position(row["entry_ms"], row["entry_seq"]), row["entry_index"], row["time_ms"], bytes(row["payload"])
            ),
        )
        for row in await tx.fetch(_ENTRIES, shard, epoch, PAGE)
    ]


async def delete_handed(tx: Transaction, shard: int, handed: Sequence[Handed]) -> None:
    """They are in the ledger, or in quarantine."""
    rows = [
        (h.epoch, h.worker_id, h.answer.position.entry_ms, h.answer.position.entry_seq, h.answer.index) for h in handed
    ]
    await tx.execute(_DELETE, shard, *columns(rows, 5))


async def take_handed(tx: Transaction, shard: int, durability: str, handed: Sequence[Handed]) -> dict[int, list[Fate]]:
    """Into the ledger with them; by epoch, the fates of those that were not there."""
    fates: dict[int, list[Fate]] = {}
    for epoch, group in groupby(handed, key=lambda h: h.epoch):
        place = Place(shard, epoch, durability)
        slots = await unknown(tx, place, [_slot(h.answer) for h in group])
        if slots:
            fates[epoch] = await take_in_by_halves(tx, place, slots)
    return fates


async def unknown(tx: Transaction, place: Place, slots: Sequence[Slot]) -> list[Slot]:
    """Those of which neither the ledger nor quarantine knows; each place once, whoever has answered it."""
    once = {(slot.position, slot.index): slot for slot in slots}
    in_ledger = await _in_ledger(tx, place, [name for name in map(_name, once.values()) if name is not None])
    places = [(at.entry_ms, at.entry_seq, index) for at, index in once]
    rows = await tx.fetch(_IN_QUARANTINE, place.shard, place.epoch, *columns(places, 3))
    aside = {(Position(row["entry_ms"], row["entry_seq"]), row["entry_index"]) for row in rows}
    return [slot for where, slot in once.items() if where not in aside and _name(slot) not in in_ledger]


def _name(slot: Slot) -> _Name | None:
    """What the ledger would know the event by."""
    event = slot.event
    if isinstance(event, Redeemed):
        return "redeemed", event.project_id, event.id, 0
    if isinstance(event, RolledBack):
        return "rolled_back", event.project_id, event.redemption_id, event.revision
    if isinstance(event, Reserved):
        return "reserved", event.project_id, event.id, event.revision
    if isinstance(event, Released):
        return "released", event.project_id, event.reservation_id, 0
    return None


async def _in_ledger(tx: Transaction, place: Place, names: Sequence[_Name]) -> set[_Name]:
    """Which of these the ledger has taken in, whatever became of them."""
    known: set[_Name] = set()
    redeemed = [name[1:3] for name in names if name[0] == "redeemed"]
    for row in await tx.fetch(_IN_PLACE, place.shard, *columns(redeemed, 2)):
        known.add(("redeemed", row["project_id"], row["id"], 0))
    rolled_back = [name[1:] for name in names if name[0] == "rolled_back"]
    if rolled_back:
        for row in await tx.fetch(_ROLLBACKS_KNOWN, place.shard, *columns(rolled_back, 3)):
            known.add(("rolled_back", row["project_id"], row["id"], row["revision"]))
    held = [(*name[1:], name[0] == "released") for name in names if name[0] in ("reserved", "released")]
    if held:
        for row in await tx.fetch(_RESERVATIONS_KNOWN, place.shard, *columns(held, 4)):
            kind = "released" if row["is_end"] else "reserved"
            known.add((kind, row["project_id"], row["id"], row["revision"]))
    return known


def _slot(answer: Answer) -> Slot:
    return slot_of(answer.position, answer.index, answer.time_ms, answer.payload)


async def delete_known(tx: Transaction, shard: int, epoch: int) -> bool:
    """Drop what is settled already of a page of handed in answers; whether nothing but that was in it."""
    handed = await read_handed(tx, shard, epoch)
    for of, group in groupby(handed, key=lambda h: h.epoch):
        if await unknown(tx, Place(shard, of), [_slot(h.answer) for h in group]):
            return False
    await delete_handed(tx, shard, handed)
    return True
