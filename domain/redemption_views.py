"""What both planes show of a redemption: one code's, or a stack's.

Must never look anything up: a view is a pure function of events and their times, so that a replay is equal to the
first answer byte for byte.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from .events import Line, Redeemed, RolledBack
from .ids import part_id
from .money import to_major
from .returns import Remaining, remaining
from .views import OrderView, RedeemableView, iso_time, show_items, show_redeemable, taken_off

Balances = Mapping[int, int]
"""What a card had left when its line was settled, by the number of the line: minor units, or points."""


class RedemptionPart(msgspec.Struct):
    """One redeemable of a stack's redemption. A gift card pays `amount_applied`, a loyalty card spends `points`."""

    id: str
    redeemable: str
    redeemable_object: str
    redeemable_id: str
    campaign_id: str | None
    status: str
    discount_applied: Decimal
    object: Literal["redemption"] = "redemption"
    amount_applied: Decimal | UnsetType = UNSET
    balance: Decimal | UnsetType = UNSET
    points: int | UnsetType = UNSET
    points_balance: int | UnsetType = UNSET


class RedemptionView(msgspec.Struct, gc=False):
    """A redemption of one code as the API shows it: `redeemable_object` says what the code was, if not a voucher's."""

    id: str
    status: str
    code: str
    voucher_id: str | None
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
    redeemable_object: str | UnsetType = UNSET
    redeemable_id: str | UnsetType = UNSET
    amount_applied: Decimal | UnsetType = UNSET
    balance: Decimal | UnsetType = UNSET
    points: int | UnsetType = UNSET
    points_balance: int | UnsetType = UNSET


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
    event: Redeemed,
    time_ms: int,
    rollbacks: Sequence[RolledBack] = (),
    rolled_back_ms: int | None = None,
    balances: Balances | None = None,
) -> RedemptionView | StackView:
    """A redemption from its event, the time at which it was granted, its rollbacks in order, and when it was rolled
    back whole, if it was."""
    if event.is_stack:
        return _view_stack(event, time_ms, rollbacks, rolled_back_ms, balances or {})
    line = event.lines[0]
    is_voucher = line.object == "voucher"
    view = RedemptionView(
        id=event.id,
        status=_status(rollbacks, rolled_back_ms),
        code=line.code,
        voucher_id=line.redeemable_id if is_voucher else None,
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
    if not is_voucher:
        view.redeemable_object, view.redeemable_id = line.object, line.redeemable_id
        view.discount_applied = to_major(event.discount_minor - event.paid_minor, event.decimals)
        _add_card(view, line, event.decimals, (balances or {}).get(0))
    if event.order is not None:
        left = remaining(event, rollbacks) if rollbacks else None
        view.order = view_order(event, left)
        if left is not None:
            view.refunded = to_major(left.refunded_minor, event.decimals)
    return view


def _add_card(view: RedemptionView | RedemptionPart, line: Line, decimals: int, balance: int | None) -> None:
    """What a card has spent, and what it has left."""
    if line.object == "gift_card":
        view.amount_applied = to_major(line.discount_minor, decimals)
        if balance is not None:
            view.balance = to_major(balance, decimals)
    elif line.object == "loyalty_card":
        view.points = line.points
        if balance is not None:
            view.points_balance = balance


def _status(rollbacks: Sequence[RolledBack], rolled_back_ms: int | None) -> str:
    if rolled_back_ms is not None:
        return "rolled_back"
    return "partially_rolled_back" if rollbacks else "redeemed"


def _view_part(event: Redeemed, number: int, is_gone: bool, balance: int | None) -> RedemptionPart:
    line, decimals = event.lines[number], event.decimals
    part = RedemptionPart(
        part_id(event.id, number),
        line.code,
        line.object,
        line.redeemable_id,
        line.campaign_id,
        "rolled_back" if is_gone else "redeemed",
        to_major(0 if line.is_payment else line.discount_minor, decimals),
    )
    _add_card(part, line, decimals, balance)
    return part


def _view_stack(
    event: Redeemed,
    time_ms: int,
    rollbacks: Sequence[RolledBack],
    rolled_back_ms: int | None,
    balances: Balances,
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
            _view_part(event, number, gone[number], balances.get(number)) for number in range(len(event.lines))
        ],
        redeemables=[
            *(show_redeemable(line.object, line.code, "applicable", line, decimals) for line in event.lines),
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
    shown = show_items(items, taken_off(event.lines, len(items)), decimals)
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
        to_major(sum(line.shipping_discount_minor for line in event.lines if not line.is_payment), decimals),
        to_major(event.discount_minor - event.paid_minor, decimals),
        to_major(event.total_minor, decimals),
        shown,
    )
    if any(line.is_payment for line in event.lines):
        view.gift_card_amount = to_major(event.paid_minor, decimals)
    if left is not None:
        view.remaining_total = to_major(left.total_minor, decimals)
    return view
