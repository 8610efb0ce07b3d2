"""Who is in a group by rule: what rules may ask, and whom they take in."""

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.conditions import check_membership, to_wire
from domain.groups import Member, Rule, collections_of, segments_of


def rule(group: str, written: dict[str, Any], of_products: bool) -> Rule:
    canonical, faults = check_membership(written, 2, of_products)
    assert faults == []
    assert canonical is not None
    assert to_wire(canonical, 2, of_item=of_products) == written
    return group, json.dumps(canonical)


RICH = rule("rich", {"all": [{"customer.metadata.spent": {"gte": 1000}}, {"customer.segment": {"ne": "staff"}}]}, False)
BERLIN = rule("berlin", {"customer.metadata.city": {"in": ["Berlin"]}}, False)


def test_a_customer_is_in_every_segment_whose_rule_is_met() -> None:
    jane = Member("jane", ("vip",), {"spent": 1000, "city": "Berlin"})
    assert segments_of([BERLIN, RICH], jane) == ("berlin", "rich")
    assert segments_of([BERLIN, RICH], Member("joe", ("staff",), {"spent": 5000})) == ()
    assert segments_of([], jane) == ()


def test_a_segments_rule_reads_what_was_said_and_not_what_another_rule_has_made_of_it() -> None:
    of_rich = rule("also", {"customer.segment": {"eq": "rich"}}, False)
    assert segments_of([RICH, of_rich], Member("jane", (), {"spent": 1000})) == ("rich",)
    assert segments_of([of_rich], Member("jane", ("rich",))) == ("also",)


DEAR = rule("dear", {"price": {"gte": Decimal("100.00")}}, True)
CHEAP = rule("cheap", {"price": {"lt": Decimal("10.00")}}, True)
NOT_DEAR = rule("not_dear", {"not": {"price": {"gte": Decimal("100.00")}}}, True)
SHOES = rule(
    "shoes",
    {"any": [{"category": {"eq": "shoes"}}, {"metadata.kind": {"eq": "shoe"}}, {"product": {"eq": "p1"}}]},
    True,
)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (Member("p", price_minor=10_000), ("dear",)),
        (Member("p", price_minor=9_999), ("not_dear",)),
        (Member("p", price_minor=0), ("cheap", "not_dear")),
        (Member("p"), ("not_dear",)),  # what has no price meets nothing that is asked of one
        (Member("p1"), ("not_dear", "shoes")),
        (Member("p", categories=("hats", "shoes")), ("not_dear", "shoes")),
        (Member("p", metadata={"kind": "shoe"}), ("not_dear", "shoes")),
    ],
)
def test_a_product_is_in_every_collection_whose_rule_is_met(product: Member, expected: tuple[str, ...]) -> None:
    assert collections_of([DEAR, CHEAP, NOT_DEAR, SHOES], product) == expected


@pytest.mark.parametrize("of_products", [False, True])
@pytest.mark.parametrize(
    "asked",
    [
        {"order.amount": {"gte": 1}},
        {"order.items": {"any": {"price": {"gte": 1}}}},
        {"customer.first_order": {"eq": True}},
        {"redemptions.customer.day": {"lte": 1}},
        {"time.hour": {"gte": 1}},
        {"quantity": {"gte": 1}},
        {"sku": {"eq": "x"}},
        {"nonsense": {"eq": 1}},
        {},
        [],
    ],
)
def test_a_rule_asks_of_nothing_but_its_member(asked: Any, of_products: bool) -> None:
    canonical, faults = check_membership(asked, 2, of_products)
    assert canonical is None
    assert len(faults) == 1


def test_each_kind_has_fields_of_its_own() -> None:
    of_customers, of_products = {"customer.id": {"eq": "x"}}, {"category": {"eq": "x"}}
    assert check_membership(of_customers, 2, of_products=True)[1] != []
    assert check_membership(of_products, 2, of_products=False)[1] != []
    assert check_membership({"metadata.x": {"eq": "x"}}, 2, of_products=False)[1] != []
