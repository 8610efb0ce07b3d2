"""Rules on the wire: major units, percentages, ISO 8601 times."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.shop_ids import Label, ShopId
from domain.definitions import DiscountType, ReturnPolicy, Target

MOST_LIMIT = 10**12
MOST_UNITS = 1_000
MOST_SELECTED = 100
MOST_RULES = 5
MOST_SEGMENTS = 20
MOST_CATEGORIES = 50

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_LIMIT)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Time = Annotated[str, msgspec.Meta(max_length=40)]
Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Metadata = dict[str, Any]
Durability = Literal["default", "committed"]
Restore = Literal["always", "never"]
Units = Annotated[int, msgspec.Meta(ge=1, le=MOST_UNITS)]
Selected = Annotated[list[Label], msgspec.Meta(max_length=MOST_SELECTED)]
RuleIds = Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=MOST_RULES)]
Segments = Annotated[list[ShopId], msgspec.Meta(max_length=MOST_SEGMENTS)]
Category = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Categories = Annotated[list[Category], msgspec.Meta(max_length=MOST_CATEGORIES)]


class SelectionInput(msgspec.Struct, kw_only=True):
    """Items by any of their names."""

    products: Selected | UnsetType = UNSET
    skus: Selected | UnsetType = UNSET
    categories: Selected | UnsetType = UNSET
    collections: Selected | UnsetType = UNSET


class ScopeInput(msgspec.Struct, kw_only=True):
    """What of an order a discount is on; set and removed as a whole."""

    target: Target | UnsetType  # without a default: required
    units: Units | UnsetType = UNSET
    nth: Units | UnsetType = UNSET
    include: SelectionInput | UnsetType | None = UNSET
    exclude: SelectionInput | UnsetType | None = UNSET
    max_per_unit: Decimal | UnsetType | None = UNSET


class AddedUnitInput(msgspec.Struct, kw_only=True):
    """What a UNIT discount puts into the order."""

    price: Decimal | UnsetType
    product_id: ShopId | UnsetType | None = UNSET
    sku: ShopId | UnsetType | None = UNSET


class RulesInput(msgspec.Struct, kw_only=True):
    """Rules as a body gives them: what is left out stays as it is, null removes it."""

    discount_type: DiscountType | UnsetType | None = UNSET
    discount_value: Decimal | UnsetType | None = UNSET
    max_discount: Decimal | UnsetType | None = UNSET
    max_redemptions: Limit | UnsetType | None = UNSET
    max_redemptions_per_code: Limit | UnsetType | None = UNSET
    max_redemptions_per_customer: Limit | UnsetType | None = UNSET
    budget: Decimal | UnsetType | None = UNSET
    starts_at: Time | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    timezone: Zone | UnsetType | None = UNSET
    durability: Durability | UnsetType | None = UNSET
    applies_to: ScopeInput | UnsetType | None = UNSET
    added_unit: AddedUnitInput | UnsetType | None = UNSET
    validation_rules: RuleIds | UnsetType | None = UNSET
    category: Category | UnsetType | None = UNSET
    restore_on_rollback: Restore | UnsetType | None = UNSET
    return_policy: ReturnPolicy | UnsetType | None = UNSET


class SelectionView(msgspec.Struct):
    """Items by any of their names."""

    products: tuple[str, ...]
    skus: tuple[str, ...]
    categories: tuple[str, ...]
    collections: tuple[str, ...]


class ScopeView(msgspec.Struct):
    """What of an order a discount is on; null what its target has no use for."""

    target: Target
    units: int | None
    nth: int | None
    include: SelectionView
    exclude: SelectionView
    max_per_unit: Decimal | None


class AddedUnitView(msgspec.Struct):
    """What a UNIT discount puts into the order."""

    price: Decimal
    product_id: str | None
    sku: str | None


class Used(msgspec.Struct, frozen=True):
    """A limit and what the ledger has counted against it."""

    used: int
    limit: int | None
