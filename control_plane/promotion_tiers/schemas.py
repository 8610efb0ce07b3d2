"""Promotion tiers on the wire: a tier's rules stand beside its name, as a voucher's beside its code."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import (
    AddedUnitView,
    Durability,
    Metadata,
    Name,
    Restore,
    RulesInput,
    ScopeView,
    Used,
)
from domain.definitions import ReturnPolicy

MOST_HIERARCHY = 1_000_000

Hierarchy = Annotated[int, msgspec.Meta(ge=0, le=MOST_HIERARCHY)]
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class PromotionTierCreate(RulesInput, kw_only=True):
    """Body of a new tier. Of tiers that are worth the same, the one with the smaller hierarchy comes first."""

    name: Name | UnsetType  # without a default: required
    hierarchy: Hierarchy | UnsetType = UNSET
    campaign_id: Reference | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class PromotionTierUpdate(RulesInput, kw_only=True):
    """Body of a change: what is left out stays, null removes a rule. A tier's campaign is for ever."""

    name: Name | UnsetType = UNSET
    hierarchy: Hierarchy | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class PromotionTierView(msgspec.Struct):
    """A tier as the API shows it. `redemptions.limit` is its own or the one its campaign gives to each tier."""

    id: str
    object: Literal["promotion_tier"]
    name: str
    hierarchy: int
    campaign_id: str | None
    status: str
    discount_type: str | None
    discount_value: Decimal | None
    max_discount: Decimal | None
    max_redemptions: int | None
    max_redemptions_per_customer: int | None
    budget: Decimal | None
    starts_at: str | None
    expires_at: str | None
    timezone: str | None
    durability: Durability
    applies_to: ScopeView | None
    added_unit: AddedUnitView | None
    validation_rules: tuple[str, ...]
    category: str | None
    restore_on_rollback: Restore | None
    return_policy: ReturnPolicy | None
    metadata: msgspec.Raw
    redemptions: Used
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
