"""A compiled rule means what docs/rules.md says, which tests/domain/conditions/naive.py says once more."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from domain.conditions import Compiled, Facts, check, compile_rule, to_wire
from domain.orders import Customer, Item, Order
from tests.domain.conditions import naive
from tests.domain.conditions.rules_and_facts import Rule, cases


def compiled(rule: Rule, decimals: int = 2) -> Compiled:
    canonical, faults = check(rule, decimals)
    assert canonical is not None, faults
    # Through both stores: their JSON and msgpack know neither Decimals nor tuples, and sort members as they like.
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(json.loads(json.dumps(canonical, sort_keys=True))))
    assert kept == canonical
    return compile_rule(kept)


@settings(max_examples=400, deadline=None)
@given(cases())
def test_a_rule_holds_where_a_plain_reading_says_so(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    judgement = compiled(rule, facts.decimals).judge(facts)
    assert judgement.holds == naive.holds(rule, facts)
    assert judgement.code == ("" if judgement.holds else "rule_not_met")
    assert (judgement.failing == ()) == judgement.holds


@settings(deadline=None)
@given(cases())
def test_the_same_facts_lead_to_the_same_judgement(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    assert compiled(rule, facts.decimals).judge(facts) == compiled(rule, facts.decimals).judge(facts)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_for_an_order_alone_all_else_counts_as_met(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    held = compiled(rule, facts.decimals).holds_for_order(facts.order, facts.discounted_minor)
    assert held == naive.holds(rule, facts, order_only=True)
    assert held or not naive.holds(rule, facts), "what holds must not be lost by a return that changes nothing"


@settings(deadline=None)
@given(cases())
def test_what_was_written_comes_back(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    canonical, _ = check(rule, facts.decimals)
    assert canonical is not None
    written = to_wire(canonical, facts.decimals)
    assert written == rule
    assert check(written, facts.decimals) == (canonical, [])


ORDER = Order(
    5000,
    (Item(2, 2000, "prd_1", "TEE", ("shirts", "sale")), Item(1, 1000, "prd_2", "MUG", metadata={"fragile": True})),
    500,
    metadata={"channel": "app", "tags": ["gift", 7]},
)
FACTS = Facts(ORDER, 4000, Customer("bob", segments=("vip",), metadata={"level": 2.5}), {"till": 3}, "key", 0)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"order.amount": {"gte": 50}}, True),
        ({"order.amount": {"gt": Decimal("49.99"), "lt": Decimal("50.01")}}, True),
        ({"order.discounted_amount": {"between": [40, 50]}}, True),
        ({"order.shipping": {"eq": 5}}, True),
        ({"order.items_count": {"eq": 3}}, True),
        ({"order.lines_count": {"eq": 2}}, True),
        ({"order.metadata.tags": {"contains": 7}}, True),
        ({"order.metadata.tags": {"contains": "7"}}, False),
        ({"order.metadata.tags": {"eq": "gift"}}, False),
        ({"order.metadata.channel": {"starts_with": "a"}}, True),
        ({"order.metadata.missing": {"ne": "x"}}, True),
        ({"order.metadata.missing": {"exists": False}}, True),
        ({"order.metadata.channel": {"gt": 1}}, False),
        ({"customer.id": {"in": ["ann", "bob"]}}, True),
        ({"customer.segment": {"not_in": ["vip"]}}, False),
        ({"customer.metadata.level": {"eq": Decimal("2.5")}}, True),
        ({"metadata.till": {"eq": 3}}, True),
        ({"metadata.till": {"eq": "3"}}, False),
        ({"order.items": {"any": {"sku": {"eq": "MUG"}}}}, True),
        ({"order.items": {"every": {"category": {"exists": True}}}}, False),
        ({"order.items": {"none": {"category": {"eq": "shoes"}}}}, True),
        ({"order.items": {"cheapest": {"metadata.fragile": {"eq": True}}}}, True),
        ({"order.items": {"cheapest": {"metadata.fragile": {"eq": 1}}}}, False),
        ({"order.items": {"most_expensive": {"all": [{"price": {"eq": 20}}, {"amount": {"eq": 40}}]}}}, True),
        ({"order.items": {"count": {"where": {"category": {"eq": "sale"}}, "eq": 2}}}, True),
        ({"not": {"any": [{"order.amount": {"lt": 50}}, {"customer.id": {"eq": "ann"}}]}}, True),
    ],
)
def test_examples(condition: Rule, expected: bool) -> None:
    assert compiled(condition).judge(FACTS).holds is expected
    assert naive.holds(condition, FACTS) is expected


@pytest.mark.parametrize(
    ("quantifier", "expected"), [("none", True), ("any", False), ("every", False), ("cheapest", False)]
)
def test_an_order_in_its_short_form_has_no_items(quantifier: str, expected: bool) -> None:
    rule = {"order.items": {quantifier: {"price": {"gte": 0}}}}
    assert compiled(rule).judge(Facts(Order(5000), 5000)).holds is expected


def test_of_equal_prices_the_first_item_is_meant() -> None:
    order = Order(20, (Item(1, 10, sku="A"), Item(1, 10, sku="B")))
    for quantifier in ("cheapest", "most_expensive"):
        assert compiled({"order.items": {quantifier: {"sku": {"eq": "A"}}}}).judge(Facts(order, 20)).holds


def test_odd_attributes_of_a_request_are_compared_with_nothing() -> None:
    odd: list[Any] = [{"decimal": "x"}, [[1]], float("nan"), float("inf"), Decimal("NaN"), {"a": 1}, None]
    for value in odd:
        facts = Facts(ORDER, 0, metadata={"x": value})
        for condition in ({"eq": 1}, {"lte": 1}, {"in": ["x", 1]}, {"contains": 1}, {"between": [0, 9]}):
            assert not compiled({"metadata.x": condition}).judge(facts).holds


@pytest.mark.parametrize(
    ("rule", "customer", "products"),
    [
        ({"customer.id": {"eq": "bob"}}, False, False),
        ({"any": [{"order.amount": {"gte": 1}}, {"not": {"customer.segment": {"eq": "vip"}}}]}, True, False),
        ({"customer.metadata.x": {"exists": True}}, True, False),
        ({"order.items": {"any": {"sku": {"eq": "MUG"}}}}, False, False),
        ({"order.items": {"any": {"product": {"eq": "mug"}}}}, False, True),
        ({"order.items": {"any": {"not": {"category": {"eq": "a"}}}}}, False, True),
        ({"order.items": {"count": {"where": {"metadata.x": {"eq": 1}}, "gte": 1}}}, False, True),
    ],
)
def test_it_says_what_has_to_be_loaded(rule: Rule, customer: bool, products: bool) -> None:
    ready = compiled(rule)
    assert (ready.needs_customer, ready.needs_products) == (customer, products)
