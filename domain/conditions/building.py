"""The walk from a rule's canonical form to its nodes, with what it needs on the way: clocks, counts, stored things.

Must never judge: it makes what does.
"""

from typing import Any, NamedTuple

from .calendars import Clock
from .fields import OPERATORS, QUANTIFIERS, TIMES, Field, Kind, the_field
from .items import STORED, item_test, quantified, units_passing
from .nodes import Node, all_of, any_of, fixed, negated, part
from .operators import predicate, turns_ms
from .reading import Moments, getter, time_getter
from .remedies import of_count, of_quantifier, of_refused_count, remedy
from .shapes import Facts, Failing, escape


class Counted(NamedTuple):
    """A condition on a count, which the commit judges. `clock` is that of its period, -1 for all times."""

    name: str
    holder: str
    period: str
    limit: int
    clock: int
    failing: Failing


class Builder:
    """Walks one rule. With `order_only`, conditions that an order does not decide are met wherever they stand."""

    def __init__(self, order_only: bool) -> None:
        self.clocks: dict[str, Clock] = {}
        self.counted: list[Counted] = []
        self.first_order: tuple[bool | None, Failing | None] = (None, None)
        self.needs_customer = False
        self.needs_products = False
        self._order_only = order_only

    def node(self, node: dict[str, Any], at: str, positive: bool) -> Node:
        """`positive`: whether an even number of `not` stands above it."""
        ((name, value),) = node.items()
        if name == "not":
            inner = self.node(value, f"{at}/not", not positive).test
            return negated(inner, at, node)
        if name == "all":
            return all_of([self.node(child, f"{at}/all/{i}", positive) for i, child in enumerate(value)])
        if name == "any":
            return any_of([self.node(child, f"{at}/any/{i}", positive) for i, child in enumerate(value)])
        field = the_field(name, of_item=False)
        at = f"{at}/{escape(name)}"
        if self._order_only and not field.is_of_order:
            return fixed(positive)
        if field.is_counted:
            return self._counted_leaf(field, value, at)
        if field.kind is Kind.ITEMS:
            asked = [name for name in (*QUANTIFIERS, "count") if name in value]
            return all_of([node for name in asked for node in self._items(name, value, at)])
        return self._leaf(field, value, at)

    def _leaf(self, field: Field, operators: dict[str, Any], at: str) -> Node:
        zone = operators.get("tz", "UTC")
        is_time = field.kind in TIMES
        read = time_getter(field, self._clock(zone, field.kind, operators)) if is_time else getter(field)
        self.needs_customer |= field.name == "customer.segment" or field.name.startswith("customer.metadata.")
        beside = {"tz": operators["tz"]} if "tz" in operators else {}
        return all_of(
            [
                part(
                    read,
                    predicate(field.kind, operator, operators[operator]),
                    f"{at}/{operator}",
                    {field.name: {operator: operators[operator], **beside}},
                    remedy(field, operator, operators[operator], zone),
                )
                for operator in OPERATORS[field.kind]
                if operator in operators
            ]
        )

    def _clock(self, zone: str, kind: Kind, operators: dict[str, Any]) -> int:
        if zone not in self.clocks:
            self.clocks[zone] = Clock(zone)
        self.clocks[zone].turn_at(turns_ms(kind, operators))
        return list(self.clocks).index(zone)

    def _counted_leaf(self, field: Field, operators: dict[str, Any], at: str) -> Node:
        ((operator, value),) = ((name, value) for name, value in operators.items() if name != "tz")
        failing = Failing(f"{at}/{operator}", {field.name: operators})
        if field.kind is Kind.FLAG:
            said = "for a customer's first order only" if value else "from a customer's second order on"
            self.first_order = value, Failing(failing.pointer, failing.condition, said)
            return fixed(True)
        _, holder, period = field.name.split(".")
        zone = operators.get("tz", "UTC")
        clock = -1 if period == "total" else self._clock(zone, field.kind, {})
        failing = Failing(failing.pointer, failing.condition, of_refused_count(period, zone))
        limit = value - 1 if operator == "lt" else value
        self.counted.append(Counted(f"{holder}.{period}", holder, period, limit, clock, failing))
        return fixed(True)

    def _items(self, name: str, quantifiers: dict[str, Any], at: str) -> list[Node]:
        value, at = quantifiers[name], f"{at}/{name}"
        used: set[str] = set()
        test = item_test(value["where"] if name == "count" else value, used)
        self.needs_products |= any(field.startswith(STORED) for field in used)
        if name != "count":
            holds, said = quantified(name, test), of_quantifier(name, value)
            condition = {"order.items": {name: value}}
            return [part(_items_of, holds, at, condition, lambda _facts, _given: said)]

        def units(facts: Facts, _moments: Moments) -> int:
            return units_passing(facts.order.items, test)

        where = value["where"]
        return [
            part(
                units,
                predicate(Kind.NUMBER, operator, value[operator]),
                f"{at}/{operator}",
                {"order.items": {"count": {"where": where, operator: value[operator]}}},
                of_count(operator, value[operator], where),
            )
            for operator in OPERATORS[Kind.NUMBER]
            if operator in value
        ]


def _items_of(facts: Facts, _moments: Moments) -> Any:
    return facts.order.items
