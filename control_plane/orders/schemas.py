"""Orders on the wire."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.events.schemas import MOST_ITEMS, Currency
from control_plane.redemptions.schemas import ListedRedemption
from control_plane.rules.schemas import Metadata
from control_plane.shop_ids import ShopId

Status = Literal["created", "paid", "fulfilled", "canceled"]
Items = Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MOST_ITEMS)]


class OrderUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays. `total`: what is paid, shipping included and discounts taken off."""

    customer_id: ShopId | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET
    items: Items | UnsetType = UNSET
    shipping: Decimal | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class OrderUpsert(OrderUpdate, kw_only=True):
    """Body of an order, by the shop's own id: what is left out stays."""

    id: ShopId


class OrderedItemView(msgspec.Struct):
    """A line of an order."""

    product_id: str | None
    sku: str | None
    quantity: int
    price: Decimal
    amount: Decimal
    categories: list[str]
    collections: list[str]
    metadata: dict[str, Any]


class ShopOrderView(msgspec.Struct):
    """An order as lists show it. `amount` is null where nobody has said it; `paid` where it was not reported paid.
    `updated_at` null: known from checkouts and events alone."""

    id: str
    object: Literal["order"]
    customer_id: str | None
    status: Status
    currency: str
    amount: Decimal | None
    shipping: Decimal | None
    total: Decimal | None
    paid: Decimal | None
    refunded: Decimal | None
    metadata: msgspec.Raw
    created_at: str
    updated_at: str | None
    pending: bool | UnsetType = UNSET


class OrderRollbackView(msgspec.Struct):
    """What was rolled back of a redemption. `id` is null of very old ones."""

    id: str | None
    whole: bool
    refund: Decimal
    created_at: str


class OrderRedemptionView(ListedRedemption):
    """A redemption of the order, with what was rolled back of it."""

    rollbacks: list[OrderRollbackView] = msgspec.field(default_factory=list)


class OrderPointsView(msgspec.Struct):
    """What a card has earned by the order, and what refunds took back."""

    card: str
    card_id: str
    program_id: str
    earned: int
    taken_back: int


class ShopOrderDetails(ShopOrderView, kw_only=True):
    """An order with its items, its redemptions as far as the ledger has them, and its points."""

    items: list[OrderedItemView]
    redemptions: list[OrderRedemptionView]
    points: list[OrderPointsView]
