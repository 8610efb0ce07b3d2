"""What both planes show of orders and redeemables, and how they write it: money as JSON numbers, times as ISO 8601.

Must never look anything up: a view is a pure function of what was decided.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from .decisions import Part
from .events import Line
from .money import to_major
from .orders import Item

encode = msgspec.json.Encoder(decimal_format="number").encode
"""Decimals as numbers, with the decimals that they have: 18.00."""


class ConditionView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition that is not met: where it stands in its rule, as it was written, and what would help."""

    pointer: str
    condition: Any
    remedy: str | None = None


class RedeemableView(msgspec.Struct, frozen=True):
    """What became of one redeemable: `code` and `conditions` say why it was not applied. A gift card pays
    `amount_applied`, a loyalty card spends `points`."""

    object: str
    id: str
    status: str
    discount_applied: Decimal
    code: str | None = None
    conditions: tuple[ConditionView, ...] | UnsetType = UNSET
    amount_applied: Decimal | UnsetType = UNSET
    points: int | UnsetType = UNSET


class ItemView(msgspec.Struct):
    """A line of an order with what discounts have left of it."""

    product_id: str | None
    sku: str | None
    quantity: int
    price: Decimal
    amount: Decimal
    discount_applied: Decimal
    total: Decimal
    added: bool | UnsetType = UNSET
    returned_quantity: int | UnsetType = UNSET


class OrderView(msgspec.Struct):
    """An order with its discounts, line by line: those of the items and of shipping are together the order's. `total`
    is what is left to pay, after gift cards too."""

    id: str | None
    currency: str
    amount: Decimal
    shipping: Decimal
    shipping_discount: Decimal
    discount_applied: Decimal
    total: Decimal
    items: list[ItemView]
    remaining_total: Decimal | UnsetType = UNSET
    """What the order costs after what was rolled back of it; left out where nothing was."""
    gift_card_amount: Decimal | UnsetType = UNSET


def iso_time(time_ms: int) -> str:
    """2026-11-21T20:35:09.123Z"""
    second, ms = divmod(time_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=16)  # in a flash sale a second is asked for thousands of times
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def show_items(items: Sequence[Item], taken: Sequence[int], decimals: int) -> list[ItemView]:
    """Lines of an order, and what discounts have taken off each."""
    return [
        ItemView(
            item.product_id,
            item.sku,
            item.quantity,
            to_major(item.price_minor, decimals),
            to_major(item.amount_minor, decimals),
            to_major(off, decimals),
            to_major(item.amount_minor - off, decimals),
            True if item.added else UNSET,
        )
        for item, off in zip(items, taken, strict=True)
    ]


def taken_off(lines: Sequence[Line], items: int) -> list[int]:
    """What discounts take off each item; what gift cards pay takes nothing off."""
    discounts = [line for line in lines if not line.is_payment]
    return [sum(line.allocations[at] for line in discounts) for at in range(items)]


def show_redeemable(object_: str, name: str, status: str, spent: Line | Part, decimals: int) -> RedeemableView:
    """What became of a redeemable that is applied, or of any as far as amounts go."""
    is_gift, is_loyalty = object_ == "gift_card", object_ == "loyalty_card"
    amount = to_major(spent.discount_minor, decimals)
    return RedeemableView(
        object_,
        name,
        status,
        to_major(0, decimals) if is_gift else amount,
        amount_applied=amount if is_gift else UNSET,
        points=spent.points if is_loyalty else UNSET,
    )


def view_redeemable(object_: str, name: str, part: Part, decimals: int) -> RedeemableView:
    """What became of one redeemable of a request."""
    failing = tuple(ConditionView(one.pointer, one.condition, one.remedy) for one in part.failing)
    shown = show_redeemable(object_, name, part.status, part, decimals)
    return msgspec.structs.replace(shown, code=part.code, conditions=failing or UNSET)
