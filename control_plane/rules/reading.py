"""From a body's rules to the domain's: a change merged into what was there, with every fault by its pointer.

Must never round: what does not fit the currency's decimals is refused.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.problems import Errors
from control_plane.rules import times
from control_plane.rules.schemas import MOST_UNITS, RulesInput
from control_plane.rules.scopes import ScopeReader
from control_plane.shop_ids import once_each
from domain.money import MoneyError, percent_to_ppm, to_minor
from domain.rules import Rules

_PLAIN = (
    *("max_redemptions", "max_redemptions_per_code", "max_redemptions_per_customer"),
    *("category", "restore_on_rollback", "return_policy"),
)
_LISTS = ("validation_rules", "eligible_segments")
MOST_BYTES = 16_384
"""Of the rules of one campaign or voucher, as PostgreSQL spells them."""


class RulesReader:
    """Reads one body's rules. `at` is the pointer of the object that holds them."""

    def __init__(self, decimals: int, at: str, errors: Errors) -> None:
        self._decimals = decimals
        self._at = at
        self._errors = errors

    def merge(self, current: Rules, wish: RulesInput) -> Rules:
        """The rules that the wish makes of the current ones; of no use if errors were noted."""
        changes: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(wish, name)) is not UNSET}
        for name in _LISTS:
            if (given := getattr(wish, name, UNSET)) is not UNSET:
                changes[name] = once_each(given)
        self._set(changes, "budget_minor", "budget", wish.budget, self._amount)
        self._set(changes, "max_discount_minor", "max_discount", wish.max_discount, self._amount)
        if wish.durability is not UNSET:
            changes["durability"] = wish.durability or "default"
        self._merge_times(current, wish, changes)
        self._merge_discount(current, wish, changes)
        scopes = ScopeReader(self._decimals, self._at, self._errors)
        scopes.merge(wish, changes)
        merged = msgspec.structs.replace(current, **changes)
        if merged.max_discount_minor is not None and merged.discount is None:
            self._errors.add(f"{self._at}/max_discount", "takes a discount_value beside it")
        scopes.check(merged)
        if len(json.dumps(msgspec.to_builtins(merged), ensure_ascii=False).encode()) > MOST_BYTES:
            self._errors.add(self._at, f"are longer than {MOST_BYTES} bytes")
        return merged

    def _set(
        self,
        changes: dict[str, Any],
        field: str,
        name: str,
        given: Any,
        read: Callable[[Any], int],
    ) -> None:
        if given is UNSET:
            return
        try:
            changes[field] = None if given is None else read(given)
        except ValueError as error:
            self._errors.add(f"{self._at}/{name}", str(error))

    def _amount(self, value: Decimal) -> int:
        minor = to_minor(value, self._decimals)
        if minor == 0:
            raise MoneyError("the amount must be greater than 0")
        return minor

    def _merge_times(self, current: Rules, wish: RulesInput, changes: dict[str, Any]) -> None:
        name = current.timezone if isinstance(wish.timezone, UnsetType) else wish.timezone
        try:
            within = times.zone(name)
        except ValueError as error:
            self._errors.add(f"{self._at}/timezone", str(error))
            return
        if wish.timezone is not UNSET:
            changes["timezone"] = name
        self._set(changes, "starts_ms", "starts_at", wish.starts_at, lambda text: times.parse_ms(text, within))
        self._set(changes, "expires_ms", "expires_at", wish.expires_at, lambda text: times.parse_ms(text, within))
        starts_ms = changes.get("starts_ms", current.starts_ms)
        expires_ms = changes.get("expires_ms", current.expires_ms)
        if starts_ms is not None and expires_ms is not None and expires_ms <= starts_ms:
            named = "starts_at" if wish.expires_at is UNSET else "expires_at"
            self._errors.add(f"{self._at}/{named}", "the end must be after the beginning")

    def _merge_discount(self, current: Rules, wish: RulesInput, changes: dict[str, Any]) -> None:
        type_, value = wish.discount_type, wish.discount_value
        if value is None:
            if isinstance(type_, str):
                self._errors.add(f"{self._at}/discount_value", "is required with a discount_type")
            changes.update(discount_type=None, discount_value=None)
            changes.setdefault("max_discount_minor", None)
            changes.update(applies_to=None, added_unit=None)
            return
        if isinstance(value, UnsetType):
            if isinstance(type_, str) and type_ != current.discount_type:
                self._errors.add(f"{self._at}/discount_value", "is required with another discount_type")
            elif type_ is None and current.discount is not None:
                self._errors.add(f"{self._at}/discount_type", "goes with its discount_value: set that to null")
            return
        kind = type_ if isinstance(type_, str) else current.discount_type or "PERCENT"
        changes["discount_type"] = kind
        self._set(changes, "discount_value", "discount_value", value, lambda given: self._discount(kind, given))

    def _discount(self, kind: str, value: Decimal) -> int:
        if kind == "UNIT":
            if value != value.to_integral_value() or not 1 <= value <= MOST_UNITS:
                raise MoneyError(f"the discount must be 1 to {MOST_UNITS} units")
            return int(value)
        scaled = percent_to_ppm(value) if kind == "PERCENT" else to_minor(value, self._decimals)
        if scaled == 0 and kind != "FIXED":
            raise MoneyError("the discount must be greater than 0")
        return scaled
