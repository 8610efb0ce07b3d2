"""Where the values of fields come from: the facts, an item, a clock.

Must never judge a value: operators.py does.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from domain.orders import Item

from .calendars import Moment
from .fields import Field, Kind
from .shapes import Facts

Moments = tuple[Moment, ...]
"""What each clock of a rule shows."""

Getter = Callable[[Facts, Moments], Any]
ItemGetter = Callable[[Item], Any]


def _units(facts: Facts) -> int:
    return sum([item.quantity for item in facts.order.items])


_OF_FACTS: dict[str, Callable[[Facts], Any]] = {
    "customer.id": lambda facts: None if facts.customer is None else facts.customer.id,
    "customer.segment": lambda facts: () if facts.customer is None else facts.customer.segments,
    "order.amount": lambda facts: facts.order.amount_minor,
    "order.discounted_amount": lambda facts: facts.discounted_minor,
    "order.shipping": lambda facts: facts.order.shipping_minor,
    "order.items_count": _units,
    "order.lines_count": lambda facts: len(facts.order.items),
}
_OF_ITEMS: dict[str, ItemGetter] = {
    "product": attrgetter("product_id"),
    "sku": attrgetter("sku"),
    "category": attrgetter("categories"),
    "collection": attrgetter("collections"),
    "price": attrgetter("price_minor"),
    "quantity": attrgetter("quantity"),
    "amount": attrgetter("amount_minor"),
}
_OF_MOMENTS: dict[Kind, Callable[[Moment], Any]] = {
    Kind.WEEKDAY: attrgetter("weekday"),
    Kind.HOUR: attrgetter("hour"),
    Kind.TIME: attrgetter("day_ms"),
    Kind.DATE: attrgetter("date"),
}


def getter(field: Field) -> Getter:
    """How a field that is no time is read from the facts."""
    if field.kind is Kind.METADATA:
        return _attribute_getter(field)
    read = _OF_FACTS[field.name]
    return lambda facts, _moments: read(facts)


def time_getter(field: Field, clock: int) -> Getter:
    """How a time is read from one of the rule's clocks."""
    read = _OF_MOMENTS[field.kind]
    return lambda _facts, moments: read(moments[clock])


def item_getter(field: Field) -> ItemGetter:
    """How a field is read from an item."""
    if field.kind is Kind.METADATA:
        key = field.key
        return lambda item: item.metadata.get(key)
    return _OF_ITEMS[field.name]


def _attribute_getter(field: Field) -> Getter:
    key = field.key
    if field.name.startswith("customer."):
        return lambda facts, _moments: None if facts.customer is None else facts.customer.metadata.get(key)
    if field.name.startswith("order."):
        return lambda facts, _moments: facts.order.metadata.get(key)
    return lambda facts, _moments: facts.metadata.get(key)
