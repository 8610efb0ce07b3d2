"""What of an order a discount is on, and what it adds to it: read from a body, checked, shown.

Must never take what its target has no use for: it would be believed to hold.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.problems import Errors
from control_plane.rules.schemas import (
    AddedUnitInput,
    AddedUnitView,
    RulesInput,
    ScopeInput,
    ScopeView,
    SelectionInput,
    SelectionView,
)
from control_plane.shop_ids import once_each
from domain.definitions import AddedUnit, Scope, Selection
from domain.money import to_major, to_minor
from domain.rules import Rules

_WITH_UNITS = ("cheapest", "most_expensive")
_NAMES = ("products", "skus", "categories", "collections")


class ScopeReader:
    """Reads `applies_to` and `added_unit` of one body's rules. `at` is the pointer of the object that holds them."""

    def __init__(self, decimals: int, at: str, errors: Errors) -> None:
        self._decimals = decimals
        self._at = at
        self._errors = errors

    def merge(self, wish: RulesInput, changes: dict[str, Any]) -> None:
        """Note what the wish says of them; either is set and removed as a whole."""
        if not isinstance(wish.applies_to, UnsetType):
            changes["applies_to"] = None if wish.applies_to is None else self._scope(wish.applies_to)
        if not isinstance(wish.added_unit, UnsetType):
            changes["added_unit"] = None if wish.added_unit is None else self._added_unit(wish.added_unit)

    def check(self, rules: Rules) -> None:
        """What does not go together, whichever of it was there before."""
        if rules.applies_to is not None:
            if rules.discount is None:
                self._errors.add(f"{self._at}/applies_to", "takes a discount_value beside it")
            elif rules.discount_type == "UNIT" and rules.applies_to.target == "shipping":
                self._errors.add(f"{self._at}/applies_to/target", "has no units that could be free")
            elif rules.discount_type == "UNIT" and rules.applies_to.units != 1:
                self._errors.add(f"{self._at}/applies_to/units", "of a UNIT discount are its discount_value")
        if rules.added_unit is not None and rules.discount_type != "UNIT":
            self._errors.add(f"{self._at}/added_unit", "goes with the discount_type UNIT")
        if rules.added_unit is not None and rules.applies_to is not None:
            self._errors.add(
                f"{self._at}/applies_to", "is for a discount on what is in the order, not on an added unit"
            )

    def _scope(self, given: ScopeInput) -> Scope | None:
        at, target = f"{self._at}/applies_to", given.target
        if isinstance(target, UnsetType):  # what was given is noted as a fault already
            return None
        if given.units is not UNSET and target not in _WITH_UNITS:
            self._errors.add(f"{at}/units", f"goes with the targets {' and '.join(_WITH_UNITS)}")
        if given.nth is not UNSET and target != "from_nth":
            self._errors.add(f"{at}/nth", "goes with the target from_nth")
        if given.nth is UNSET and target == "from_nth":
            self._errors.add(f"{at}/nth", "is required with the target from_nth")
        most: int | None = None
        if isinstance(given.max_per_unit, Decimal):
            most = self._minor(given.max_per_unit, f"{at}/max_per_unit", least=1)
            if target == "shipping":
                self._errors.add(f"{at}/max_per_unit", "shipping has no units: max_discount caps it")
        return Scope(
            target=target,
            units=1 if isinstance(given.units, UnsetType) else given.units,
            nth=1 if isinstance(given.nth, UnsetType) else given.nth,
            include=read_selection(given.include),
            exclude=read_selection(given.exclude),
            max_per_unit_minor=most,
        )

    def _added_unit(self, given: AddedUnitInput) -> AddedUnit | None:
        at = f"{self._at}/added_unit"
        if isinstance(given.price, UnsetType):  # noted as a fault already
            return None
        product_id, sku = given.product_id or None, given.sku or None
        if product_id is None and sku is None:
            self._errors.add(at, "takes a product_id or a sku")
        return AddedUnit(self._minor(given.price, f"{at}/price", least=0) or 0, product_id, sku)

    def _minor(self, value: Decimal, pointer: str, least: int) -> int | None:
        try:
            minor = to_minor(value, self._decimals)
        except ValueError as error:
            self._errors.add(pointer, str(error))
            return None
        if minor < least:
            self._errors.add(pointer, "the amount must be greater than 0")
        return minor


def read_selection(given: SelectionInput | UnsetType | None) -> Selection:
    """Items by any of their names, each name once; none where nothing is given."""
    if isinstance(given, UnsetType) or given is None:
        return Selection()
    return Selection(**{name: once_each(getattr(given, name)) for name in _NAMES})


def show_scope(scope: Scope, decimals: int) -> ScopeView:
    """The scope as the API shows it."""
    most = scope.max_per_unit_minor
    return ScopeView(
        target=scope.target,
        units=scope.units if scope.target in _WITH_UNITS else None,
        nth=scope.nth if scope.target == "from_nth" else None,
        include=show_selection(scope.include),
        exclude=show_selection(scope.exclude),
        max_per_unit=None if most is None else to_major(most, decimals),
    )


def show_selection(selection: Selection) -> SelectionView:
    """The selection as the API shows it."""
    return SelectionView(**msgspec.structs.asdict(selection))


def show_added_unit(added: AddedUnit, decimals: int) -> AddedUnitView:
    """The added unit as the API shows it."""
    return AddedUnitView(to_major(added.price_minor, decimals), added.product_id, added.sku)
