"""Referral programs, codes and attributions on the wire."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.campaigns.schemas import CampaignRules, FirstStatus
from control_plane.customers.schemas import Email
from control_plane.rules.schemas import AddedUnitView, Metadata, Name, Restore, ScopeView, Used
from control_plane.shop_ids import ShopId
from domain.definitions import ReturnPolicy
from domain.lifecycle import ShownStatus
from domain.loyalty import MOST_POINTS
from domain.referrals import MOST_IDENTITY_CHARS, MOST_IDENTITY_KEYS, RewardType, Side

IdentityKey = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
IdentityKeys = Annotated[list[IdentityKey], msgspec.Meta(max_length=MOST_IDENTITY_KEYS)]
IdentityValue = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_IDENTITY_CHARS)]
Identity = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=32)], IdentityValue],
    msgspec.Meta(max_length=MOST_IDENTITY_KEYS + 1),
]
Prefix = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{1,20}$")]
Id = Annotated[str, msgspec.Meta(max_length=64)]
Points = Annotated[int, msgspec.Meta(ge=1, le=MOST_POINTS)]
RewardStatus = Literal["due", "issued", "failed", "taken_back", "owed"]


class RewardInput(msgspec.Struct, kw_only=True):
    """What one side is given: set as a whole."""

    type: RewardType | UnsetType  # without a default: required
    campaign_id: Id | UnsetType | None = UNSET
    amount: Decimal | UnsetType | None = UNSET
    program_id: Id | UnsetType | None = UNSET
    points: Points | UnsetType | None = UNSET


class ProgramTerms(msgspec.Struct, kw_only=True):
    """What a change says as well as a creation: what is left out stays, null removes."""

    identity_keys: IdentityKeys | UnsetType | None = UNSET
    referrer_reward: RewardInput | UnsetType | None = UNSET
    referee_reward: RewardInput | UnsetType | None = UNSET
    rules: CampaignRules | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ReferralProgramCreate(ProgramTerms, kw_only=True):
    """Body of a new program, which is active unless it is to be a draft."""

    name: Name
    status: FirstStatus | UnsetType = UNSET


class ReferralProgramUpdate(ProgramTerms, kw_only=True):
    """Body of a change."""

    name: Name | UnsetType = UNSET


class RewardView(msgspec.Struct):
    """What one side is given; null what its type has no use for."""

    type: RewardType
    campaign_id: str | None
    amount: Decimal | None
    program_id: str | None
    points: int | None


class ReferralRulesView(msgspec.Struct):
    """What the code takes off the referred customer's order, and when it does."""

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
    applies_to: ScopeView | None
    added_unit: AddedUnitView | None
    validation_rules: tuple[str, ...]
    eligible_segments: tuple[str, ...]
    category: str | None
    restore_on_rollback: Restore | None
    return_policy: ReturnPolicy | None


class ReferralProgramView(msgspec.Struct):
    """A program as the API shows it. `pending`: its newest version is not in force yet."""

    id: str
    object: Literal["referral_program"]
    name: str
    status: ShownStatus
    identity_keys: list[str]
    referrer_reward: RewardView | None
    referee_reward: RewardView | None
    rules: ReferralRulesView
    metadata: msgspec.Raw
    redemptions: Used
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET


class ReferralCodeCreate(msgspec.Struct, kw_only=True):
    """Body of a referrer's code."""

    customer_id: ShopId
    email: Email | UnsetType | None = UNSET
    identity: Identity | UnsetType | None = UNSET
    prefix: Prefix | UnsetType | None = UNSET


class ReferralCodeUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes. A code and whose it is are for ever."""

    metadata: Metadata | UnsetType | None = UNSET


class ReferralCodeView(msgspec.Struct):
    """A code as the API shows it. `referrals`: how often it was redeemed, and how often it may be."""

    id: str
    object: Literal["referral_code"]
    code: str
    program_id: str
    customer_id: str
    status: str
    metadata: msgspec.Raw
    referrals: Used
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET


class GivenView(msgspec.Struct):
    """A reward and what became of it. `reference` is the id of the voucher or the card; `owed` what could not be taken
    back, because it was spent: an amount, or points."""

    side: Side
    customer_id: str | None
    type: RewardType
    status: RewardStatus
    reference: str | None
    amount: Decimal | None
    points: int | None
    owed: Decimal | int
    failure: str | None


class AttributionView(msgspec.Struct):
    """Who referred whom, by which redemption."""

    object: Literal["referral"]
    program_id: str
    redemption_id: str
    code: str | None
    referrer_id: str | None
    customer_id: str | None
    status: Literal["active", "rolled_back"]
    created_at: str
    rolled_back_at: str | None
    rewards: list[GivenView]
