"""Finds the one event that the ledger refuses, so that the others of its batch are taken in.

Halves the batch between savepoints, inside the caller's transaction. Must never swallow an error that is not one of
INTEGRITY: anything else says nothing about an event.
"""

from collections.abc import Sequence

from domain.events import Redeemed, Reserved, Settled
from domain.ledger import Position
from store import quarantine
from store.database import Transaction
from store.ledger import INTEGRITY, advance, take_in
from store.ledger_rows import Fate, Kind, Place, Slot
from store.queries import query

_SET = query("set_savepoint")
_BACK = query("roll_back_to_savepoint")
_RELEASE = query("release_savepoint")


async def settle_by_halves(
    tx: Transaction, place: Place, old: Position, new: Position, slots: Sequence[Slot]
) -> list[Fate]:
    """Like ledger.settle, with each event that the ledger refuses put into quarantine by itself."""
    await advance(tx, place, old, new)
    return await take_in_by_halves(tx, place, slots)


async def take_in_by_halves(tx: Transaction, place: Place, slots: Sequence[Slot]) -> list[Fate]:
    """Take all in, wherever the shard stands: for answers that are handed in beside the stream."""
    fates = await _halves(tx, place, [slot for slot in slots if slot.event is not None])
    for slot in slots:
        if slot.event is None:
            fates.append(await quarantine.put(tx, place, slot, "undecodable", slot.error))
    return fates


async def _halves(tx: Transaction, place: Place, slots: Sequence[Slot]) -> list[Fate]:
    if not slots:
        return []
    await tx.execute(_SET)
    try:
        fates = await take_in(tx, place, slots)
    except INTEGRITY as error:
        await tx.execute(_BACK)
        await tx.execute(_RELEASE)
        if len(slots) == 1:
            return [await _set_aside(tx, place, slots[0], error)]
        middle = len(slots) // 2
        first = await _halves(tx, place, slots[:middle])
        return first + await _halves(tx, place, slots[middle:])
    await tx.execute(_RELEASE)
    return fates


async def _set_aside(tx: Transaction, place: Place, slot: Slot, error: Exception) -> Fate:
    """Nobody has been told that what is `committed` was granted, so it is refused; of anything else somebody was."""
    reason, detail = quarantine.describe(error)
    event = slot.event
    if isinstance(event, Settled):
        await quarantine.decline(tx, place.shard, event.quarantine_id, f"Could not {event.action}: {detail}")
        return Fate(Kind.RESOLVED)
    status = "refused" if isinstance(event, Redeemed | Reserved) and event.committed else "open"
    await tx.execute(_SET)
    try:
        fate = await quarantine.put(tx, place, slot, reason, detail, status)
    except INTEGRITY as again:
        # Not even its counters can be told: keep the bytes, count nothing.
        await tx.execute(_BACK)
        bare = Slot(slot.position, slot.index, slot.time_ms, slot.payload, None)
        fate = await quarantine.put(tx, place, bare, reason, f"{detail}\nuncounted: {again}", "open")
    await tx.execute(_RELEASE)
    return fate
