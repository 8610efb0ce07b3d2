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


def read_program(before: dict[str, Any], given: Decimal | UnsetType | None, call: Call) -> dict[str, Any]:
    """A gift card campaign's terms: what its cards are worth."""
    if isinstance(given, UnsetType):
        return before
    amount_minor = read_amount(given, "/card_amount", call.tenant.decimals, call.errors)
    return {} if amount_minor is None else {"card_amount_minor": amount_minor}


def fits_type(type_: str, rules: Rules, program: dict[str, Any], errors: Errors) -> None:
    """Gift cards pay, they take nothing off: what is said of discounts, or of each code, would have no effect."""
    if type_ != "GIFT_CARD":
        if program:
            errors.add("/card_amount", "is for campaigns of type GIFT_CARD")
        return
    if rules.discount is not None:
        errors.add("/rules/discount_value", "gift cards have a balance and no discount")
    if rules.budget_minor is not None:
        errors.add("/rules/budget", "gift cards have a balance and no discount that a budget could limit")
    if rules.max_redemptions_per_code is not None:
        errors.add("/rules/max_redemptions_per_code", "a gift card is limited by its balance")


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
