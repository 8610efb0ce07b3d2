"""From the domain's rules to an answer's: as they were given, in major units."""

from decimal import Decimal
from typing import Any

from control_plane.rules.scopes import show_added_unit, show_scope
from control_plane.rules.times import show_ms
from domain.money import ppm_to_percent, to_major
from domain.rules import Rules


def shown_rules(rules: Rules, decimals: int) -> dict[str, Any]:
    """The fields that campaigns and vouchers have in common."""
    return {
        "discount_type": rules.discount_type,
        "discount_value": _value(rules, decimals),
        "max_discount": _major(rules.max_discount_minor, decimals),
        "max_redemptions": rules.max_redemptions,
        "max_redemptions_per_customer": rules.max_redemptions_per_customer,
        "budget": _major(rules.budget_minor, decimals),
        "starts_at": show_ms(rules.starts_ms),
        "expires_at": show_ms(rules.expires_ms),
        "timezone": rules.timezone,
        "durability": rules.durability,
        "applies_to": None if rules.applies_to is None else show_scope(rules.applies_to, decimals),
        "added_unit": None if rules.added_unit is None else show_added_unit(rules.added_unit, decimals),
        "validation_rules": rules.validation_rules,
        "category": rules.category,
        "restore_on_rollback": rules.restore_on_rollback,
        "return_policy": rules.return_policy,
    }


def _value(rules: Rules, decimals: int) -> Decimal | None:
    value = rules.discount_value
    if value is None:
        return None
    if rules.discount_type == "PERCENT":
        return ppm_to_percent(value)
    return Decimal(value) if rules.discount_type == "UNIT" else to_major(value, decimals)


def _major(minor: int | None, decimals: int) -> Any:
    return None if minor is None else to_major(minor, decimals)
