"""Random stacks: codes with every kind of discount, category and rule, on random carts and at random times."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from domain.conditions import check, compile_rule
from domain.decisions import Decision, Found, Request, RuleInForce, Surroundings
from domain.definitions import Campaign, Discount, ProjectSettings, Redeemable, ValidationRule
from domain.ledger import Check
from domain.orders import Customer, Order
from domain.stacks import decide_stack
from tests.domain import carts

PROJECT = "prj"
NOON_MS = 1_774_695_600_000
"""Saturday, 28 March 2026, 11:00 UTC: the clocks of Paris change in the night that follows."""

HOUR_MS = 3_600_000
CATEGORIES = (None, "a", "b", "c")


def rule(id_: str, text: dict[str, Any], version: int = 7) -> RuleInForce:
    """A rule as it is in force."""
    canonical, faults = check(text, 2)
    assert canonical is not None, faults
    return RuleInForce(ValidationRule(id_, PROJECT, version, canonical, 1), compile_rule(canonical))


RULES = [
    rule("rul_left", {"order.discounted_amount": {"gte": 20}}),
    rule("rul_hour", {"time.hour": {"between": [9, 12], "tz": "Europe/Paris"}}),
    rule("rul_day", {"any": [{"time.weekday": {"in": ["sun"], "tz": "Europe/Paris"}}, {"order.amount": {"gte": 90}}]}),
    rule("rul_often", {"all": [{"redemptions.customer.day": {"lte": 2}}, {"redemptions.total.week": {"lte": 9}}]}),
    rule("rul_first", {"customer.first_order": {"eq": True}}),
    rule("rul_again", {"customer.first_order": {"eq": False}}),
    rule("rul_gold", {"customer.segment": {"in": ["gold"]}}),
]
rules = st.lists(st.sampled_from(RULES), max_size=2, unique_by=lambda each: each.definition.id).map(tuple)
times = st.none() | st.integers(-30, 30).map(lambda hours: NOON_MS + hours * HOUR_MS)
limits = st.none() | st.integers(0, 5)
campaigns = st.lists(
    st.builds(
        Campaign,
        *(st.just("cmp"), st.just(PROJECT), st.just(3), st.sampled_from([False] * 7 + [True]), st.none()),
        starts_ms=times,
        expires_ms=times,
        limit=limits,
        budget_minor=limits,
        per_code_limit=limits,
        per_customer_limit=limits,
        eligible_segments=st.sampled_from([(), (), ("gold",), ("gold", "new")]),
        category=st.sampled_from(CATEGORIES),
        committed=st.booleans(),
        restores_use=st.booleans(),
        returns=st.sampled_from(["keep", "requalify"]),
    ),
    min_size=2,
    max_size=2,
).map(lambda two: [msgspec.structs.replace(each, id=f"cmp_{at}") for at, each in enumerate(two)])


@st.composite
def _found(draw: st.DrawFn, number: int, known: list[Campaign]) -> Found:
    campaign = draw(st.sampled_from([None, *known]))
    if not draw(st.integers(0, 12)):
        return Found(None, absent=Check(f"n:{PROJECT}", 5))
    voucher = Redeemable(
        *(f"vch_{number}", PROJECT, f"V{number}", 2, draw(st.integers(0, 12)) == 0),
        campaign_id=campaign.id if campaign is not None else None,
        discount=draw(carts.discounts | st.just(Discount("PERCENT", 200_000)) | st.none()),
        starts_ms=draw(times),
        expires_ms=draw(times),
        limit=draw(limits),
        budget_minor=draw(limits),
        category=draw(st.sampled_from(CATEGORIES)),
        per_customer_limit=draw(limits),
    )
    return Found.of(voucher, campaign, draw(rules))


@st.composite
def stacks(draw: st.DrawFn, fewest: int = 1) -> list[Found]:
    """One to five codes, unknown ones among them; two of them often of one campaign."""
    known = draw(campaigns)
    return [draw(_found(number, known)) for number in range(draw(st.integers(fewest, max(5, fewest))))]


projects = st.builds(
    ProjectSettings,
    st.just(PROJECT),
    st.just(4),
    mode=st.sampled_from(["ALL", "PARTIAL"]),
    most_applied=st.sampled_from([30, 30, 2, 1]),
    exclusive_categories=st.sampled_from([(), ("a",), ("a", "b")]),
    joint_categories=st.sampled_from([(), ("b",), ("c",)]),
    category_order=st.sampled_from([(), ("b", "a"), ("c",)]),
    percent_of=st.sampled_from(["INITIAL", "DISCOUNTED"]),
    no_effect=st.sampled_from(["SKIP", "APPLY", "REFUSE"]),
    orders_counted_since=st.sampled_from([1, 1, 1, 0]),
)
customers = st.none() | st.builds(
    Customer, st.just("bob"), st.just(3), st.sampled_from([(), ("gold",), ("new", "other")])
)
moments = st.integers(-30 * 60, 30 * 60).map(lambda minutes: NOON_MS + minutes * 60_000)


def request_of(order: Order, customer: Customer | None) -> Request:
    return Request(customer.id if customer is not None else None, order.amount_minor, order)


def decide(
    found: list[Found],
    order: Order,
    customer: Customer | None = None,
    settings: ProjectSettings | None = None,
    now_ms: int = NOON_MS,
    refused: dict[int, str] | None = None,
) -> Decision:
    """The decision in the epoch 1."""
    around = Surroundings(settings or ProjectSettings(PROJECT, 4, orders_counted_since=1), customer)
    return decide_stack(found, request_of(order, customer), around, now_ms, 1, refused)
