"""Writes receipts: a link for each redemption and rollback that the ledger took in, in the order in which it did.

Everything happens in the caller's transaction, which holds the shard's position: heads are read in it, so that a
savepoint that is rolled back leaves nothing behind. Must never write a link for what collapsed or was refused.
"""

import secrets
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from domain.events import Line, Redeemed, RolledBack
from domain.receipts import (
    SALT_BYTES,
    START,
    Grant,
    GrantLine,
    Link,
    Personal,
    Rollback,
    commit_to,
    names_customer,
    next_link,
)
from store.database import Transaction
from store.ledger_rows import Place, Slot, columns
from store.queries import query

_LOCK = query("lock_receipt_heads")
_INSERT = query("insert_receipts")
_MOVE = query("move_receipt_heads")
_CHAINS = query("chains_of_redemptions")

Chain = tuple[str, str]
"""Project and chain."""


class Pending(msgspec.Struct, frozen=True, gc=False):
    """What is to be linked to one chain: a redemption with those of its numbered lines that are the chain's, or a
    rollback. The link's fields are made only when it is its turn: thousands kept alive cost more than making them."""

    chain: Chain
    slot: Slot
    place: Place
    lines: Sequence[tuple[int, Line]] = ()


class Head(msgspec.Struct):
    """Where a chain stands while a batch is linked to it."""

    links: int = 0
    redeemed: int = 0
    rolled_back: int = 0
    head: bytes = START


class Receipts:
    """What a batch takes into the ledger, to be linked in one go."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._pending: list[Pending] = []
        self._rolled_back: dict[tuple[str, str], Slot] = {}

    def redeem(self, slot: Slot, place: Place | None = None) -> None:
        """A redemption that the ledger has inserted; `place` where it was granted elsewhere than the batch."""
        event = slot.event
        assert isinstance(event, Redeemed)
        chains: dict[str, list[tuple[int, Line]]] = {}
        for number, line in enumerate(event.lines, 1):
            chains.setdefault(line.campaign_id or line.redeemable_id, []).append((number, line))
        for chain_id, lines in chains.items():
            self._pending.append(Pending((event.project_id, chain_id), slot, place or self._place, lines))

    def roll_back(self, slot: Slot) -> None:
        """A rollback that took effect; which chains it belongs to, its lines know."""
        assert isinstance(slot.event, RolledBack)
        self._rolled_back[slot.event.project_id, slot.event.redemption_id] = slot

    async def append(self, tx: Transaction) -> None:
        """Link everything to the chains that it belongs to, and move their heads."""
        if self._rolled_back:
            for row in await tx.fetch(_CHAINS, *columns(list(self._rolled_back), 2)):
                slot = self._rolled_back[row["project_id"], row["redemption_id"]]
                chain = row["project_id"], row["chain_id"]
                self._pending.append(Pending(chain, slot, self._place))
        if not self._pending:
            return
        chains = sorted({pending.chain for pending in self._pending})
        heads = {chain: Head() for chain in chains}
        for row in await tx.fetch(_LOCK, *columns(chains, 2)):
            numbers = row["links"], row["redeemed"], row["rolled_back"], row["head"]
            heads[row["project_id"], row["chain_id"]] = Head(*numbers)
        await tx.execute(_INSERT, *columns(link_all(self._pending, heads), 8))
        moved = [(*chain, h.links, h.redeemed, h.rolled_back, h.head) for chain, h in heads.items()]
        await tx.execute(_MOVE, *columns(moved, 6))


def link_all(pending: Iterable[Pending], heads: dict[Chain, Head]) -> list[tuple[Any, ...]]:
    """The rows of these links, in order; `heads` are moved along."""
    rows: list[tuple[Any, ...]] = []
    for each in pending:
        project_id, chain_id = each.chain
        head, event = heads[each.chain], each.slot.event
        head.links += 1
        if isinstance(event, Redeemed):
            head.redeemed += 1
            kind, redemption_id, salt = "redeemed", event.id, secrets.token_bytes(SALT_BYTES)
            effect, personal = _grant(event, each)
            commitment = commit_to(salt, personal)
            link = Link(project_id, chain_id, head.links, redemption_id, commitment.hex(), effect)
            head.head = next_link(head.head, link)
            rows.append((project_id, chain_id, head.links, kind, redemption_id, head.head, salt, commitment))
        elif isinstance(event, RolledBack):
            head.rolled_back += 1
            kind, redemption_id = "rolled_back", event.redemption_id
            link = Link(project_id, chain_id, head.links, redemption_id, None, _rollback(each))
            head.head = next_link(head.head, link)
            rows.append((project_id, chain_id, head.links, kind, redemption_id, head.head, None, None))
    return rows


def _grant(event: Redeemed, pending: Pending) -> tuple[Grant, Personal]:
    """What everybody may see of a redemption, and what only its commitment tells of."""
    slot, place = pending.slot, pending.place
    time_us, at = slot.time_ms * 1000, slot.position
    shown: list[GrantLine] = []
    hidden: list[tuple[int, str, int]] = []
    for number, line in pending.lines:
        moves: list[tuple[str, int]] = []
        for counter, amount, _ in line.moves:
            if names_customer(counter):
                hidden.append((number, counter, amount))
            else:
                moves.append((counter, amount))
        shown.append(
            GrantLine(
                number,
                line.object,
                line.redeemable_id,
                line.campaign_id,
                line.code,
                line.discount_minor,
                time_us,
                moves,
            )
        )
    effect = Grant(
        event.currency,
        event.order_value_minor,
        event.discount_minor,
        event.total_minor,
        "committed" if event.committed else place.durability,
        time_us,
        place.shard,
        place.epoch,
        at.entry_ms,
        at.entry_seq,
        slot.index,
        shown,
    )
    body = sha256(slot.payload).hexdigest()
    return effect, Personal(event.customer_id, event.idempotency_key, event.fingerprint.hex(), body, hidden)


def _rollback(pending: Pending) -> Rollback:
    slot = pending.slot
    return Rollback(
        slot.time_ms * 1000, pending.place.epoch, slot.position.entry_ms, slot.position.entry_seq, slot.index
    )
