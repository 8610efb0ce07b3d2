"""Loyalty programs on the wire: each part of one is set as a whole."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.campaigns.schemas import CampaignRules, FirstStatus
from control_plane.rules.schemas import (
    AddedUnitInput,
    AddedUnitView,
    Metadata,
    Name,
    Restore,
    ScopeInput,
    ScopeView,
    SelectionInput,
    SelectionView,
    Used,
)
from domain.definitions import DiscountType
from domain.lifecycle import ShownStatus
from domain.loyalty import MOST_POINTS
from domain.loyalty.programs import Basis

MOST_RULES = 20
MOST_REWARDS = 20
MOST_TIERS = 10
MOST_EARNED = 10**12

Points = Annotated[int, msgspec.Meta(ge=1, le=MOST_POINTS)]
EarnedPoints = Annotated[int, msgspec.Meta(ge=0, le=MOST_EARNED)]
OwnId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")]
EventType = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9._]{0,63}$")]
PendingDays = Annotated[int, msgspec.Meta(ge=0, le=365)]
ExpiryDays = Annotated[int, msgspec.Meta(ge=1, le=3650)]
Months = Annotated[int, msgspec.Meta(ge=0, le=120)]
Objects = list[dict[str, Any]]


class SpendingInput(msgspec.Struct, kw_only=True):
    """So many points take an amount off an order."""

    points: Points | UnsetType
    amount: Decimal | UnsetType
    min_points: Points | UnsetType = UNSET
    max_percent: Decimal | UnsetType = UNSET


class RewardInput(msgspec.Struct, kw_only=True):
    """A discount, for a price in points."""

    id: OwnId | UnsetType = UNSET
    name: Name | UnsetType
    points: Points | UnsetType
    discount_type: DiscountType | UnsetType = UNSET
    discount_value: Decimal | UnsetType
    max_discount: Decimal | UnsetType | None = UNSET
    applies_to: ScopeInput | UnsetType | None = UNSET
    added_unit: AddedUnitInput | UnsetType | None = UNSET


class EarningInput(msgspec.Struct, kw_only=True):
    """What an event earns."""

    id: OwnId | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    event: EventType | UnsetType
    points: Points | UnsetType
    per: Decimal | UnsetType | None = UNSET
    of: Basis | UnsetType = UNSET
    items: SelectionInput | UnsetType | None = UNSET
    rule: dict[str, Any] | UnsetType | None = UNSET


class TierInput(msgspec.Struct, kw_only=True):
    """Where a card stands that has earned so much."""

    id: OwnId | UnsetType = UNSET
    name: Name | UnsetType
    from_points: EarnedPoints | UnsetType
    factor: Decimal | UnsetType = UNSET


class ExpiryInput(msgspec.Struct, kw_only=True):
    """When points expire: after `days`, or with the month or year."""

    days: ExpiryDays | UnsetType = UNSET
    end_of: Literal["month", "year"] | UnsetType = UNSET
    after_months: Months | UnsetType = UNSET


class ProgramTerms(msgspec.Struct, kw_only=True):
    """What a program says beside a campaign's rules; each part is set as a whole, null removes it."""

    spending: SpendingInput | UnsetType | None = UNSET
    rewards: Annotated[Objects, msgspec.Meta(max_length=MOST_REWARDS)] | UnsetType | None = UNSET
    earning_rules: Annotated[Objects, msgspec.Meta(max_length=MOST_RULES)] | UnsetType | None = UNSET
    pending_days: PendingDays | UnsetType | None = UNSET
    expiry: ExpiryInput | UnsetType | None = UNSET
    tiers: Annotated[Objects, msgspec.Meta(max_length=MOST_TIERS)] | UnsetType | None = UNSET
    rules: CampaignRules | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class LoyaltyProgramCreate(ProgramTerms, kw_only=True):
    """Body of a new program, which is active unless it is to be a draft."""

    name: Name
    status: FirstStatus | UnsetType = UNSET


class LoyaltyProgramUpdate(ProgramTerms, kw_only=True):
    """Body of a change: what is left out stays."""

    name: Name | UnsetType = UNSET


class SpendingView(msgspec.Struct):
    """So many points take an amount off an order."""

    points: int
    amount: Decimal
    min_points: int
    max_percent: Decimal


class RewardView(msgspec.Struct):
    """A discount, for a price in points."""

    id: str
    name: str
    points: int
    discount_type: DiscountType
    discount_value: Decimal
    max_discount: Decimal | None
    applies_to: ScopeView | None
    added_unit: AddedUnitView | None


class EarningView(msgspec.Struct):
    """What an event earns; `per`, `of` and `items` null where the points are fixed."""

    id: str
    name: str | None
    event: str
    points: int
    per: Decimal | None
    of: Basis | None
    items: SelectionView | None
    rule: dict[str, Any] | None


class TierView(msgspec.Struct):
    """Where a card stands that has earned so much."""

    id: str
    name: str
    from_points: int
    factor: Decimal


class ExpiryView(msgspec.Struct):
    """When points expire."""

    days: int | None
    end_of: Literal["month", "year"] | None
    after_months: int | None


class ProgramRulesView(msgspec.Struct):
    """When points may be spent, by whom, on what orders, how often."""

    max_redemptions: int | None
    max_redemptions_per_code: int | None
    max_redemptions_per_customer: int | None
    budget: Decimal | None
    starts_at: str | None
    expires_at: str | None
    timezone: str | None
    validation_rules: tuple[str, ...]
    eligible_segments: tuple[str, ...]
    category: str | None
    restore_on_rollback: Restore | None


class LoyaltyProgramView(msgspec.Struct):
    """A program as the API shows it. `pending`: its newest version is not in force yet."""

    id: str
    object: Literal["loyalty_program"]
    name: str
    status: ShownStatus
    spending: SpendingView | None
    rewards: list[RewardView]
    earning_rules: list[EarningView]
    pending_days: int
    expiry: ExpiryView | None
    tiers: list[TierView]
    rules: ProgramRulesView
    metadata: msgspec.Raw
    redemptions: Used
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
