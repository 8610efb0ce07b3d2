"""Gift cards on the wire: amounts in major units of the project's currency."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.codes import CodeText
from control_plane.rules.schemas import Category, Metadata, Time
from control_plane.shop_ids import ShopId

MOST_CARDS = 50_000

Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
CardCount = Annotated[int, msgspec.Meta(ge=1, le=MOST_CARDS)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
CardStatus = Literal["active", "inactive", "blocked", "expired", "archived"]


class CardTerms(msgspec.Struct, kw_only=True):
    """What a single card and those of a batch have in common. `active` false: to be activated when it is sold."""

    amount: Decimal | UnsetType | None = UNSET
    starts_at: Time | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    category: Category | UnsetType | None = UNSET


class GiftCardCreate(CardTerms, kw_only=True):
    """Body of a new card. The code is drawn where it is left out; the amount may be its campaign's."""

    code: CodeText | UnsetType | None = UNSET
    campaign_id: Reference | UnsetType | None = UNSET
    customer_id: ShopId | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class GiftCardBatch(CardTerms, kw_only=True):
    """Body of a batch: so many cards of a campaign, all alike."""

    campaign_id: Reference
    count: CardCount


class GiftCardUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes. A card's code, campaign and money are changed by none."""

    customer_id: ShopId | UnsetType | None = UNSET
    starts_at: Time | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    category: Category | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class TopUp(msgspec.Struct, kw_only=True):
    """Body of a top-up."""

    amount: Decimal | UnsetType  # without a default: required
    reason: Reason | UnsetType | None = UNSET


class GiftCardView(msgspec.Struct):
    """A card as the API shows it. `funded`: all that was put on it, less what was taken back; `balance`: less what
    was spent. `pending`: its newest version is not in force yet."""

    id: str
    object: Literal["gift_card"]
    code: str
    campaign_id: str | None
    customer_id: str | None
    status: CardStatus
    currency: str
    balance: Decimal
    funded: Decimal
    spent: Decimal
    starts_at: str | None
    expires_at: str | None
    category: str | None
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET


class TransactionView(msgspec.Struct):
    """One entry of a card: `amount` as the card has it, below 0 where it went; `balance` after it. Each entry moves
    the amount from one account to another."""

    number: int
    object: Literal["gift_card_transaction"]
    type: str
    amount: Decimal
    balance: Decimal
    from_account: str
    to_account: str
    redemption_id: str | None
    reason: str | None
    actor: str | None
    created_at: str
