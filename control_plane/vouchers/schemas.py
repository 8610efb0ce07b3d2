"""Vouchers on the wire: a voucher's rules stand beside its code."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.codes import CodeText
from control_plane.rules.schemas import (
    AddedUnitView,
    Durability,
    Limit,
    Metadata,
    Restore,
    RulesInput,
    ScopeView,
    Used,
)
from control_plane.shop_ids import ShopId
from domain.definitions import ReturnPolicy

MOST_CODES = 50_000

Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
CodeCount = Annotated[int, msgspec.Meta(ge=1, le=MOST_CODES)]
CodePrefix = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern="^[A-Za-z0-9_.~-]+$")]
DrawnLength = Annotated[int, msgspec.Meta(ge=4, le=64)]
Alphabet = Annotated[str, msgspec.Meta(min_length=2, max_length=36, pattern="^[A-Za-z0-9]+$")]


class VoucherCreate(RulesInput, kw_only=True):
    """Body of a new voucher; the code is drawn where it is left out. `customer_id`: to whom it is given."""

    code: CodeText | UnsetType | None = UNSET
    campaign_id: Reference | UnsetType | None = UNSET
    customer_id: ShopId | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class VoucherUpdate(RulesInput, kw_only=True):
    """Body of a change: what is left out stays, null removes a rule. A code and its campaign are for ever."""

    customer_id: ShopId | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class VoucherBatch(msgspec.Struct, kw_only=True):
    """Body of a batch: so many codes of a campaign, all alike. They are spelled by a `pattern`, in which each # is
    drawn, or by a `prefix` and the `length` of what is drawn behind it; twelve characters where nothing is said."""

    campaign_id: Reference
    count: CodeCount
    pattern: CodeText | UnsetType | None = UNSET
    prefix: CodePrefix | UnsetType | None = UNSET
    length: DrawnLength | UnsetType | None = UNSET
    alphabet: Alphabet | UnsetType | None = UNSET
    max_redemptions_per_code: Limit | UnsetType | None = UNSET


class BatchAccepted(msgspec.Struct):
    """A batch has been taken on."""

    async_action_id: str


class VoucherView(msgspec.Struct):
    """A voucher as the API shows it. `redemptions.limit` is its own or the one its campaign gives to each code."""

    id: str
    object: Literal["voucher"]
    code: str
    campaign_id: str | None
    customer_id: str | None
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
