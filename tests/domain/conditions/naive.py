"""The rule language a second time, as plainly as it can be said: it reads the rule as it was written, each time anew.

It is what the compiled rule is compared with, so it shares nothing with it but the shapes.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.conditions import Facts
from domain.orders import Item


def holds(rule: dict[str, Any], facts: Facts, met: Collection[str] = (), order_only: bool = False) -> bool:
    """Whether the rule holds; what stands at a pointer of `met` counts as met. With `order_only`, every condition that
    is not on the order counts as met."""
    return _Naive(facts, met, order_only).node(rule, "", True)


def atoms(rule: dict[str, Any], at: str = "") -> list[str]:
    """The pointers of everything that can be failing."""
    ((name, value),) = rule.items()
    if name in ("all", "any"):
        return [atom for i, child in enumerate(value) for atom in atoms(child, f"{at}/{name}/{i}")]
    if name == "not":
        return [at]
    at = f"{at}/{name}"
    if name == "order.items":
        units = [f"{at}/count/{op}" for op in value.get("count", {}) if op != "where"]
        return [f"{at}/{quantifier}" for quantifier in value if quantifier != "count"] + units
    return [f"{at}/{op}" for op in value if op != "tz"]


class _Naive:
    def __init__(self, facts: Facts, met: Collection[str], order_only: bool) -> None:
        self.facts = facts
        self.met = met
        self.order_only = order_only

    def node(self, node: dict[str, Any], at: str, positive: bool) -> bool:
        ((name, value),) = node.items()
        if name == "all":
            return all(self.node(child, f"{at}/all/{i}", positive) for i, child in enumerate(value))
        if name == "any":
            return any(self.node(child, f"{at}/any/{i}", positive) for i, child in enumerate(value))
        if name == "not":
            return at in self.met or not self.node(value, f"{at}/not", not positive)
        if self.order_only and not name.startswith("order."):
            return positive
        at = f"{at}/{name}"
        if name == "order.items":
            return all(self.items(quantifier, inner, f"{at}/{quantifier}") for quantifier, inner in value.items())
        if name.startswith("redemptions.") or name == "customer.first_order":
            return True
        given = self.value(name, value.get("tz", "UTC"))
        return all(f"{at}/{op}" in self.met or meets(name, op, given, one) for op, one in value.items() if op != "tz")

    def items(self, quantifier: str, inner: dict[str, Any], at: str) -> bool:
        items = self.facts.order.items
        if quantifier == "count":
            units = sum(item.quantity for item in items if self.item(inner["where"], item))
            return all(f"{at}/{op}" in self.met or meets("n", op, units, n) for op, n in inner.items() if op != "where")
        if at in self.met:
            return True
        passing = [self.item(inner, item) for item in items]
        if quantifier == "any":
            return passing.count(True) > 0
        if quantifier == "none":
            return passing.count(True) == 0
        if quantifier == "every":
            return passing != [] and passing.count(False) == 0
        prices = [item.price_minor for item in items]
        return items != () and passing[prices.index(min(prices) if quantifier == "cheapest" else max(prices))]

    def item(self, node: dict[str, Any], item: Item) -> bool:
        ((name, value),) = node.items()
        if name == "all":
            return all(self.item(child, item) for child in value)
        if name == "any":
            return any(self.item(child, item) for child in value)
        if name == "not":
            return not self.item(value, item)
        given: Any = {
            "product": item.product_id,
            "sku": item.sku,
            "category": item.categories,
            "collection": item.collections,
            "price": self.major(item.price_minor),
            "quantity": item.quantity,
            "amount": self.major(item.price_minor * item.quantity),
        }.get(name, item.metadata.get(name.removeprefix("metadata.")))
        return all(meets(name, op, given, one) for op, one in value.items())

    def major(self, minor: int) -> Decimal:
        return Decimal(minor) / Decimal(10) ** self.facts.decimals

    def value(self, name: str, zone: str) -> Any:
        facts, order, customer = self.facts, self.facts.order, self.facts.customer
        if name.startswith("customer."):
            if customer is None:
                return () if name == "customer.segment" else None
            own = {"customer.id": customer.id, "customer.segment": customer.segments}
            return own.get(name, customer.metadata.get(name.removeprefix("customer.metadata.")))
        if name.startswith("metadata."):
            return facts.metadata.get(name.removeprefix("metadata."))
        if name.startswith("time."):
            local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=facts.now_ms)).astimezone(ZoneInfo(zone))
            written = {"weekday": "%a", "time": "%H:%M", "date": "%Y-%m-%d", "hour": "%H"}[name[5:]]
            shown = local.strftime(written).lower()
            return int(shown) if name == "time.hour" else shown
        return {
            "order.amount": self.major(order.amount_minor),
            "order.discounted_amount": self.major(facts.discounted_minor),
            "order.shipping": self.major(order.shipping_minor),
            "order.items_count": sum(item.quantity for item in order.items),
            "order.lines_count": len(order.items),
        }.get(name, order.metadata.get(name.removeprefix("order.metadata.")))


def meets(name: str, op: str, given: Any, wanted: Any) -> bool:
    """One operator, straight from docs/rules.md."""
    if op in ("ne", "not_in"):
        return not meets(name, {"ne": "eq", "not_in": "in"}[op], given, wanted)
    if op == "exists":
        return (given not in (None, ())) is wanted
    if name in ("customer.segment", "category", "collection"):
        return any(one in given for one in (wanted if op == "in" else [wanted]))
    if given is None:
        return False
    if op == "contains":
        within = isinstance(given, str) and isinstance(wanted, str) and wanted in given
        return within or (isinstance(given, list) and any(alike(one, wanted) and one == wanted for one in given))
    if isinstance(given, list):
        return False
    if op == "starts_with":
        return isinstance(given, str) and given.startswith(wanted)
    if op == "in":
        return any(alike(given, one) and given == one for one in wanted)
    if op == "between":
        return between(name, given, wanted[0], wanted[1])
    compare = {"eq": "__eq__", "gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}[op]
    return alike(given, wanted) and bool(getattr(exact(given), compare)(exact(wanted)))


def between(name: str, given: Any, first: Any, last: Any) -> bool:
    """Both ends are in it, but for times of day; hours and times may span midnight."""
    if not alike(given, first):
        return False
    given, first, last = exact(given), exact(first), exact(last)
    if name == "time.time":
        return bool(first <= given < last if first < last else given >= first or given < last)
    if name == "time.hour" and first > last:
        return bool(given >= first or given <= last)
    return bool(first <= given <= last)


def exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def alike(one: Any, other: Any) -> bool:
    """Two texts, two truth values or two numbers."""
    kinds = [
        "text" if isinstance(value, str) else "flag" if isinstance(value, bool) else "number" for value in (one, other)
    ]
    return kinds[0] == kinds[1]
