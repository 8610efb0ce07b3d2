"""Stacking rules on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Categories
from domain.definitions import MOST_REDEEMABLES

Mode = Literal["ALL", "PARTIAL"]
Base = Literal["INITIAL", "DISCOUNTED"]
NoEffect = Literal["SKIP", "APPLY", "REFUSE"]
Applied = Annotated[int, msgspec.Meta(ge=1, le=MOST_REDEEMABLES)]


class StackingRulesPut(msgspec.Struct, kw_only=True):
    """Body of the whole of them: what is left out is as it is by default."""

    application_mode: Mode | UnsetType = UNSET
    max_applied: Applied | UnsetType = UNSET
    exclusive_categories: Categories | UnsetType = UNSET
    joint_categories: Categories | UnsetType = UNSET
    category_order: Categories | UnsetType = UNSET
    percent_of: Base | UnsetType = UNSET
    no_effect: NoEffect | UnsetType = UNSET
    once_per_order: bool | UnsetType = UNSET
    request_attributes: bool | UnsetType = UNSET


class StackingRulesView(msgspec.Struct):
    """A project's stacking rules as the API shows them. `updated_at` null: nobody has set any."""

    object: Literal["stacking_rules"]
    application_mode: Mode
    max_applied: int
    exclusive_categories: list[str]
    joint_categories: list[str]
    category_order: list[str]
    percent_of: Base
    no_effect: NoEffect
    once_per_order: bool
    request_attributes: bool
    version: int
    updated_at: str | None
    pending: bool | UnsetType = UNSET
