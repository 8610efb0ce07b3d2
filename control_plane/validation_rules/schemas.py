"""Validation rules on the wire."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name


class ValidationRuleCreate(msgspec.Struct, kw_only=True):
    """Body of a new rule: its conditions in the rule language."""

    name: Name
    rule: dict[str, Any] | UnsetType  # without a default: required
    metadata: Metadata | UnsetType | None = UNSET


class ValidationRuleUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays. The conditions are changed as a whole."""

    name: Name | UnsetType = UNSET
    rule: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


Related = Literal["campaign", "loyalty_program", "referral_program", "voucher", "promotion_tier"]


class AssignmentView(msgspec.Struct):
    """Something that names a rule."""

    object: Literal["validation_rule_assignment"]
    rule_id: str
    related_object: Related
    related_id: str
    created_at: str


class ValidationRuleView(msgspec.Struct):
    """A rule as the API shows it. `pending`: its newest version is not in force yet."""

    id: str
    object: Literal["validation_rule"]
    name: str
    rule: dict[str, Any]
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
