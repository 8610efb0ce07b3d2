"""What is no rule is refused with a pointer to each fault, whatever it is."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.conditions import check
from domain.conditions.fields import DEEPEST, LONGEST_TEXT, MOST_NODES, MOST_VALUES

AMOUNT = {"order.amount": {"gte": 50}}
COUNT = {"redemptions.customer.day": {"lte": 2}}


def nested(node: Any, times: int) -> Any:
    for _ in range(times):
        node = {"not": node}
    return node


@pytest.mark.parametrize(
    ("rule", "pointer", "detail"),
    [
        (None, "", "must be an object with one member"),
        ([AMOUNT], "", "must be an object with one member"),
        ({}, "", "must be an object with one member"),
        (AMOUNT | COUNT, "", "must be an object with one member"),
        ({"all": []}, "/all", "must be a list of 1 to"),
        ({"all": AMOUNT}, "/all", "must be a list of 1 to"),
        ({"any": [AMOUNT, 7]}, "/any/1", "must be an object with one member"),
        ({"not": [AMOUNT]}, "/not", "must be an object with one member"),
        ({"xor": [AMOUNT]}, "/xor", "is no field of the rule language"),
        ({"order.metadata.": {"eq": 1}}, "/order.metadata.", "is no field"),
        ({"metadata." + "x" * (LONGEST_TEXT + 1): {"eq": 1}}, "/metadata." + "x" * (LONGEST_TEXT + 1), "is no field"),
        ({"sku": {"eq": "TEE"}}, "/sku", "is no field of the rule language"),
        ({"a/b~": {"eq": 1}}, "/a~1b~0", "is no field"),
        ({"order.amount": 50}, "/order.amount", "must be an object of operators"),
        ({"order.amount": {}}, "/order.amount", "must be an object of operators"),
        ({"time.hour": {"tz": "UTC"}}, "/time.hour", "must be an object of operators"),
        ({"order.amount": {"contains": 5}}, "/order.amount/contains", "is no operator of an amount"),
        ({"order.amount": {"gte": "50"}}, "/order.amount/gte", "must be an amount"),
        ({"order.amount": {"gte": True}}, "/order.amount/gte", "must be an amount"),
        ({"order.amount": {"gte": Decimal("0.001")}}, "/order.amount/gte", "more than 2 decimals"),
        ({"order.amount": {"gte": -1}}, "/order.amount/gte", "out of range"),
        ({"order.amount": {"in": [1, -1]}}, "/order.amount/in/1", "out of range"),
        ({"order.amount": {"in": []}}, "/order.amount/in", "must be a list of 1 to"),
        ({"order.amount": {"in": [1] * (MOST_VALUES + 1)}}, "/order.amount/in", "must be a list of 1 to"),
        ({"order.amount": {"between": [5, 4]}}, "/order.amount/between", "ends before it begins"),
        ({"order.amount": {"between": [5]}}, "/order.amount/between", "must be a list of two"),
        ({"order.amount": {"gte": 5, "tz": "UTC"}}, "/order.amount/tz", "belongs to conditions on the time"),
        ({"order.items_count": {"gte": Decimal("1.5")}}, "/order.items_count/gte", "must be a whole number"),
        ({"customer.id": {"eq": ""}}, "/customer.id/eq", "must be a text of 1 to"),
        ({"customer.id": {"eq": "x" * (LONGEST_TEXT + 1)}}, "/customer.id/eq", "must be a text of 1 to"),
        ({"customer.id": {"eq": "a\x00"}}, "/customer.id/eq", "must be a text of 1 to"),
        ({"customer.id": {"exists": 1}}, "/customer.id/exists", "must be true or false"),
        ({"customer.segment": {"contains": "vip"}}, "/customer.segment/contains", "is no operator"),
        ({"metadata.x": {"eq": None}}, "/metadata.x/eq", "must be a text, a number or a truth value"),
        ({"metadata.x": {"eq": [1]}}, "/metadata.x/eq", "must be a text, a number or a truth value"),
        ({"metadata.x": {"gt": True}}, "/metadata.x/gt", "must be a number or a text"),
        ({"metadata.x": {"between": [1, "2"]}}, "/metadata.x/between", "two numbers or two texts"),
        ({"metadata.x": {"between": [2, 1]}}, "/metadata.x/between", "ends before it begins"),
        ({"metadata.x": {"eq": 10**15}}, "/metadata.x/eq", "has more than 15 digits"),
        ({"metadata.x": {"eq": Decimal("1e-900")}}, "/metadata.x/eq", "has more than 15 digits"),
        ({"time.weekday": {"eq": "sunday"}}, "/time.weekday/eq", "must be one of mon"),
        ({"time.weekday": {"in": [["mon"]]}}, "/time.weekday/in/0", "must be one of mon"),
        ({"time.hour": {"eq": 24}}, "/time.hour/eq", "must be a whole number from 0 to 23"),
        ({"time.time": {"gte": "6:00"}}, "/time.time/gte", "must be a time of day"),
        ({"time.time": {"gte": "24:00"}}, "/time.time/gte", "nothing is later"),
        ({"time.time": {"eq": "18:00"}}, "/time.time/eq", "is no operator"),
        ({"time.time": {"between": ["18:00", "18:00"]}}, "/time.time/between", "is an empty range"),
        ({"time.time": {"between": ["24:00", "18:00"]}}, "/time.time/between", "is an empty range"),
        ({"time.date": {"eq": "2026-02-29"}}, "/time.date/eq", "is no date of the calendar"),
        ({"time.date": {"eq": "20260201"}}, "/time.date/eq", "must be a date"),
        ({"time.date": {"eq": "2026-02-01", "tz": "Mars/Base"}}, "/time.date/tz", "is not an IANA time zone"),
        ({"time.date": {"eq": "2026-02-01", "tz": "../etc/passwd"}}, "/time.date/tz", "is not an IANA time zone"),
        ({"time.date": {"eq": "2026-02-01", "tz": "right/UTC"}}, "/time.date/tz", "is not an IANA time zone"),
        ({"time.date": {"eq": "2026-02-01", "tz": None}}, "/time.date/tz", "is not an IANA time zone"),
        ({"any": [COUNT, AMOUNT]}, "/any/0/redemptions.customer.day", 'under "all" only'),
        ({"not": COUNT}, "/not/redemptions.customer.day", 'under "all" only'),
        ({"all": [{"any": [{"all": [COUNT]}]}]}, "/all/0/any/0/all/0/redemptions.customer.day", 'under "all" only'),
        ({"any": [{"customer.first_order": {"eq": True}}]}, "/any/0/customer.first_order", 'under "all" only'),
        ({"all": [COUNT, COUNT]}, "/all/1/redemptions.customer.day", "is asked twice"),
        ({"redemptions.customer.day": {"lte": 0}}, "/redemptions.customer.day/lte", "leaves no redemption"),
        ({"redemptions.customer.day": {"lt": 1}}, "/redemptions.customer.day/lt", "leaves no redemption"),
        ({"redemptions.customer.day": {"gte": 1}}, "/redemptions.customer.day/gte", "is no operator"),
        ({"redemptions.customer.day": {"lt": 3, "lte": 2}}, "/redemptions.customer.day", "takes one operator"),
        ({"redemptions.total.total": {"lte": 3, "tz": "UTC"}}, "/redemptions.total.total/tz", "belongs to conditions"),
        ({"redemptions.api_key.total": {"lte": 3}}, "/redemptions.api_key.total", "is no field"),
        ({"customer.first_order": {"eq": "yes"}}, "/customer.first_order/eq", "must be true or false"),
        ({"order.items": {"some": {"sku": {"eq": "A"}}}}, "/order.items/some", "is none of any, every"),
        ({"order.items": {"any": AMOUNT}}, "/order.items/any/order.amount", "is no field of an item"),
        ({"order.items": {"count": {"gte": 1}}}, "/order.items/count", 'must be an object with "where"'),
        ({"order.items": {"count": {"where": {"sku": {"eq": "A"}}}}}, "/order.items/count", 'with "where"'),
        (
            {"order.items": {"count": {"where": {"sku": {"eq": 1}}, "gte": 1}}},
            "/order.items/count/where/sku/eq",
            "must be a text",
        ),
        (nested(AMOUNT, DEEPEST), "/not" * DEEPEST, "is nested more than"),
        ({"order.items": {"any": nested({"sku": {"eq": "A"}}, 5)}}, "/order.items/any" + "/not" * 5, "is nested more"),
        ({"all": [AMOUNT] * MOST_NODES}, "", "has more than 64 conditions"),
    ],
)
def test_g7_faults_have_a_pointer(rule: Any, pointer: str, detail: str) -> None:
    canonical, faults = check(rule, 2)
    assert canonical is None
    assert [fault.pointer for fault in faults] == [pointer]
    assert detail in faults[0].detail


def test_g7_every_fault_is_named_at_once() -> None:
    rule = {"all": [{"order.amount": {"gte": -1, "eq": "x"}}, {"nothing": 1}, {"time.hour": {"eq": 99, "tz": "x"}}]}
    _, faults = check(rule, 2)
    assert [fault.pointer for fault in faults] == [
        *("/all/0/order.amount/gte", "/all/0/order.amount/eq", "/all/1/nothing"),
        *("/all/2/time.hour/eq", "/all/2/time.hour/tz"),
    ]


def test_the_greatest_rule_is_taken() -> None:
    assert check({"all": [AMOUNT] * (MOST_NODES - 1)}, 2)[1] == []
    assert check(nested(AMOUNT, DEEPEST - 1), 2)[1] == []
    assert check({"customer.id": {"in": ["x" * LONGEST_TEXT] * MOST_VALUES}}, 2)[1] == []


def test_the_canonical_form_is_in_minor_units_and_knows_no_decimals() -> None:
    items = {"order.items": {"any": {"price": {"lt": Decimal("9.99")}}}}
    rule = {"all": [AMOUNT, items, {"metadata.x": {"in": [Decimal("2.50"), Decimal("3.0"), 4, "5"]}}]}
    canonical, _ = check(rule, 3)
    assert canonical == {
        "all": [
            {"order.amount": {"gte": 50_000}},
            {"order.items": {"any": {"price": {"lt": 9990}}}},
            {"metadata.x": {"in": [{"decimal": "2.5"}, 3, 4, "5"]}},
        ]
    }


words = st.sampled_from(
    [
        *("all", "any", "not", "order.amount", "order.items", "customer.id", "metadata.x", "time.hour", "time.date"),
        *(
            "count",
            "where",
            "eq",
            "in",
            "between",
            "lte",
            "tz",
            "sku",
            "exists",
            "redemptions.customer.day",
            "time.time",
        ),
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=5) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3), max_leaves=30
)


@settings(max_examples=500)
@given(anything, st.sampled_from([0, 2, 3]))
def test_whatever_was_written_is_either_a_rule_or_has_faults(rule: Any, decimals: int) -> None:
    canonical, faults = check(rule, decimals)
    assert (canonical is None) == bool(faults)
    assert len(faults) <= 100


def test_what_is_far_too_great_is_not_read_to_its_end() -> None:
    huge: Any = {"all": [{"all": [{"any": [AMOUNT] * 60}] * 60}] * 60}
    assert check(huge, 2)[1][0].detail == "has more than 64 conditions"
    assert len(check(nested(AMOUNT, 500), 2)[1]) == 1
    assert len(check({"order.amount": {f"op{i}": 1 for i in range(1000)}}, 2)[1]) == 100
