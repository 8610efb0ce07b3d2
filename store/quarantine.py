"""Quarantine and alarms: what could not be settled, and the way out of it. All in the caller's transaction.

Must never change a counter of its own accord except `quarantined`, for the moves of what it puts in.
"""

import os
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from domain.events import Event, Redeemed, Released, Reserved, RolledBack, Settled, decode
from domain.ids import time_ordered_id
from domain.ledger import Position
from store.database import Transaction
from store.ledger_cards import CONSTRAINTS
from store.ledger_rows import Deltas, Fate, Kind, Moves, Place, ReturnsTooMuch, Slot, alias_of, moves_of
from store.queries import query

_INSERT = query("insert_quarantine")
_ENTRY = query("quarantine_entry")
_RESOLVE = query("resolve_quarantine")
_DECLINE = query("decline_quarantine")
_AUDIT = query("audit_quarantine")
_RAISE = query("raise_alarm")
_RESOLVE_ALARM = query("resolve_alarm")
_COUNT_OPEN = query("count_open_quarantine")
_OPEN_ALARMS = query("open_alarms")
_ENSURE_CHILDREN = query("ensure_child_counters")
_MOVE = query("move_counters")

_REASONS = {
    **CONSTRAINTS,
    "referrals_once_per_referee": "already_referred",
    "referee_identities_once": "already_referred",
    "referrals_not_of_oneself": "self_referral",
    "referrals_make_no_ring": "referral_ring",
}
"""Constraints that refuse what a decision could not be sure of, with the outcome code that it is then answered."""

MAX_DETAIL = 4000


class Entry(msgspec.Struct, frozen=True):
    """An open entry: its event in its place, and the moves that stand in counters.quarantined for it."""

    id: str
    epoch: int
    slot: Slot
    counted: Moves


def new_id(prefix: str) -> str:
    """A fresh id of the house's spelling."""
    return time_ordered_id(prefix, time.time_ns() // 1_000_000, os.urandom(10))


async def put(tx: Transaction, place: Place, slot: Slot, reason: str, detail: str, status: str = "open") -> Fate:
    """One event into quarantine, with the alarm. Open, its units stay taken; refused, they come back."""
    event = slot.event
    counted: Moves = ()
    if status == "open" and isinstance(event, Redeemed):
        counted = await _count(tx, event)
    project_id, redemption_id = _names(event)
    await tx.execute(
        _INSERT,
        new_id("qua"),
        place.shard,
        place.epoch,
        slot.position.entry_ms,
        slot.position.entry_seq,
        slot.index,
        project_id,
        redemption_id,
        slot.payload,
        reason,
        _clean(detail),
        counted,
        status,
    )
    if status == "open":
        await raise_alarm(tx, "quarantine", place.shard, {"reason": reason, "redemption_id": redemption_id})
    if isinstance(event, Redeemed):
        moves = moves_of(event)
        if status == "refused":
            alias = alias_of(event.order.key) if event.order is not None else ""
            return Fate(Kind.REFUSED, event.project_id, event.id, moves, moves, reason, True, alias)
        return Fate(Kind.QUARANTINED, event.project_id, event.id, moves)
    return refused_fate(event, status, reason)


def refused_fate(event: Event | None, status: str, reason: str) -> Fate:
    """Of what is not a redemption: who waits for it hears that it was refused."""
    if isinstance(event, RolledBack):
        # As its own id names it; events of schema 1 have none, and their engines wait for the redemption's.
        return Fate(Kind.QUARANTINED, event.project_id, event.id or event.redemption_id, reason=reason)
    if isinstance(event, Reserved):
        if status == "refused":
            return Fate(Kind.REFUSED, event.project_id, event.id, reason=reason, drops_record=True)
        return Fate(Kind.QUARANTINED, event.project_id)
    return Fate(Kind.QUARANTINED)


async def _count(tx: Transaction, event: Redeemed) -> Moves:
    """Note the event's units as quarantined, on those of its counters that exist; which are they?"""
    deltas = Deltas()
    deltas.grant(event)
    children = deltas.children()
    if children[0]:
        await tx.execute(_ENSURE_CHILDREN, *children)
    moves = moves_of(event)
    names = [counter for counter, _ in moves]
    amounts = [amount for _, amount in moves]
    none = [0] * len(names)
    moved = await tx.fetch(_MOVE, [event.project_id] * len(names), names, none, none, amounts)
    exist = {row["id"] for row in moved}
    return tuple(move for move in moves if move[0] in exist)


def _names(event: object) -> tuple[str | None, str | None]:
    """Project and redemption, as far as the table can hold them."""
    if isinstance(event, Redeemed):
        return _name(event.project_id), _name(event.id)
    if isinstance(event, RolledBack):
        return _name(event.project_id), _name(event.redemption_id)
    return (_name(event.project_id) if isinstance(event, Settled | Reserved | Released) else None), None


def _name(text: str) -> str | None:
    return None if "\x00" in text else text


def _clean(detail: str) -> str:
    return detail.replace("\x00", "")[:MAX_DETAIL]


async def lock_open(tx: Transaction, shard: int, entry_id: str, project_id: str) -> Entry | None:
    """The entry, if it is this project's and open."""
    row = await tx.fetchrow(_ENTRY, shard, entry_id, project_id)
    if row is None or row["status"] != "open":
        return None
    try:
        event = decode(row["payload"])
    except msgspec.DecodeError:
        event = None
    # The stream gave the id in the script's millisecond: its time is the redemption's.
    position = Position(row["entry_ms"], row["entry_seq"])
    slot = Slot(position, row["entry_index"], row["entry_ms"], row["payload"], event)
    return Entry(row["id"], row["epoch"], slot, pairs(row["counted_moves"]))


def pairs(moves: Sequence[Sequence[Any]]) -> Moves:
    """Moves as jsonb holds them."""
    return tuple((counter, amount) for counter, amount in moves)


async def resolve(tx: Transaction, place: Place, by: Slot, entry: Entry, applied: bool) -> None:
    """Close the entry, name the event that did it, and write the audit log."""
    assert isinstance(by.event, Settled)
    actor = by.event.actor.replace("\x00", "")[:200] or "unknown"
    note = "" if applied or by.event.action == "void" else "It was in the ledger already.\n"
    status = "applied" if applied else "void"
    position = by.position
    await tx.execute(
        _RESOLVE, place.shard, entry.id, status, actor, place.epoch, position.entry_ms, position.entry_seq,
        by.index, note,
    )  # fmt: skip
    action = f"quarantine.{by.event.action}"
    await tx.execute(_AUDIT, by.event.project_id, new_id("aud"), actor, action, entry.id, {"status": status})
    if not await tx.fetchval(_COUNT_OPEN, place.shard):
        await resolve_alarm(tx, "quarantine", place.shard)


async def decline(tx: Transaction, shard: int, entry_id: str, why: str) -> None:
    """What a person asked for could not be done: the entry stays open and says why."""
    await tx.execute(_DECLINE, shard, entry_id, _clean(why) + "\n")


async def raise_alarm(tx: Transaction, kind: str, shard: int, detail: dict[str, Any]) -> bool:
    """Open the alarm, or renew the detail of the one that is open; whether it is a new one."""
    return bool(await tx.fetchval(_RAISE, new_id("alm"), kind, shard, detail))


async def resolve_alarm(tx: Transaction, kind: str, shard: int) -> bool:
    """Close the alarm if it is open; whether it was."""
    return await tx.fetchrow(_RESOLVE_ALARM, shard, kind) is not None


async def open_alarms(tx: Transaction, shard: int) -> list[str]:
    """Kinds of the shard's open alarms."""
    return [row["kind"] for row in await tx.fetch(_OPEN_ALARMS, shard)]


async def count_open(tx: Transaction, shard: int) -> int:
    """How many entries wait for a person."""
    return int(await tx.fetchval(_COUNT_OPEN, shard))


def describe(error: Exception) -> tuple[str, str]:
    """Reason and detail of an event that PostgreSQL refused; the server's message, never the row."""
    text = str(getattr(error, "message", None) or error)
    reason = _REASONS.get(getattr(error, "constraint_name", None) or "")
    if reason is not None:
        return reason, text
    if isinstance(error, asyncpg.CheckViolationError):
        return ("over_ceiling" if "counters_within_ceiling" in text else "check_refused"), text
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return "integrity", text
    if isinstance(error, asyncpg.DataError):
        return "invalid_data", text
    return ("returns_too_much" if isinstance(error, ReturnsTooMuch) else "missing_counter"), text
