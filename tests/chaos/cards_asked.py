"""What a stack asked of a card. Must never say what came of it."""

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from tests.chaos.history import Call, Card


@dataclass(frozen=True)
class Asked:
    """So much, or, None, as much as the order takes; `most` is what it can have come to."""

    amount: int | None
    most: int


class _Redeemable(msgspec.Struct, frozen=True):
    id: str
    amount: float | None = None
    points: int | None = None


class _Stack(msgspec.Struct, frozen=True):
    redeemables: tuple[_Redeemable, ...] = ()


EMPTY = ("insufficient_balance", "insufficient_points")


def is_of_the_ledger(call: Call) -> bool:
    """Whether it was PostgreSQL that refused a card, after Redis had granted: it names no redeemables."""
    return call.code in EMPTY and b'"redeemables"' not in call.body


def asked_of(call: Call, card: Card) -> Asked:
    """What this attempt asked of the card."""
    wish = next((each for each in _redeemables(call.asked) if each.id == card.code), None)
    if wish is None:
        return Asked(None, 0)
    amount = wish.points if wish.amount is None else round(wish.amount * 100)
    # A point is a cent.
    return Asked(amount, call.order_value_minor if amount is None else min(amount, call.order_value_minor))


@lru_cache(maxsize=4096)
def _redeemables(body: bytes) -> tuple[_Redeemable, ...]:
    return msgspec.json.decode(body, type=_Stack).redeemables if body else ()
