"""Which units of an order a discount is on.

Owns the reading of Scope and Selection. Must never look at what a discount takes off: effects.py does.
"""

from collections.abc import Sequence

from .definitions import Discount, Scope, Selection
from .orders import Item

WHOLE_ORDER = Scope()
NOTHING = Selection()

Part = tuple[int, int]
"""The number of an item, and how many of its units."""


def units_in_scope(discount: Discount, items: Sequence[Item], left: Sequence[int]) -> list[Part]:
    """The units that the discount is on, in the order's order, for every target but shipping.

    What a discount has put into the order no other is on. The cheapest and the dearest are sought, by price, where
    something is left to pay: a unit that is free already is of no use to anybody. So it is with the free units of
    UNIT, of which `value` says how many and `units` nothing.
    """
    scope = discount.scope or WHOLE_ORDER
    parts = [
        (number, item.quantity)
        for number, item in enumerate(items)
        if item.quantity and not item.added and is_selected(scope, item)
    ]
    if scope.target == "from_nth":
        parts = _without_first(_dearest_first(parts, items), scope.nth - 1)
    wanted = discount.value if discount.type == "UNIT" else scope.units
    if discount.type == "UNIT" or scope.target in ("cheapest", "most_expensive"):
        costing = [part for part in parts if left[part[0]]]
        dearest = scope.target == "most_expensive"
        parts = _first(_dearest_first(costing, items) if dearest else _cheapest_first(costing, items), wanted)
    return sorted(parts)


def is_selected(scope: Scope, item: Item) -> bool:
    """An empty `include` takes every item; an empty `exclude` takes none away."""
    if scope.include != NOTHING and not names(scope.include, item):
        return False
    return not names(scope.exclude, item)


def names(selection: Selection, item: Item) -> bool:
    """Whether the selection names the item by any of its names."""
    return (
        (item.product_id is not None and item.product_id in selection.products)
        or (item.sku is not None and item.sku in selection.skus)
        or any(category in selection.categories for category in item.categories)
        or any(collection in selection.collections for collection in item.collections)
    )


def _cheapest_first(parts: list[Part], items: Sequence[Item]) -> list[Part]:
    return sorted(parts, key=lambda part: (items[part[0]].price_minor, part[0]))


def _dearest_first(parts: list[Part], items: Sequence[Item]) -> list[Part]:
    return sorted(parts, key=lambda part: (-items[part[0]].price_minor, part[0]))


def _first(parts: list[Part], units: int) -> list[Part]:
    taken: list[Part] = []
    for number, quantity in parts:
        if units <= 0:
            break
        taken.append((number, min(quantity, units)))
        units -= quantity
    return taken


def _without_first(parts: list[Part], units: int) -> list[Part]:
    rest: list[Part] = []
    for number, quantity in parts:
        if quantity > units:
            rest.append((number, quantity - max(0, units)))
        units -= quantity
    return rest
