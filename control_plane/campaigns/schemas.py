"""Campaigns on the wire."""

from decimal import Decimal
from typing import Literal

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
    Segments,
    Used,
)
from domain.definitions import ReturnPolicy
from domain.lifecycle import ShownStatus

OwnType = Literal["DISCOUNT", "GIFT_CARD", "PROMOTION"]
"""What a campaign is of: vouchers, gift cards, or promotion tiers. Programs are campaigns, but not made here."""


FirstStatus = Literal["draft", "active"]
"""What a campaign or a program can be made as."""


class CampaignRules(RulesInput, kw_only=True):
    """A campaign's rules; metadata may stand here or beside them."""

    eligible_segments: Segments | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CampaignCreate(msgspec.Struct, kw_only=True):
    """Body of a new campaign, which is active unless it is to be a draft."""

    name: Name
    type: OwnType | UnsetType = UNSET
    status: FirstStatus | UnsetType = UNSET
    rules: CampaignRules | UnsetType | None = UNSET
    card_amount: Decimal | UnsetType | None = UNSET
    auto_issue: bool | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CampaignUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes a rule."""

    name: Name | UnsetType = UNSET
    rules: CampaignRules | UnsetType = UNSET
    card_amount: Decimal | UnsetType | None = UNSET
    auto_issue: bool | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CampaignRulesView(msgspec.Struct):
    """A campaign's rules as they were given."""

    discount_type: str | None
    discount_value: Decimal | None
    max_discount: Decimal | None
    max_redemptions: int | None
    max_redemptions_per_code: int | None
    max_redemptions_per_customer: int | None
    budget: Decimal | None
    starts_at: str | None
    expires_at: str | None
    timezone: str | None
    durability: Durability
    applies_to: ScopeView | None
    added_unit: AddedUnitView | None
    validation_rules: tuple[str, ...]
    eligible_segments: tuple[str, ...]
    category: str | None
    restore_on_rollback: Restore | None
    return_policy: ReturnPolicy | None
    metadata: msgspec.Raw


class CampaignView(msgspec.Struct):
    """A campaign as the API shows it. `card_amount`: what its gift cards are worth unless they say otherwise.
    `auto_issue`: a publication that finds no code to give makes one.
    `pending`: its newest version is not in force yet."""

    id: str
    object: Literal["campaign"]
    name: str
    type: str
    status: ShownStatus
    rules: CampaignRulesView
    card_amount: Decimal | None
    auto_issue: bool
    metadata: msgspec.Raw
    redemptions: Used
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
