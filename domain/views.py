"""What both planes show of redemptions, and how they write it: money as JSON numbers, times as ISO 8601.

Must never look anything up: a view is a pure function of events and their times, so that a replay is equal to the
first answer byte for byte.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from .decisions import Part
from .events import Redeemed, Reserved, RolledBack
from .ids import part_id
from .money import to_major
from .orders import Item
from .returns import Quote, Remaining, remaining

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


class RedemptionPart(msgspec.Struct):
    """One redeemable of a stack's redemption."""

    id: str
    redeemable: str
    redeemable_object: str
    redeemable_id: str
    campaign_id: str | None
    status: str
    discount_applied: Decimal
    object: Literal["redemption"] = "redemption"


class RedemptionView(msgspec.Struct):
    """A redemption of one code as the API shows it."""

    id: str
    status: str
    code: str
    voucher_id: str
    campaign_id: str | None
    customer_id: str | None
    currency: str
    order_value: Decimal
    discount_applied: Decimal
    total: Decimal
    idempotency_key: str | None
    created_at: str
    rolled_back_at: str | None
    object: Literal["redemption"] = "redemption"
    order: OrderView | UnsetType = UNSET
    refunded: Decimal | UnsetType = UNSET


class StackView(msgspec.Struct):
    """A redemption of a stack as the API shows it: each redeemable applied, and those that were not."""

    id: str
    status: str
    customer_id: str | None
    currency: str
    redemptions: list[RedemptionPart]
    redeemables: list[RedeemableView]
    order: OrderView
    idempotency_key: str | None
    created_at: str
    rolled_back_at: str | None
    object: Literal["redemption"] = "redemption"
    refunded: Decimal | UnsetType = UNSET


class ReturnedItemView(msgspec.Struct):
    """Units of one line of an order that are returned, and what is refunded for them."""

    line: int
    product_id: str | None
    sku: str | None
    quantity: int
    amount: Decimal
    discount_returned: Decimal
    refund: Decimal


class QuoteView(msgspec.Struct):
    """What a return refunds, or would."""

    redemption_id: str
    refund: Decimal
    discount_returned: Decimal
    shipping_refund: Decimal
    items: list[ReturnedItemView]


class ReturnView(msgspec.Struct):
    """The answer to the rollback of a part: what it refunds, and the redemption as it then stands."""

    id: str
    redemption_id: str
    status: str
    refund: Decimal
    discount_returned: Decimal
    shipping_refund: Decimal
    items: list[ReturnedItemView]
    redeemables: list[str]
    redemption: RedemptionView | StackView
    object: Literal["rollback"] = "rollback"


def iso_time(time_ms: int) -> str:
    """2026-11-21T20:35:09.123Z"""
    second, ms = divmod(time_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=16)  # in a flash sale a second is asked for thousands of times
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def view_redemption(
    event: Redeemed, time_ms: int, rollbacks: Sequence[RolledBack] = (), rolled_back_ms: int | None = None
) -> RedemptionView | StackView:
    """A redemption from its event, the time at which it was granted, its rollbacks in order, and when it was rolled
    back whole, if it was."""
    if event.is_stack:
        return _view_stack(event, time_ms, rollbacks, rolled_back_ms)
    line = event.lines[0]
    view = RedemptionView(
        id=event.id,
        status=_status(rollbacks, rolled_back_ms),
        code=line.code,
        voucher_id=line.redeemable_id,
        campaign_id=line.campaign_id,
        customer_id=event.customer_id,
        currency=event.currency,
        order_value=to_major(event.order_value_minor, event.decimals),
        discount_applied=to_major(event.discount_minor, event.decimals),
        total=to_major(event.total_minor, event.decimals),
        idempotency_key=event.idempotency_key,
        created_at=iso_time(time_ms),
        rolled_back_at=None if rolled_back_ms is None else iso_time(rolled_back_ms),
    )
    if event.order is not None:
        left = remaining(event, rollbacks) if rollbacks else None
        view.order = view_order(event, left)
        if left is not None:
            view.refunded = to_major(left.refunded_minor, event.decimals)
    return view


def _status(rollbacks: Sequence[RolledBack], rolled_back_ms: int | None) -> str:
    if rolled_back_ms is not None:
        return "rolled_back"
    return "partially_rolled_back" if rollbacks else "redeemed"


def _view_stack(
    event: Redeemed, time_ms: int, rollbacks: Sequence[RolledBack], rolled_back_ms: int | None
) -> StackView:
    left = remaining(event, rollbacks) if rollbacks else None
    gone = (rolled_back_ms is not None,) * len(event.lines) if left is None else left.rolled_back
    decimals = event.decimals
    view = StackView(
        id=event.id,
        status=_status(rollbacks, rolled_back_ms),
        customer_id=event.customer_id,
        currency=event.currency,
        redemptions=[
            RedemptionPart(
                part_id(event.id, number),
                line.code,
                line.object,
                line.redeemable_id,
                line.campaign_id,
                "rolled_back" if gone[number] else "redeemed",
                to_major(line.discount_minor, decimals),
            )
            for number, line in enumerate(event.lines)
        ],
        redeemables=[
            *(
                RedeemableView(line.object, line.code, "applicable", to_major(line.discount_minor, decimals))
                for line in event.lines
            ),
            *(
                RedeemableView(what, id_, status, to_major(0, decimals), code)
                for what, id_, status, code in event.unapplied
            ),
        ],
        order=view_order(event, left),
        idempotency_key=event.idempotency_key,
        created_at=iso_time(time_ms),
        rolled_back_at=None if rolled_back_ms is None else iso_time(rolled_back_ms),
    )
    if left is not None:
        view.refunded = to_major(left.refunded_minor, decimals)
    return view


def view_order(event: Redeemed, left: Remaining | None = None) -> OrderView:
    """The order of a redemption with its discounts; with `left`, how many units were returned."""
    order, decimals = event.order, event.decimals
    items = order.items if order is not None else ()
    taken = [sum(line.allocations[at] for line in event.lines) for at in range(len(items))]
    shown = show_items(items, taken, decimals)
    if left is not None:
        for at, line in enumerate(shown):
            returned = items[at].quantity - left.units[at]
            if returned:
                line.returned_quantity = returned
    view = OrderView(
        order.id if order is not None else None,
        event.currency,
        to_major(event.order_value_minor, decimals),
        to_major(order.shipping_minor if order is not None else 0, decimals),
        to_major(sum(line.shipping_discount_minor for line in event.lines), decimals),
        to_major(event.discount_minor, decimals),
        to_major(event.total_minor, decimals),
        shown,
    )
    if left is not None:
        view.remaining_total = to_major(left.total_minor, decimals)
    return view


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


def view_quote(event: Redeemed, quote: Quote) -> QuoteView:
    """What a return refunds."""
    decimals, items = event.decimals, event.order.items if event.order is not None else ()
    return QuoteView(
        event.id,
        to_major(quote.refund_minor, decimals),
        to_major(sum(quote.discounts), decimals),
        to_major(quote.shipping_minor, decimals),
        [
            ReturnedItemView(
                one.item,
                items[one.item].product_id,
                items[one.item].sku,
                one.units,
                to_major(one.amount_minor, decimals),
                to_major(one.discount_minor, decimals),
                to_major(one.refund_minor, decimals),
            )
            for one in quote.items
        ],
    )


def view_return(event: Redeemed, done: RolledBack, quote: Quote, redemption: RedemptionView | StackView) -> ReturnView:
    """What a rollback did, from its event and the quote that it was made from."""
    shown = view_quote(event, quote)
    return ReturnView(
        done.id,
        event.id,
        redemption.status,
        shown.refund,
        shown.discount_returned,
        shown.shipping_refund,
        shown.items,
        [event.lines[number].code for number in done.lines],
        redemption,
    )


class ReservationView(msgspec.Struct):
    """A reservation as the API shows it."""

    id: str
    status: str
    session: str
    expires_at: str
    redeemables: list[RedeemableView]
    currency: str
    order_value: Decimal
    discount_applied: Decimal
    total: Decimal
    created_at: str
    redemption_id: str | None
    object: Literal["reservation"] = "reservation"


def view_reservation(event: Reserved, status: str, time_ms: int, redemption_id: str | None = None) -> ReservationView:
    """A reservation from its last event, the time of its first, and what became of it."""
    decimals = event.decimals
    return ReservationView(
        id=event.id,
        status=status,
        session=event.session,
        expires_at=iso_time(event.expires_ms),
        redeemables=[
            RedeemableView(line.object, line.code, "applicable", to_major(line.discount_minor, decimals))
            for line in event.lines
        ],
        currency=event.currency,
        order_value=to_major(event.order_value_minor, decimals),
        discount_applied=to_major(event.discount_minor, decimals),
        total=to_major(event.order_value_minor - event.discount_minor, decimals),
        created_at=iso_time(time_ms),
        redemption_id=redemption_id,
    )
