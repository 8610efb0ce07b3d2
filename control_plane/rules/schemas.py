"""Rules on the wire: major units, percentages, ISO 8601 times."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.definitions import DiscountType

MOST_LIMIT = 10**12

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_LIMIT)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Time = Annotated[str, msgspec.Meta(max_length=40)]
Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Metadata = dict[str, Any]
Durability = Literal["default", "committed"]


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


class Used(msgspec.Struct, frozen=True):
    """A limit and what the ledger has counted against it."""

    used: int
    limit: int | None
