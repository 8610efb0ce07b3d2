"""Conditions on counts: they are named for the commit to judge, and never judged here."""

import pytest

from domain.conditions import Count, Facts
from domain.orders import Customer, Order
from tests.domain.conditions.rules_and_facts import Rule
from tests.domain.conditions.test_meaning import compiled

NEW_YEAR_MS = 1_798_758_000_000  # 2026-12-31 23:00 UTC: the new year in Paris, in the 53rd week of the old one
BOB = Facts(Order(5000), 5000, Customer("bob"), api_key_id="key_1", now_ms=NEW_YEAR_MS)


@pytest.mark.parametrize(
    ("name", "operators", "count"),
    [
        ("redemptions.customer.day", {"lte": 2}, Count("customer.day", "d20261231", "bob", 2)),
        ("redemptions.customer.day", {"lte": 2, "tz": "Europe/Paris"}, Count("customer.day", "d20270101", "bob", 2)),
        ("redemptions.customer.week", {"lt": 2, "tz": "Europe/Paris"}, Count("customer.week", "w2026W53", "bob", 1)),
        ("redemptions.customer.month", {"lte": 9}, Count("customer.month", "m202612", "bob", 9)),
        ("redemptions.customer.total", {"lte": 1}, Count("customer.total", "", "bob", 1)),
        ("redemptions.api_key.month", {"lte": 5, "tz": "Europe/Paris"}, Count("api_key.month", "m202701", "key_1", 5)),
        ("redemptions.total.day", {"lt": 101}, Count("total.day", "d20261231", "", 100)),
        ("redemptions.total.total", {"lte": 7}, Count("total.total", "", "", 7)),
    ],
)
def test_g1_a_count_becomes_a_move(name: str, operators: Rule, count: Count) -> None:
    rule = compiled({"all": [{"order.amount": {"gte": 1}}, {"all": [{name: operators}]}]})
    assert rule.limits == ((count.name, count.limit),)
    judgement = rule.judge(BOB)
    assert judgement.holds
    assert judgement.counts == (count,)


def test_a_rule_that_does_not_hold_counts_nothing() -> None:
    rule = compiled({"all": [{"order.amount": {"gte": 51}}, {"redemptions.customer.day": {"lte": 2}}]})
    judgement = rule.judge(BOB)
    assert (judgement.code, judgement.counts, judgement.first_order) == ("rule_not_met", (), None)


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({"redemptions.customer.day": {"tz": "Europe/Paris", "lte": 2}}, "/all/1/redemptions.customer.day/lte"),
        ({"customer.first_order": {"eq": True}}, "/all/1/customer.first_order/eq"),
        ({"customer.first_order": {"eq": False}}, "/all/1/customer.first_order/eq"),
    ],
)
def test_a_customer_who_is_counted_has_to_be_named(condition: Rule, pointer: str) -> None:
    rule = compiled({"all": [{"order.amount": {"gte": 50}}, condition]})
    judgement = rule.judge(Facts(Order(5000), 5000))
    (failing,) = judgement.failing
    assert (judgement.holds, judgement.code) == (False, "customer_required")
    assert (failing.pointer, failing.condition, failing.remedy) == (pointer, condition, "name the customer")
    assert rule.judge(BOB).holds
    # What cannot be mended by naming somebody is said first.
    assert rule.judge(Facts(Order(4999), 4999)).code == "rule_not_met"


def test_counts_of_all_need_nobody() -> None:
    judgement = compiled({"redemptions.total.total": {"lte": 5}}).judge(Facts(Order(1), 1))
    assert judgement.counts == (Count("total.total", "", "", 5),)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_first_order_is_asked_of_the_commit(wanted: bool) -> None:
    rule = compiled({"customer.first_order": {"eq": wanted}})
    assert rule.asks_first_order
    assert rule.judge(BOB).first_order is wanted
    assert rule.limits == ()
    assert not compiled({"order.amount": {"gte": 1}}).asks_first_order


def test_g7_what_the_commit_refuses_has_its_condition_and_its_remedy() -> None:
    day = {"redemptions.customer.day": {"lte": 2, "tz": "Europe/Paris"}}
    rule = compiled({"all": [day, {"redemptions.total.total": {"lte": 7}}, {"customer.first_order": {"eq": True}}]})
    refused = rule.refused("customer.day")
    assert refused is not None
    assert (refused.pointer, refused.condition) == ("/all/0/redemptions.customer.day/lte", day)
    assert refused.remedy == "valid again from 00:00 Europe/Paris"
    total, first = rule.refused("total.total"), rule.refused("customer.first_order")
    assert total is not None
    assert (total.pointer, total.remedy) == ("/all/1/redemptions.total.total/lte", None)
    assert first is not None
    assert first.remedy == "for a customer's first order only"
    assert rule.refused("total.day") is None


def test_for_an_order_alone_counts_are_met() -> None:
    rule = compiled({"all": [{"redemptions.total.day": {"lte": 1}}, {"order.amount": {"gte": 50}}]})
    assert rule.holds_for_order(Order(5000), 5000)
    assert not rule.holds_for_order(Order(4999), 4999)


def test_for_an_order_alone_a_denied_customer_is_no_obstacle() -> None:
    rule = compiled({"all": [{"not": {"customer.id": {"eq": "bob"}}}, {"not": {"not": {"metadata.x": {"eq": 1}}}}]})
    assert rule.holds_for_order(Order(1), 1)
