"""Exports on the wire."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

ResourceName = Literal[
    "redemptions", "vouchers", "campaigns", "gift_cards", "customers", "products", "skus", "collections", "segments",
    "promotion_tiers", "validation_rules", "gift_card_transactions", "loyalty_programs", "loyalty_cards",
    "points_entries", "referral_programs", "referral_codes", "referrals", "audit_log",
    "publications", "orders",
]  # fmt: skip
Format = Literal["csv", "jsonl"]


class ExportCreate(msgspec.Struct, kw_only=True):
    """Body of an export: of what, in which format, and the filters that its list takes as parameters."""

    resource: ResourceName
    format: Format | UnsetType = UNSET
    filters: dict[str, Any] | UnsetType | None = UNSET
