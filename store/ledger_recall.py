"""What the ledger did with events that it has settled before: for a confirm that a crash has prevented.

Reads only. An event's fate is worked out from the rows that it left: its redemption in its very place, its rollback,
its quarantine entry; where there is none, it collapsed.
"""

from collections.abc import Sequence
from typing import Any

from domain.events import Redeemed, Released, Reserved, RolledBack, Settled
from domain.ledger import Position
from store.database import Transaction
from store.ledger import redeemed_fate
from store.ledger_holds import held_fate
from store.ledger_rollbacks import moves_of_rows, rolled_back_fate
from store.ledger_rows import Fate, Kind, Place, Slot, alias_of, columns
from store.quarantine import pairs, refused_fate
from store.queries import query

_IN_PLACE = query("redemptions_in_place")
_QUARANTINED = query("quarantine_in_place")
_RESOLUTIONS = query("quarantine_resolutions")
_ROLLBACKS = query("rollbacks_of_redemptions")

_At = tuple[int, int, int, int]  # epoch, entry ms, entry seq, index
_Key = tuple[str, str]  # project, redemption


async def recall(tx: Transaction, place: Place, old: Position, new: Position, slots: Sequence[Slot]) -> list[Fate]:
    """The fates of these events, which are all of those after `old` up to `new`."""
    keys = sorted(set(filter(None, map(_key, slots))))
    rows = {(row["project_id"], row["id"]): row for row in await tx.fetch(_IN_PLACE, place.shard, *columns(keys, 2))}
    entries = await tx.fetch(
        _QUARANTINED, place.shard, place.epoch, old.entry_ms, old.entry_seq, new.entry_ms, new.entry_seq
    )
    put_aside = {(place.epoch, row["entry_ms"], row["entry_seq"], row["entry_index"]): row for row in entries}
    rollbacks = await _rollbacks(tx, place, rows)
    fates: list[Fate] = []
    for slot in slots:
        at, key = _at(place, slot), _key(slot)
        if at in put_aside:
            fates.append(_put_aside(slot, put_aside[at]))
        elif isinstance(slot.event, Redeemed):
            assert key is not None
            kind = Kind.APPLIED if key in rows and _place(rows[key], "") == at else Kind.COLLAPSED
            fates.append(redeemed_fate(kind, slot))
        elif isinstance(slot.event, RolledBack):
            fates.append(rollbacks.get(at) or Fate(Kind.COLLAPSED, event_id=slot.event.id))
        elif isinstance(slot.event, Settled):
            fates.append(await _resolved(tx, place, slot))
        elif isinstance(slot.event, Reserved | Released):
            fates.append(held_fate(slot))
        else:
            fates.append(Fate(Kind.COLLAPSED))
    return fates


async def _rollbacks(tx: Transaction, place: Place, redemptions: dict[_Key, Any]) -> dict[_At, Fate]:
    """Rollbacks of these redemptions that took effect, by their places."""
    found: dict[_At, Fate] = {}
    for row in await tx.fetch(_ROLLBACKS, place.shard, *columns(sorted(redemptions), 2)):
        alias = alias_of(row["order_key"]) if row["is_whole"] else ""
        key = row["project_id"], row["redemption_id"]
        found[_place(row, "")] = rolled_back_fate(key, pairs(row["moves"]), alias)
    # A reconciler of before rollbacks had rows may have settled one, and have died before its confirm.
    bare = sorted(
        k for k, row in redemptions.items() if row["rollback_epoch"] and _place(row, "rollback_") not in found
    )
    for key, moves in (await moves_of_rows(tx, bare)).items():
        found[_place(redemptions[key], "rollback_")] = rolled_back_fate(key, moves, "")
    return found


def _key(slot: Slot) -> _Key | None:
    if isinstance(slot.event, Redeemed):
        return slot.event.project_id, slot.event.id
    if isinstance(slot.event, RolledBack):
        return slot.event.project_id, slot.event.redemption_id
    return None


def _at(place: Place, slot: Slot) -> _At:
    return place.epoch, slot.position.entry_ms, slot.position.entry_seq, slot.index


def _place(row: Any, prefix: str) -> _At:
    return (
        row[f"{prefix}epoch"],
        row[f"{prefix}entry_ms"],
        row[f"{prefix}entry_seq"],
        row[f"{prefix}entry_index"],
    )


def _put_aside(slot: Slot, row: Any) -> Fate:
    event = slot.event
    if isinstance(event, Redeemed):
        if row["status"] == "refused":
            return redeemed_fate(Kind.REFUSED, slot, row["reason"])
        return redeemed_fate(Kind.QUARANTINED, slot)
    return refused_fate(event, row["status"], row["reason"])


async def _resolved(tx: Transaction, place: Place, slot: Slot) -> Fate:
    """Void units come back only where this very event voided them, not a second one of the same entry."""
    assert isinstance(slot.event, Settled)
    for row in await tx.fetch(_RESOLUTIONS, place.shard, [slot.event.quarantine_id]):
        if row["status"] == "void" and _place(row, "resolved_") == _at(place, slot):
            return Fate(Kind.RESOLVED, slot.event.project_id, returned=pairs(row["counted_moves"]))
    return Fate(Kind.RESOLVED)
