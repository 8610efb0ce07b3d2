"""What a body wishes of a campaign beside its rules, and whether that goes with the campaign's type."""

from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from control_plane.amounts import read_amount
from control_plane.calls import Call
from control_plane.metadata import to_text
from control_plane.problems import Errors
from control_plane.rules.schemas import Metadata
from domain.rules import Rules


def read_program(
    before: dict[str, Any], card_amount: Decimal | UnsetType | None, auto_issue: bool | UnsetType, call: Call
) -> dict[str, Any]:
    """A campaign's terms beside its rules: what its cards are worth, whether codes are made where none is left."""
    after = dict(before)
    if not isinstance(card_amount, UnsetType):
        after["card_amount_minor"] = read_amount(card_amount, "/card_amount", call.tenant.decimals, call.errors)
    if not isinstance(auto_issue, UnsetType):
        after["auto_issue"] = auto_issue
    return {name: value for name, value in after.items() if value is not None and value is not False}


def fits_type(type_: str, rules: Rules, program: dict[str, Any], errors: Errors) -> None:
    """Gift cards pay, they take nothing off: what is said of discounts, or of each code, would have no effect."""
    if program.get("auto_issue"):
        _can_issue(type_, rules, program, errors)
    if type_ != "GIFT_CARD":
        if "card_amount_minor" in program:
            errors.add("/card_amount", "is for campaigns of type GIFT_CARD")
        return
    if rules.discount is not None:
        errors.add("/rules/discount_value", "gift cards have a balance and no discount")
    if rules.budget_minor is not None:
        errors.add("/rules/budget", "gift cards have a balance and no discount that a budget could limit")
    if rules.max_redemptions_per_code is not None:
        errors.add("/rules/max_redemptions_per_code", "a gift card is limited by its balance")


def _can_issue(type_: str, rules: Rules, program: dict[str, Any], errors: Errors) -> None:
    if type_ == "PROMOTION":
        errors.add("/auto_issue", "promotion tiers have no codes")
    elif type_ == "GIFT_CARD" and "card_amount_minor" not in program:
        errors.add("/auto_issue", "takes a card_amount: what is a new card worth?")
    elif type_ == "DISCOUNT" and rules.discount is None:
        errors.add("/auto_issue", "takes a discount of the campaign, which a new code inherits")


def read_metadata(
    beside: Metadata | UnsetType | None, within: Metadata | UnsetType | None, errors: Errors
) -> str | None:
    """The metadata of either place, None where it is left out."""
    if beside is not UNSET and within is not UNSET:
        errors.add("/rules/metadata", "stands beside the rules already")
    given, pointer = (within, "/rules/metadata") if beside is UNSET else (beside, "/metadata")
    if isinstance(given, UnsetType):
        return None
    return to_text(given or {}, pointer, errors)
