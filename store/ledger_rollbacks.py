"""Rollbacks as the ledger takes them in: whole ones, and those of a part, each by the revision it was decided from.

Everything happens in the caller's transaction. Must never give back what the redemption's lines did not take, or what
came back before.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.events import RolledBack
from domain.receipts import names_customer
from store import quarantine
from store.database import Transaction
from store.ledger_cards import Postings
from store.ledger_referrals import roll_back_referrals
from store.ledger_rows import (
    Deltas,
    Fate,
    Kind,
    Moves,
    Place,
    ReturnsTooMuch,
    Slot,
    Usage,
    alias_of,
    columns,
    first_of,
    summed,
)
from store.queries import query
from store.receipts import Receipts

_ROLL_BACK = query("roll_back_redemptions")
_INSERT = query("insert_rollbacks")
_MOVES = query("redemption_moves")
_ROLLBACKS = query("rollbacks_of_redemptions")
_IN_PLACE = query("redemptions_in_place")

_encode_json = msgspec.json.Encoder().encode

Key = tuple[str, str]
"""Project and redemption."""


async def roll_back(
    tx: Transaction,
    place: Place,
    slots: Sequence[Slot],
    deltas: Deltas,
    usage: Usage,
    receipts: Receipts,
    postings: Postings,
) -> list[Fate]:
    """In rounds, each with the next rollback of every redemption: one may follow another in the same batch."""
    fates: list[Fate] = []
    waiting = list(slots)
    while waiting:
        first, waiting = first_of(waiting, map(key_of, waiting))
        fates += await _round(tx, place, first, deltas, usage, receipts, postings)
    return fates


async def _round(
    tx: Transaction,
    place: Place,
    slots: list[Slot],
    deltas: Deltas,
    usage: Usage,
    receipts: Receipts,
    postings: Postings,
) -> list[Fate]:
    done = await tx.fetch(_ROLL_BACK, place.shard, place.epoch, *columns([_change(slot) for slot in slots], 9))
    aliases = {(row["project_id"], row["id"]): alias_of(row["order_key"]) for row in done}
    left = await what_is_left(tx, place, list(aliases))
    known = await tx.fetch(_IN_PLACE, place.shard, *columns([key_of(slot) for slot in slots], 2))
    exists = {(row["project_id"], row["id"]) for row in known}
    fates: list[Fate] = []
    rows: list[tuple[Any, ...]] = []
    for slot in slots:
        event, key = slot.event, key_of(slot)
        assert isinstance(event, RolledBack)
        if key in aliases:
            moves = _returned(event, left[key])
            rows.append(_row(slot, moves))
            deltas.give_back(event.project_id, moves)
            postings.refund(*key, moves, slot.time_ms)
            if event.is_whole:
                usage.add(event.account_id, event.project_id, slot.time_ms, (0, 1, 0))
                receipts.roll_back(slot)
            fates.append(rolled_back_fate(key, moves, aliases[key] if event.is_whole else ""))
        elif key in exists:
            fates.append(Fate(Kind.COLLAPSED, event_id=event.id))
        else:
            fates.append(await quarantine.put(tx, place, slot, "unknown_redemption", ""))
    if rows:
        await tx.execute(_INSERT, place.shard, place.epoch, *columns(rows, 14))
        await roll_back_referrals(tx, [slot for slot in slots if key_of(slot) in aliases])
    return fates


def rolled_back_fate(key: Key, moves: Moves, alias: str) -> Fate:
    """A rollback that took effect: its moves come back, and a whole one frees the order for another redemption."""
    return Fate(Kind.ROLLED_BACK, *key, returned=moves, alias=alias)


def key_of(slot: Slot) -> Key:
    """The redemption that a rollback is of."""
    assert isinstance(slot.event, RolledBack)
    return slot.event.project_id, slot.event.redemption_id


async def what_is_left(tx: Transaction, place: Place, keys: Sequence[Key]) -> dict[Key, dict[str, int]]:
    """What these redemptions took, as the ledger's lines say, less what their rollbacks have given back."""
    left = {key: dict(moves) for key, moves in (await moves_of_rows(tx, keys)).items()}
    if keys:
        for row in await tx.fetch(_ROLLBACKS, place.shard, *columns(keys, 2)):
            counters = left[row["project_id"], row["redemption_id"]]
            for counter, amount in row["moves"]:
                counters[counter] = counters.get(counter, 0) - amount
    return left


async def moves_of_rows(tx: Transaction, keys: Sequence[Key]) -> dict[Key, Moves]:
    """What these redemptions took, summed per counter."""
    moves: dict[Key, Moves] = dict.fromkeys(keys, ())
    if keys:
        for row in await tx.fetch(_MOVES, *columns(keys, 2)):
            key = row["project_id"], row["redemption_id"]
            moves[key] = summed((*moves[key], *((counter, amount) for counter, amount in row["moves"])))
    return moves


def _returned(event: RolledBack, left: dict[str, int]) -> Moves:
    """What comes back: what the event says, if there is so much; where it says nothing, all that is left. Of a customer
    who was erased before the rollback was settled there are no counters any more."""
    if event.moves is None:
        return tuple((counter, amount) for counter, amount in left.items() if amount)
    moves = tuple(
        (counter, amount) for counter, amount in summed(event.moves) if counter in left or not names_customer(counter)
    )
    for counter, amount in event.moves:
        if amount < 0:
            raise ReturnsTooMuch(f"{amount} of {counter} are to come back")
    for counter, amount in moves:
        if amount > left.get(counter, 0):
            raise ReturnsTooMuch(f"{amount} of {counter} are to come back, and {left.get(counter, 0)} are left")
    return moves


def _change(slot: Slot) -> tuple[Any, ...]:
    event, at = slot.event, slot.position
    assert isinstance(event, RolledBack)
    how = event.revision, event.is_whole, event.refund_minor
    return (*key_of(slot), *how, slot.time_ms, at.entry_ms, at.entry_seq, slot.index)


def _row(slot: Slot, moves: Moves) -> tuple[Any, ...]:
    event, at = slot.event, slot.position
    assert isinstance(event, RolledBack)
    return (
        *key_of(slot),
        event.revision,
        event.id or None,
        event.idempotency_key,
        event.fingerprint,
        event.is_whole,
        event.refund_minor,
        msgspec.Raw(_encode_json(moves)),
        slot.payload,
        slot.time_ms,
        at.entry_ms,
        at.entry_seq,
        slot.index,
    )
