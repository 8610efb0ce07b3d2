"""Events on the wire."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.loyalty_programs.schemas import EventType
from control_plane.rules.schemas import Time
from control_plane.shop_ids import Label, ShopId

MOST_ITEMS = 100
MOST_QUANTITY = 1_000_000

Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MOST_QUANTITY)]
Names = Annotated[list[Label], msgspec.Meta(max_length=50)]
Attributes = dict[str, Any]


class EventItemInput(msgspec.Struct, kw_only=True):
    """A line of an order."""

    price: Decimal | UnsetType
    quantity: Quantity | UnsetType = UNSET
    product_id: ShopId | UnsetType | None = UNSET
    sku: ShopId | UnsetType | None = UNSET
    categories: Names | UnsetType = UNSET
    collections: Names | UnsetType = UNSET
    metadata: Attributes | UnsetType = UNSET


class EventOrderInput(msgspec.Struct, kw_only=True):
    """An order: its items, or only its amount. `total` is what was paid, shipping included. Of a refund: the order's
    id, and the amount where it is not the whole."""

    id: ShopId | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET
    items: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MOST_ITEMS)] | UnsetType = UNSET
    shipping: Decimal | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    metadata: Attributes | UnsetType = UNSET


class EventCreate(msgspec.Struct, kw_only=True):
    """Body of an event. It counts once by its `id`, an order that was paid once by its own."""

    id: ShopId | UnsetType = UNSET
    type: EventType
    customer_id: ShopId | UnsetType = UNSET
    order: EventOrderInput | UnsetType = UNSET
    metadata: Attributes | UnsetType = UNSET
    occurred_at: Time | UnsetType = UNSET


class RulePointsView(msgspec.Struct):
    """What one earning rule has given."""

    id: str
    points: int


class EarnedView(msgspec.Struct):
    """What a card has earned. `paid_owed_points` of them paid what it owed. Null: available at once; never expiring."""

    card: str
    card_id: str
    program_id: str
    points: int
    paid_owed_points: int
    available_at: str | None
    expires_at: str | None
    rules: list[RulePointsView]


class TakenBackView(msgspec.Struct):
    """What was taken off a card; what was spent already it owes."""

    card: str
    card_id: str
    program_id: str
    points: int
    owed_points: int


class Effect(msgspec.Struct):
    """What came of an event."""

    earned: list[EarnedView] = []
    taken_back: list[TakenBackView] = []


class EventView(msgspec.Struct):
    """An event as the API shows it. `duplicate`: it came before, and this is what came of it then."""

    id: str
    object: Literal["event"]
    type: str
    customer_id: str | None
    order_id: str | None
    earned: list[EarnedView]
    taken_back: list[TakenBackView]
    duplicate: bool
    created_at: str
    pending: bool | UnsetType = UNSET
