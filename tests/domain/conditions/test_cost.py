"""A judgement costs no more than its conditions and the order's items, whatever they are."""

from typing import Any

from domain.conditions import Facts
from domain.orders import Item, Order
from tests.domain.conditions.test_meaning import compiled


class Tally(dict[str, Any]):
    """Attributes that count how often they are read."""

    reads = 0

    def get(self, key: str, default: Any = None) -> Any:
        Tally.reads += 1
        return super().get(key, default)


def cost(rule: dict[str, Any], facts: Facts) -> int:
    ready = compiled(rule)
    Tally.reads = 0
    ready.judge(facts)
    return Tally.reads


def test_each_condition_is_read_a_few_times_at_the_most() -> None:
    """Once to judge it, and once for each join above it and once for the remedy where it fails."""
    leaf = {"metadata.x": {"eq": 1}}
    rule: dict[str, Any] = leaf
    for join in ("any", "all", "any", "all"):
        rule = {join: [rule, leaf]}
    assert cost(rule, Facts(Order(0), 0, metadata=Tally())) <= 5 * 6
    assert cost({"any": [leaf] * 63}, Facts(Order(0), 0, metadata=Tally())) <= 63 * 3


def test_each_item_is_read_once_a_condition() -> None:
    items = tuple(Item(1, 1, metadata=Tally()) for _ in range(500))
    leaf = {"order.items": {"every": {"not": {"any": [{"metadata.x": {"eq": n}} for n in range(10)]}}}}
    assert cost(leaf, Facts(Order(500, items), 0)) == 500 * 10
