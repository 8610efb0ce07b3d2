"""From the domain's rules to an answer's: as they were given, in major units."""

from typing import Any

from control_plane.rules.times import show_ms
from domain.money import ppm_to_percent, to_major
from domain.rules import Rules


def shown_rules(rules: Rules, decimals: int) -> dict[str, Any]:
    """The fields that campaigns and vouchers have in common."""
    value = rules.discount_value
    percent = rules.discount_type == "PERCENT"
    return {
        "discount_type": rules.discount_type,
        "discount_value": (None if value is None else ppm_to_percent(value) if percent else to_major(value, decimals)),
        "max_discount": _major(rules.max_discount_minor, decimals),
        "max_redemptions": rules.max_redemptions,
        "max_redemptions_per_customer": rules.max_redemptions_per_customer,
        "budget": _major(rules.budget_minor, decimals),
        "starts_at": show_ms(rules.starts_ms),
        "expires_at": show_ms(rules.expires_ms),
        "timezone": rules.timezone,
        "durability": rules.durability,
    }


def _major(minor: int | None, decimals: int) -> Any:
    return None if minor is None else to_major(minor, decimals)
