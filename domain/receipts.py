"""Receipts: each redemption, and each rollback, as a link of its campaign's hash chain.

Owns what a link is made from and how it is spelled, to the byte: the reconciler writes links with it, the verifier
makes them again. Must never draw a salt, read a clock or know of a table: docs/operating/receipts.md is written from
this module.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

LINK_PREFIX = b"vauchflow/receipt/1\x00"
PERSONAL_PREFIX = b"vauchflow/receipt-personal/1\x00"
START = bytes(32)
"""What the first link of a chain follows."""

SALT_BYTES = 16

_LISTS = (list, tuple)
_encode = msgspec.msgpack.Encoder().encode


class GrantLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a redemption. `moves` are [counter, amount], without those on customers' counters."""

    no: int
    object: str
    redeemable_id: str
    campaign_id: str | None
    code: str
    discount_minor: int
    time_us: int
    moves: Any


class Grant(msgspec.Struct, frozen=True, gc=False, tag="redeemed", tag_field="kind"):
    """A redemption's row, and of its lines those that are the chain's."""

    currency: str
    order_value_minor: int
    discount_minor: int
    total_minor: int
    durability: str
    time_us: int
    shard: int
    epoch: int
    entry_ms: int
    entry_seq: int
    entry_index: int
    lines: Sequence[GrantLine]


class Rollback(msgspec.Struct, frozen=True, tag="rolled_back", tag_field="kind"):
    """A redemption's rollback, as its row says it."""

    time_us: int
    epoch: int
    entry_ms: int
    entry_seq: int
    entry_index: int


class Personal(msgspec.Struct, frozen=True, gc=False):
    """What tells of a person: it enters a link only as a salted commitment. `moves` are [line, counter, amount] on
    customers' counters, whose names hold the customer; the body and its fingerprint are hashes of it, too."""

    customer_id: str | None
    idempotency_key: str | None
    fingerprint: str
    body_sha256: str
    moves: Any

    @property
    def is_blank(self) -> bool:
        """Whether nothing is left of the person; the body's hash then says nothing that the row does not."""
        return not (self.customer_id or self.idempotency_key or self.fingerprint or self.moves)


class Link(msgspec.Struct, frozen=True, gc=False):
    """All that one link says."""

    project_id: str
    chain_id: str
    seq: int
    redemption_id: str
    commitment: str | None
    effect: Grant | Rollback


def commit_to(salt: bytes, personal: Personal) -> bytes:
    """The commitment: without the salt it tells nothing, with it it fits these data alone."""
    return sha256(PERSONAL_PREFIX + salt + _encode(personal)).digest()


def next_link(previous: bytes, link: Link) -> bytes:
    """The chain's head when this link has been added."""
    return sha256(LINK_PREFIX + previous + _encode(link)).digest()


def names_customer(counter: str) -> bool:
    """Whether a counter is a customer's own: its name then holds the customer's. (Of a rule's counters those are that
    count for each customer; see rule_counter.)"""
    kind, _, rest = counter.partition(":")
    return kind in ("u", "o") or (kind == "t" and rest.partition(":")[2].startswith("customer."))


def split_moves(moves: Any) -> tuple[list[Any], list[Any]]:
    """A line's moves as a row holds them, whatever that is: those for everybody, and those that name a customer."""
    shown: list[Any] = []
    personal: list[Any] = []
    for move in moves if isinstance(moves, list) else [moves]:
        is_personal = isinstance(move, list) and bool(move) and names_customer(str(move[0]))
        (personal if is_personal else shown).append(move)
    return shown, personal


def units_of(grant: Grant, counter: str) -> int:
    """How much a redemption took of one counter."""
    return sum(
        move[1]
        for line in grant.lines
        for move in (line.moves if isinstance(line.moves, _LISTS) else ())
        if isinstance(move, _LISTS) and len(move) == 2 and move[0] == counter and isinstance(move[1], int)
    )
