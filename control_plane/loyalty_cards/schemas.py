"""Loyalty cards on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.codes import CodeText
from control_plane.rules.schemas import Metadata
from control_plane.shop_ids import ShopId
from domain.loyalty import MOST_POINTS

Delta = Annotated[int, msgspec.Meta(ge=-MOST_POINTS, le=MOST_POINTS)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class LoyaltyCardCreate(msgspec.Struct, kw_only=True):
    """Body of a customer's card in a program; the code is drawn where it is left out."""

    customer_id: ShopId
    code: CodeText | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class LoyaltyCardUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes. Points, status and terms are changed by none."""

    metadata: Metadata | UnsetType | None = UNSET


class Adjustment(msgspec.Struct, kw_only=True):
    """Body of an adjustment: points given, or below 0 taken."""

    points: Delta
    reason: Reason


class CardTierView(msgspec.Struct):
    """The tier that a card has come to."""

    id: str
    name: str


class NextTierView(msgspec.Struct):
    """The tier after it, and how many points have still to be earned."""

    id: str
    name: str
    missing_points: int


class ExpiringView(msgspec.Struct):
    """Points that expire if they are not spent."""

    points: int
    expires_at: str


class LoyaltyCardView(msgspec.Struct):
    """A card as the API shows it. `points` can be spent now, `pending` later; `owed` is paid by what is earned next.
    `earned_total` decides the tier."""

    id: str
    object: Literal["loyalty_card"]
    code: str
    program_id: str
    customer_id: str
    status: Literal["active", "blocked"]
    points: int
    pending_points: int
    owed_points: int
    earned_total: int
    tier: CardTierView | None
    next_tier: NextTierView | None
    expiring: list[ExpiringView]
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET


class PointsEntryView(msgspec.Struct):
    """One entry of a card. `points` has the sign that it has for the card; `balance` is what the card then had that
    could be spent. `source` says what they were earned by, such as "order.paid:<order id>"."""

    id: str
    object: Literal["points_entry"]
    type: Literal["earn", "spend", "refund", "adjust", "take_back"]
    points: int
    balance: int
    available_at: str | None
    expires_at: str | None
    source: str | None
    redemption_id: str | None
    reason: str | None
    actor: str | None
    created_at: str
