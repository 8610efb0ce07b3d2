"""A refusal names the smallest conditions that keep a rule from holding, and what would help."""

from decimal import Decimal
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.conditions import Facts, check, compile_rule, to_wire
from domain.orders import Customer, Item, Order
from tests.domain.conditions import naive
from tests.domain.conditions.rules_and_facts import Rule, cases
from tests.domain.conditions.test_meaning import compiled


@settings(max_examples=400, deadline=None)
@given(cases())
def test_g7_what_is_failing_is_enough_and_none_of_it_is_too_much(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    named = [unescaped(failing.pointer) for failing in compiled(rule, facts.decimals).judge(facts).failing]
    assert naive.holds(rule, facts, met=named)
    for left_out in named:
        assert not naive.holds(rule, facts, met=[pointer for pointer in named if pointer != left_out])


@settings(max_examples=150, deadline=None)
@given(cases(deeper=2))
def test_g7_no_smaller_set_would_do(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    named = compiled(rule, facts.decimals).judge(facts).failing
    assert len(set(named_pointers(named))) == len(named)
    atoms = naive.atoms(rule)
    assume(len(atoms) <= 10)
    for fewer in range(len(named)):
        assert not any(naive.holds(rule, facts, met=chosen) for chosen in combinations(atoms, fewer))


@settings(deadline=None)
@given(cases())
def test_g7_each_condition_is_shown_as_it_was_written(case: tuple[Rule, Facts]) -> None:
    rule, facts = case
    for failing in compiled(rule, facts.decimals).judge(facts).failing:
        canonical, faults = check(failing.condition, facts.decimals)
        assert canonical is not None, faults
        assert not compile_rule(canonical).judge(facts).holds
        assert to_wire(canonical, facts.decimals) == failing.condition
        name = next(iter(failing.condition))
        if name == "not":
            assert found(rule, failing.pointer) == failing.condition
        else:
            head, _, operator = unescaped(failing.pointer).partition(name)
            assert found(rule, head.rstrip("/"))[name] is not None
            assert found(rule, failing.pointer) == found(failing.condition, f"/{name}{operator}")


def named_pointers(named: tuple[Any, ...]) -> list[str]:
    return [failing.pointer for failing in named]


def unescaped(pointer: str) -> str:
    return pointer.replace("~1", "/").replace("~0", "~")


def found(rule: Any, pointer: str) -> Any:
    """What stands at a pointer of the rule."""
    for step in pointer.split("/")[1:]:
        rule = rule[int(step)] if isinstance(rule, list) else rule[unescaped(step)]
    return rule


ORDER = Order(4590, (Item(1, 4590, "prd_1", "TEE", ("shirts",)),), 500)
SUNDAY_NOON_MS = 1_795_345_200_000  # 2026-11-22 11:00 UTC, 12:00 in Paris
FACTS = Facts(ORDER, 4000, Customer("bob"), now_ms=SUNDAY_NOON_MS)
PARIS = {"tz": "Europe/Paris"}


@pytest.mark.parametrize(
    ("condition", "remedy"),
    [
        ({"order.amount": {"gte": 50}}, "add 4.10 EUR"),
        ({"order.amount": {"gt": 50}}, "add 4.11 EUR"),
        ({"order.amount": {"lt": 40}}, "remove 5.91 EUR"),
        ({"order.amount": {"between": [10, 40]}}, "remove 5.90 EUR"),
        ({"order.amount": {"in": [10, 40]}}, None),
        ({"order.discounted_amount": {"gte": 41}}, "add 1.00 EUR"),
        ({"order.shipping": {"eq": 0}}, None),
        ({"order.items_count": {"gte": 2}}, "add 1 item"),
        ({"order.lines_count": {"gte": 3}}, "add 2 lines"),
        (
            {"order.items": {"count": {"where": {"category": {"eq": "shoes"}}, "gte": 2}}},
            "add 2 more of category shoes",
        ),
        ({"order.items": {"count": {"where": {"sku": {"in": ["TEE", "MUG"]}}, "lt": 1}}}, "remove 1 of sku TEE or MUG"),
        (
            {"order.items": {"count": {"where": {"price": {"lt": 10}}, "gte": 2}}},
            "add 2 more that meet the condition",
        ),
        ({"order.items": {"any": {"product": {"eq": "prd_2"}}}}, "add 1 of product prd_2"),
        ({"order.items": {"none": {"category": {"eq": "shirts"}}}}, "remove what is of category shirts"),
        ({"order.items": {"every": {"sku": {"eq": "MUG"}}}}, "remove what is not of sku MUG"),
        ({"order.items": {"cheapest": {"sku": {"eq": "MUG"}}}}, None),
        ({"customer.segment": {"in": ["vip", "gold"]}}, "for customers of segment vip or gold"),
        ({"customer.id": {"eq": "ann"}}, None),
        ({"metadata.till": {"exists": True}}, "state metadata.till"),
        ({"time.time": {"between": ["18:00", "22:00"], **PARIS}}, "valid from 18:00 Europe/Paris"),
        ({"time.time": {"gte": "18:00"}}, "valid from 18:00 UTC"),
        ({"time.time": {"lt": "10:00", **PARIS}}, "valid from 00:00 Europe/Paris"),
        ({"time.hour": {"in": [9, 14, 15], **PARIS}}, "valid from 14:00 Europe/Paris"),
        ({"time.hour": {"lte": 9, **PARIS}}, "valid from 00:00 Europe/Paris"),
        ({"time.weekday": {"not_in": ["sun", "mon"], **PARIS}}, "valid on tue, wed, thu, fri, sat Europe/Paris"),
        ({"time.date": {"between": ["2026-12-01", "2026-12-24"]}}, "valid from 2026-12-01 UTC"),
        ({"time.date": {"in": ["2026-11-27", "2026-11-20"]}}, "valid on 2026-11-27 UTC"),
        ({"time.date": {"gt": "2026-11-22"}}, "valid after 2026-11-22 UTC"),
        ({"time.date": {"lt": "2026-11-01"}}, None),
    ],
)
def test_g7_remedies(condition: Rule, remedy: str | None) -> None:
    (failing,) = compiled(condition).judge(FACTS).failing
    assert failing.remedy == remedy


def test_g7_who_has_not_said_who_buys_is_asked_for_it() -> None:
    (failing,) = compiled({"customer.segment": {"eq": "vip"}}).judge(Facts(ORDER, 0)).failing
    assert failing.remedy == "name the customer"


def test_g7_the_branch_with_the_fewest_is_named_and_of_equals_the_first() -> None:
    dear, late = {"order.amount": {"gte": 50}}, {"time.hour": {"gte": 18}}
    (failing,) = compiled({"any": [{"all": [dear, late]}, late, dear]}).judge(FACTS).failing
    assert failing.pointer == "/any/1/time.hour/gte"
    assert failing.condition == {"time.hour": {"gte": 18}}


def test_g7_of_a_leaf_only_the_operators_that_refuse_are_named() -> None:
    judged = compiled({"all": [{"order.amount": {"gte": 10, "lt": 40}}, {"order.metadata.a/b": {"exists": True}}]})
    assert [failing.pointer for failing in judged.judge(FACTS).failing] == [
        "/all/0/order.amount/lt",
        "/all/1/order.metadata.a~1b/exists",
    ]


@given(st.integers(0, 9999), st.integers(0, 9999), st.sampled_from(["gt", "gte", "lt", "lte", "eq"]))
def test_g7_who_does_what_the_remedy_says_is_let_through(amount: int, wanted: int, op: str) -> None:
    rule = compiled({"order.amount": {op: Decimal(wanted).scaleb(-2)}})
    judgement = rule.judge(Facts(Order(amount), amount))
    for failing in judgement.failing:
        if failing.remedy is None:
            assert (op, wanted) == ("lt", 0), "nothing is below nothing"
            continue
        verb, by, _ = failing.remedy.split()
        mended = amount + int(Decimal(by).scaleb(2)) * (1 if verb == "add" else -1)
        assert rule.judge(Facts(Order(mended), mended)).holds


def test_g7_a_failing_condition_can_be_sent() -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    (failing,) = compiled({"order.amount": {"gte": 50}}).judge(FACTS).failing
    assert encoder.encode(failing.condition) == b'{"order.amount":{"gte":50.00}}'
