"""What both planes show of a redemption: one code's, or a stack's.

Must never look anything up: a view is a pure function of events and their times, so that a replay is equal to the
first answer byte for byte.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from .events import Redeemed, RolledBack
from .ids import part_id
from .money import to_major
from .returns import Remaining, remaining
from .views import OrderView, RedeemableView, iso_time, show_items


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


class RedemptionView(msgspec.Struct, gc=False):
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
