"""What an order, its customer and the time carry, for needs to be looked up by.

Must never leave out what a condition could have been met by.
"""

from collections.abc import Iterable, Mapping

import msgspec

from domain.conditions import Facts
from domain.conditions.calendars import Clock
from domain.conditions.operands import as_key
from domain.orders import Item, Metadata

from .atoms import TIME, Clause, Range, Token
from .needs import SOMEBODY


class Carried(msgspec.Struct, frozen=True):
    """Every token, and the numbers that ranges are of."""

    tokens: frozenset[Token]
    numbers: Mapping[str, int]

    def meets(self, clause: Clause) -> bool:
        """Whether one of the atoms is carried."""
        if not self.tokens.isdisjoint(clause):
            return True
        return any(
            type(atom) is Range and atom.first <= self.numbers.get(atom.number, -1) <= atom.last for atom in clause
        )


def carried_by(facts: Facts, zones: Iterable[str] = ()) -> Carried:
    """What these facts carry. `zones` are the time zones that somebody asks the hour of."""
    order, customer = facts.order, facts.customer
    tokens: set[Token] = set()
    if customer is not None:
        tokens.add(SOMEBODY)
        tokens.add(Token("customer.id", as_key(customer.id)))
        tokens.update(Token("customer.segment", segment) for segment in customer.segments)
        tokens.update(_metadata("customer.metadata.", customer.metadata))
    tokens.update(_metadata("order.metadata.", order.metadata))
    tokens.update(_metadata("metadata.", facts.metadata))
    for item in order.items:
        tokens.update(_of_item(item))
    for zone in zones:
        moment, _, _ = Clock(zone).moment(facts.now_ms)
        tokens.add(Token(f"weekday {zone}", moment.weekday))
        tokens.add(Token(f"hour {zone}", moment.hour))
        tokens.add(Token(f"date {zone}", moment.date))
    return Carried(
        frozenset(tokens),
        {
            "order.amount": order.amount_minor,
            "order.shipping": order.shipping_minor,
            "order.items_count": sum([item.quantity for item in order.items]),
            "order.lines_count": len(order.items),
            TIME: facts.now_ms,
        },
    )


def _metadata(prefix: str, metadata: Metadata) -> Iterable[Token]:
    return (Token(prefix + name, as_key(value)) for name, value in metadata.items())


def _of_item(item: Item) -> Iterable[Token]:
    yield from (Token("item.category", name) for name in item.categories)
    yield from (Token("item.collection", name) for name in item.collections)
    if item.product_id is not None:
        yield Token("item.product", as_key(item.product_id))
    if item.sku is not None:
        yield Token("item.sku", as_key(item.sku))
    yield from _metadata("item.metadata.", item.metadata)
