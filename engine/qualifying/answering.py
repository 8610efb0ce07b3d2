"""The answer to qualifications: what applies, page by page, and the best stack. Must never look anything up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from domain.decisions import Decision
from domain.events import Line
from domain.money import to_major

from .best import BestStack
from .cart import Cart
from .deals import Deal


class QualifiedView(msgspec.Struct):
    """One redeemable and what it takes off, alone or in its place in the stack. A gift card pays `amount_applied`, a
    loyalty card spends `points`."""

    object: str
    id: str
    discount_applied: Decimal
    name: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    amount_applied: Decimal | UnsetType = UNSET
    points: int | UnsetType = UNSET


class BestStackView(msgspec.Struct):
    """The best stack, to be redeemed in this order. `is_optimal`: it is proven that none takes more off."""

    redeemables: list[QualifiedView]
    discount_applied: Decimal
    total: Decimal
    is_optimal: bool


class QualificationView(msgspec.Struct):
    """A page of what qualifies."""

    redeemables: list[QualifiedView]
    has_more: bool
    cursor: str | None
    best_stack: BestStackView | UnsetType = UNSET


def show_deals(deals: Sequence[Deal], names: Mapping[str, str], decimals: int) -> list[QualifiedView]:
    """What qualifies."""
    return [_show(deal.decision.lines[0], names, decimals) for deal in deals if deal.decision is not None]


def show_best(best: BestStack, cart: Cart, names: Mapping[str, str]) -> BestStackView:
    """The best stack; without redeemables where nothing takes anything off."""
    decimals, order = cart.around.decimals, cart.order
    if best.decision is None:
        total_minor = order.amount_minor + order.shipping_minor
        return BestStackView([], to_major(0, decimals), to_major(total_minor, decimals), best.is_optimal)
    decision: Decision = best.decision
    off_minor = sum([line.discount_minor for line in decision.lines if not line.is_payment])
    total_minor = decision.order_value_minor + order.shipping_minor - decision.discount_minor
    shown = [_show(line, names, decimals) for line in decision.lines]
    return BestStackView(shown, to_major(off_minor, decimals), to_major(total_minor, decimals), best.is_optimal)


def _show(line: Line, names: Mapping[str, str], decimals: int) -> QualifiedView:
    amount = to_major(line.discount_minor, decimals)
    return QualifiedView(
        line.object,
        line.code,
        to_major(0, decimals) if line.is_payment else amount,
        names.get(line.redeemable_id, UNSET),
        line.campaign_id or UNSET,
        amount if line.is_payment else UNSET,
        line.points if line.object == "loyalty_card" else UNSET,
    )
