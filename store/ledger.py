"""The SQL side of settling: a batch of events into rows, counters and usage, all in the caller's transaction.

`settle` moves the shard's position and takes every event in, or raises and leaves nothing: one of INTEGRITY where an
event cannot be taken in (the caller bisects), PositionMoved where another reconciler was faster. Must never commit,
and never touch Redis.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from domain.events import Redeemed, Released, Reserved, RolledBack, Settled
from domain.ledger import Position
from store import quarantine
from store.database import Transaction
from store.ledger_cards import Postings
from store.ledger_holds import take_in_holds
from store.ledger_referrals import attribute
from store.ledger_rollbacks import roll_back
from store.ledger_rows import (
    Deltas,
    Fate,
    Kind,
    Place,
    ReturnsTooMuch,
    Slot,
    Usage,
    alias_of,
    columns,
    first_of,
    moves_of,
)
from store.queries import query
from store.receipts import Receipts

_ADVANCE = query("advance_position")
_INSERT = query("insert_redemptions")
_INSERT_LINES = query("insert_redemption_lines")
_INSERT_CUSTOMERS = query("insert_customers")
_INSERT_ORDERS = query("insert_orders")
_ADD_USAGE = query("add_usage")
_ENSURE_CHILDREN = query("ensure_child_counters")
_MOVE = query("move_counters")

_encode_json = msgspec.json.Encoder().encode


class PositionMoved(Exception):
    """The shard does not stand where the caller read it: another reconciler was faster. Read it again."""


class MissingCounter(Exception):
    """An event moves a counter that the ledger does not have."""


INTEGRITY: tuple[type[Exception], ...] = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    MissingCounter,
    ReturnsTooMuch,
)
"""What one event can be to blame for; everything else stops the shard."""


async def advance(tx: Transaction, place: Place, old: Position, new: Position) -> None:
    """The whole fence: move the position from where it was read, or raise PositionMoved."""
    found = await tx.fetchrow(
        _ADVANCE, place.shard, place.epoch, old.entry_ms, old.entry_seq, new.entry_ms, new.entry_seq
    )
    if found is None:
        raise PositionMoved(f"shard {place.shard} is not at {old} of epoch {place.epoch}")


async def settle(tx: Transaction, place: Place, old: Position, new: Position, slots: Sequence[Slot]) -> list[Fate]:
    """Move the position and take all events in. What cannot be decoded goes into quarantine at once."""
    await advance(tx, place, old, new)
    fates = await take_in(tx, place, [slot for slot in slots if slot.event is not None])
    for slot in slots:
        if slot.event is None:
            fates.append(await quarantine.put(tx, place, slot, "undecodable", slot.error))
    return fates


async def take_in(tx: Transaction, place: Place, slots: Sequence[Slot]) -> list[Fate]:
    """All of these events, or one of INTEGRITY: redemptions first, then what people settled, then rollbacks, and what
    sessions hold last."""
    deltas, usage, receipts, postings = Deltas(), Usage(), Receipts(place), Postings()
    redeemed = [s for s in slots if isinstance(s.event, Redeemed)]
    fates, applied = await _redeem(tx, place, redeemed, deltas, usage, receipts, postings)
    for slot in slots:
        if isinstance(slot.event, Settled):
            fates.append(await _resolve(tx, place, slot, deltas, usage, receipts, postings))
    rollbacks = [s for s in slots if isinstance(s.event, RolledBack)]
    fates += await roll_back(tx, place, rollbacks, deltas, usage, receipts, postings)
    if applied or any(isinstance(s.event, Reserved | Released) for s in slots):
        fates += await take_in_holds(tx, place, slots, applied)
    await receipts.append(tx)
    usage_columns = usage.columns()
    if usage_columns[0]:
        await tx.execute(_ADD_USAGE, *usage_columns)
    # Cards before counters, as everywhere else that locks both.
    await postings.post(tx)
    await _move(tx, deltas)
    return fates


async def _move(tx: Transaction, deltas: Deltas) -> None:
    children, moves = deltas.children(), deltas.moves()
    if children[0]:
        await tx.execute(_ENSURE_CHILDREN, *children)
    if moves[0] and len(await tx.fetch(_MOVE, *moves)) != len(moves[0]):
        raise MissingCounter("an event moves a counter that the ledger does not have")


async def _redeem(
    tx: Transaction,
    place: Place,
    slots: list[Slot],
    deltas: Deltas,
    usage: Usage,
    receipts: Receipts,
    postings: Postings,
) -> tuple[list[Fate], set[int]]:
    """The fates, and which of these slots (by their id()) used up what a session held."""
    first, repeated = first_of(slots, (_key(slot.event) for slot in slots))
    inserted = await insert_redemptions(tx, place, first)
    applied = [slot for slot in first if _key(slot.event) in inserted]
    for slot in applied:
        event = slot.event
        assert isinstance(event, Redeemed)
        deltas.grant(event)
        postings.spend(event, slot.time_ms)
        usage.add(event.account_id, event.project_id, slot.time_ms, (1, 0, event.discount_minor - event.paid_minor))
        receipts.redeem(slot)
    await attribute(tx, applied)
    collapsed = [*repeated, *(slot for slot in first if _key(slot.event) not in inserted)]
    fates = [redeemed_fate(Kind.APPLIED, slot) for slot in applied]
    fates += [redeemed_fate(Kind.COLLAPSED, slot) for slot in collapsed]
    return fates, {id(slot) for slot in applied if isinstance(slot.event, Redeemed) and slot.event.hold is not None}


def redeemed_fate(kind: Kind, slot: Slot, reason: str = "") -> Fate:
    """A redemption's fate. Whatever became of it, it is settled; collapsed or refused, its moves come back."""
    event = slot.event
    assert isinstance(event, Redeemed)
    moves = moves_of(event)
    returned = moves if kind in (Kind.COLLAPSED, Kind.REFUSED) else ()
    is_refused = kind is Kind.REFUSED
    alias = alias_of(event.order.key) if is_refused and event.order is not None else ""
    return Fate(kind, event.project_id, event.id, moves, returned, reason, is_refused, alias)


def _key(event: object) -> tuple[str, str]:
    assert isinstance(event, Redeemed)
    return event.project_id, event.id


async def insert_redemptions(tx: Transaction, place: Place, slots: list[Slot]) -> set[tuple[str, str]]:
    """Headers, lines, customers and orders of these redemptions; the keys of those that were not in the ledger yet."""
    if not slots:
        return set()
    rows = await tx.fetch(_INSERT, place.shard, place.epoch, *columns([_header(place, s) for s in slots], 17))
    inserted = {(row["project_id"], row["id"]) for row in rows}
    lines: list[tuple[Any, ...]] = []
    customers: dict[tuple[str, str], int] = {}
    orders: dict[tuple[str, str], tuple[str | None, int]] = {}
    for slot in slots:
        event = slot.event
        assert isinstance(event, Redeemed)
        if (event.project_id, event.id) not in inserted:
            continue
        if event.customer_id is not None:
            customers.setdefault((event.project_id, event.customer_id), slot.time_ms)
        if event.order is not None and event.order.id is not None:
            orders.setdefault((event.project_id, event.order.id), (event.customer_id, slot.time_ms))
        for number, line in enumerate(event.lines, 1):
            # Encoded here, because lists within an array would be taken for its further dimensions.
            moves = msgspec.Raw(_encode_json([move[:2] for move in line.moves]))
            names = (line.object, line.redeemable_id, line.campaign_id, line.code, line.discount_minor)
            lines.append((event.project_id, event.id, number, *names, moves, slot.time_ms))
    if lines:
        await tx.execute(_INSERT_LINES, *columns(lines, 10))
    if customers:
        await tx.execute(_INSERT_CUSTOMERS, *columns([(*key, at) for key, at in sorted(customers.items())], 3))
    if orders:
        await tx.execute(_INSERT_ORDERS, *columns([(*key, *of) for key, of in sorted(orders.items())], 4))
    return inserted


def _header(place: Place, slot: Slot) -> tuple[Any, ...]:
    event, at = slot.event, slot.position
    assert isinstance(event, Redeemed)
    return (
        event.project_id,
        event.id,
        event.customer_id,
        event.currency,
        event.order_value_minor,
        event.discount_minor,
        event.total_minor,
        "committed" if event.committed else place.durability,
        event.idempotency_key,
        event.fingerprint,
        slot.time_ms,
        at.entry_ms,
        at.entry_seq,
        slot.index,
        slot.payload,
        event.order.id if event.order is not None else None,
        (event.order.key or None) if event.order is not None else None,
    )


async def _resolve(
    tx: Transaction, place: Place, slot: Slot, deltas: Deltas, usage: Usage, receipts: Receipts, postings: Postings
) -> Fate:
    """A person applies or voids an entry. Applied, its units go from quarantined to granted; void, they come back."""
    event = slot.event
    assert isinstance(event, Settled)
    entry = await quarantine.lock_open(tx, place.shard, event.quarantine_id, event.project_id)
    if entry is None:
        return Fate(Kind.RESOLVED)
    applied = False
    if event.action == "apply":
        was = Place(place.shard, entry.epoch, place.durability)
        applied = await _apply_entry(tx, was, entry, deltas, usage, postings)
        if applied:
            receipts.redeem(entry.slot, was)
        elif not isinstance(entry.slot.event, Redeemed):
            await quarantine.decline(tx, place.shard, entry.id, "There is nothing that could be applied.")
            return Fate(Kind.RESOLVED)
    elif event.action != "void":
        return Fate(Kind.RESOLVED)
    await quarantine.resolve(tx, place, slot, entry, applied)
    deltas.quarantine(event.project_id, entry.counted, -1)
    return Fate(Kind.RESOLVED, event.project_id, returned=() if applied else entry.counted)


async def _apply_entry(
    tx: Transaction, was: Place, entry: quarantine.Entry, deltas: Deltas, usage: Usage, postings: Postings
) -> bool:
    """Whether the entry's redemption is now in the ledger and was not before."""
    event = entry.slot.event
    if not isinstance(event, Redeemed):
        return False
    if not await insert_redemptions(tx, was, [entry.slot]):
        return False
    await attribute(tx, [entry.slot])
    deltas.grant(event)
    postings.spend(event, entry.slot.time_ms)
    usage.add(event.account_id, event.project_id, entry.slot.time_ms, (1, 0, event.discount_minor - event.paid_minor))
    return True
