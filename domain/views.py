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
    """What became of one redeemable: `code` and `conditions` say why it was not applied."""

    object: str
    id: str
    status: str
    discount_applied: Decimal
    code: str | None = None
    conditions: tuple[ConditionView, ...] | UnsetType = UNSET


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
    """An order with its discounts, line by line: those of the items and of shipping are together the order's."""

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


def view_redeemable(code: str, part: Part, decimals: int) -> RedeemableView:
    """What became of one redeemable of a request."""
    failing = tuple(ConditionView(one.pointer, one.condition, one.remedy) for one in part.failing)
    discount = to_major(part.discount_minor, decimals)
    return RedeemableView("voucher", code, part.status, discount, part.code, failing or UNSET)
