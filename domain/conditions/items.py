"""Conditions on an order's items: on one of them, and on all of them together.

An order in its short form has no items: then any, every, cheapest and most_expensive do not hold, none does, and the
count is 0. Must never look at anything but the items.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from domain.orders import Item

from .fields import OPERATORS, the_field
from .operators import predicate
from .reading import item_getter

ItemTest = Callable[[Item], bool]
ItemsTest = Callable[[Sequence[Item]], bool]

_price = attrgetter("price_minor")
STORED = ("product", "category", "collection", "metadata.")
"""Fields of an item that may be those of its product, or of what its sku names, as well."""


def item_test(node: dict[str, Any], used: set[str]) -> ItemTest:
    """A condition on one item. The names of the fields that it reads are added to `used`."""
    ((name, value),) = node.items()
    if name in ("all", "any"):
        return _joined(name, [item_test(child, used) for child in value])
    if name == "not":
        inner = item_test(value, used)
        return lambda item: not inner(item)
    field = the_field(name, of_item=True)
    used.add(name)
    read = item_getter(field)
    tests = [_leaf(read, predicate(field.kind, op, value[op])) for op in OPERATORS[field.kind] if op in value]
    return _joined("all", tests)


def quantified(name: str, test: ItemTest) -> ItemsTest:
    """A condition on all items: how many of them have to pass the test, or which."""
    if name == "any":
        return lambda items: _passes(items, test, wanted=True)
    if name == "none":
        return lambda items: not _passes(items, test, wanted=True)
    if name == "every":
        return lambda items: bool(items) and not _passes(items, test, wanted=False)
    # Of several at one price it is the item that stands first in the order.
    choose = min if name == "cheapest" else max
    return lambda items: bool(items) and test(choose(items, key=_price))


def units_passing(items: Sequence[Item], test: ItemTest) -> int:
    """How many units pass."""
    return sum([item.quantity for item in items if test(item)])


def _leaf(read: Callable[[Item], Any], meets: Callable[[Any], bool]) -> ItemTest:
    return lambda item: meets(read(item))


def _joined(name: str, tests: list[ItemTest]) -> ItemTest:
    if len(tests) == 1:
        return tests[0]
    stops = name == "any"

    def joined(item: Item) -> bool:
        for test in tests:
            if test(item) is stops:
                return stops
        return not stops

    return joined


def _passes(items: Sequence[Item], test: ItemTest, wanted: bool) -> bool:
    return any(test(item) is wanted for item in items)
