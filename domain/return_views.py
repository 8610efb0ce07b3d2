"""What the engine shows of a return: its quote, and the rollback that it becomes.

Must never compute a refund: returns.py does.
"""

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from .events import Redeemed, RolledBack
from .money import to_major
from .redemption_views import RedemptionView, StackView
from .returns import Quote


class ReturnedItemView(msgspec.Struct):
    """Units of one line of an order that are returned, and what is refunded for them in money; `discount_returned` is
    what discounts and gift cards had taken off them."""

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
    gift_card_refund: Decimal | UnsetType = UNSET
    """What goes back to gift cards; left out where none had paid."""


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
    gift_card_refund: Decimal | UnsetType = UNSET


def view_quote(event: Redeemed, quote: Quote) -> QuoteView:
    """What a return refunds."""
    decimals, items = event.decimals, event.order.items if event.order is not None else ()
    payments = [lost for line, lost in zip(event.lines, quote.discounts, strict=True) if line.is_payment]
    return QuoteView(
        event.id,
        to_major(quote.refund_minor, decimals),
        to_major(sum(quote.discounts) - sum(payments), decimals),
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
        to_major(sum(payments), decimals) if payments else UNSET,
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
        gift_card_refund=shown.gift_card_refund,
    )
