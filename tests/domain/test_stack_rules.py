"""Stacks by example: percentages, what has no effect, rules that see discounts, customers and products."""

from typing import Any

import msgspec
import pytest

from domain.conditions import Failing
from domain.decisions import Found, Request, RuleInForce, Surroundings
from domain.definitions import (
    UNLIMITED,
    AddedUnit,
    Campaign,
    Discount,
    DiscountType,
    ProjectSettings,
    Redeemable,
    Scope,
    Selection,
)
from domain.ledger import Check, Guard
from domain.orders import Customer, Item, Order, Product, Sku
from domain.stacking import enrich
from domain.stacks import decide_stack
from tests.domain.stacking import PROJECT, decide, rule

ORDER = Order(10_000, (Item(2, 4_000, sku="TEE"), Item(1, 2_000, sku="MUG")), 500)
BOB = Customer("bob")
COUNTED = ProjectSettings(PROJECT, 4, orders_counted_since=1)


def code(
    name: str, type_: DiscountType, value: int, *rules: RuleInForce, campaign: Campaign | None = None, **more: Any
) -> Found:
    discount = Discount(type_, value, scope=more.pop("scope", None), added=more.pop("added", None))
    voucher = Redeemable(f"vch_{name}", PROJECT, name, 2, False, discount=discount, **more)
    return Found.of(voucher, campaign, rules)


TWENTY = code("TWENTY", "PERCENT", 200_000)
TEN = code("TEN", "PERCENT", 100_000)
NOTHING = code("NOTHING", "AMOUNT", 0)
SHIPPING = code("SHIPPING", "FIXED", 0, scope=Scope("shipping"))
FIRST = code("FIRST", "AMOUNT", 100, rule("rul_first", {"customer.first_order": {"eq": True}}))
AGAIN = code("AGAIN", "AMOUNT", 100, rule("rul_again", {"customer.first_order": {"eq": False}}))


@pytest.mark.parametrize(("percent_of", "offs"), [("INITIAL", [2_000, 1_000]), ("DISCOUNTED", [2_000, 800])])
def test_percentages_are_of_the_initial_or_of_what_is_left(percent_of: Any, offs: list[int]) -> None:
    settings = ProjectSettings(PROJECT, percent_of=percent_of)
    assert [line.discount_minor for line in decide([TWENTY, TEN], ORDER, None, settings).lines] == offs


@pytest.mark.parametrize(
    ("policy", "stacked", "alone"),
    [
        ("SKIP", (None, "skipped", "no_effect"), "no_effect"),
        ("APPLY", (None, "applicable", None), None),
        ("REFUSE", ("no_effect", "inapplicable", "no_effect"), "no_effect"),
    ],
)
def test_what_has_no_effect_is_skipped_applied_or_refused(policy: Any, stacked: Any, alone: str | None) -> None:
    settings = ProjectSettings(PROJECT, no_effect=policy)
    decision = decide([TEN, NOTHING], ORDER, None, settings)
    assert (decision.refusal, decision.parts[1].status, decision.parts[1].code) == stacked
    assert decide([NOTHING], ORDER, None, settings).refusal == alone


def test_a_gift_is_worth_its_price_and_no_other_discount_is_on_it() -> None:
    gift = code("GIFT", "UNIT", 2, added=AddedUnit(450, sku="TOY"))
    decision = decide([gift, TEN], ORDER)
    assert (decision.order_value_minor, decision.discount_minor) == (10_900, 1_900)
    assert [line.allocations for line in decision.lines] == [(0, 0, 900), (800, 200, 0)]
    decision = decide([TEN, gift], ORDER)
    assert [line.allocations for line in decision.lines] == [(800, 200, 0), (0, 0, 900)]


def test_rules_see_what_earlier_discounts_have_left_of_the_items() -> None:
    from_85 = code("FROM85", "AMOUNT", 100, rule("rul_1", {"order.discounted_amount": {"gte": 85}}))
    gift = code("GIFT", "UNIT", 2, added=AddedUnit(450, sku="TOY"))
    assert decide([from_85, TWENTY], ORDER).refusal is None
    refused = decide([TWENTY, from_85], ORDER)
    assert (refused.refusal, refused.parts[1].failing[0].remedy) == ("rule_not_met", "add 5.00 EUR")
    exactly = code("EXACTLY", "AMOUNT", 100, rule("rul_2", {"order.discounted_amount": {"eq": 100}}))
    assert decide([SHIPPING, gift, exactly], ORDER).refusal is None, "neither shipping nor a gift is of the items"


def test_a_first_order_is_a_move_and_a_later_one_a_guard() -> None:
    first = decide([TEN, FIRST, TWENTY], ORDER, BOB)
    moves = {move.counter: (move.amount, move.limit) for move in first.moves}
    assert moves["o:prj:bob"] == (1, 1)
    owners = dict(zip(moves, zip(first.owners, first.refusals, strict=True), strict=True))
    assert owners["o:prj:bob"] == (1, "rule_not_met"), "a second order falls on who asks for the first"
    assert ("o:prj:bob", 1, "o:prj") in first.lines[0].moves
    again = decide([TEN, AGAIN, TWENTY], ORDER, BOB)
    assert (again.guards, again.guard_owners) == ((Guard("o:prj:bob", 1, None),), (1,))
    assert {move.counter: move.limit for move in again.moves}["o:prj:bob"] == UNLIMITED
    assert decide([FIRST], ORDER).refusal == "customer_required"


def test_g6_a_rule_on_orders_waits_for_the_settings_that_count_them() -> None:
    unread = ProjectSettings(PROJECT, 4)
    assert decide([FIRST], ORDER, BOB, unread).refusal == "contended"
    assert not [move for move in decide([TEN], ORDER, BOB, unread).moves if move.counter[:2] == "o:"]


def _for(*segments: str) -> Found:
    campaign = Campaign("cmp_1", PROJECT, 3, False, None, eligible_segments=segments)
    return code("VIP", "AMOUNT", 100, campaign=campaign, campaign_id="cmp_1")


def test_a_campaign_is_for_its_segments() -> None:
    vip = _for("gold", "silver")
    assert decide([vip], ORDER).refusal == "customer_required"
    refused = decide([vip], ORDER, Customer("bob", 3, ("iron",)))
    said = Failing("/eligible_segments", {"customer.segment": {"in": ["gold", "silver"]}}, None)
    assert (refused.refusal, refused.parts[0].failing) == ("rule_not_met", (said,))
    granted = decide([vip], ORDER, Customer("bob", 3, ("iron", "silver")))
    assert granted.refusal is None
    assert Check("p:prj:bob", 3) in granted.checks, "a change of the customer is noticed"


def test_what_the_request_says_of_its_customer_is_added_to_what_is_stored() -> None:
    stated = Customer("bob", segments=("silver",), metadata={"tier": 2})
    request = Request("bob", 10_000, ORDER, stated)
    tier = code("TIER", "AMOUNT", 5, rule("rul_t", {"customer.metadata.tier": {"eq": 2}}))
    around = Surroundings(COUNTED, Customer("bob", 6, ("iron",), {"tier": 1}))
    decision = decide_stack([_for("silver"), _for("iron"), tier], request, around, 0, 1)
    assert decision.refusal is None
    assert Check("p:prj:bob", 6) in decision.checks


def test_an_order_is_enriched_with_what_is_stored_of_its_products() -> None:
    item = Item(1, 500, "p1", "TEE", ("sale",), (), {"size": "L", "new": True})
    product = Product("p1", 9, ("shoes", "sale"), ("summer",), {"size": "M", "weight": 3})
    (known, other) = enrich(Order(600, (item, Item(1, 100, sku="MUG"))), {"p1": product}).items
    assert (known.categories, known.collections) == (("sale", "shoes"), ("summer",))
    assert known.metadata == {"size": "L", "new": True, "weight": 3}
    assert other == Item(1, 100, sku="MUG")
    shoes = code("SHOES", "PERCENT", 500_000, scope=Scope("items", include=Selection(categories=("shoes",))))
    request = Request(None, 600, Order(600, (item, Item(1, 100, sku="MUG"))))
    around = Surroundings(COUNTED, products={"p1": product, "MUG": Product("MUG")})
    decision = decide_stack([shoes], request, around, 0, 1)
    assert decision.lines[0].allocations == (250, 0)
    assert {Check("g:prj:p1", 9), Check("g:prj:MUG", 1)} <= set(decision.checks)


def test_g6_a_stack_checks_every_definition_that_it_was_decided_from() -> None:
    campaign = Campaign("cmp_1", PROJECT, 3, False, None)
    ruled = code("RULED", "AMOUNT", 5, rule("rul_1", {"order.amount": {"gte": 900}}, 8), campaign=campaign)
    unknown = Found(None, absent=Check("n:prj", 5))
    decision = decide([ruled, TEN, unknown], ORDER)
    assert decision.refusal == "rule_not_met"
    assert set(decision.checks) == {
        *(Check("s:prj", 4), Check("v:prj:RULED", 2), Check("c:cmp_1", 3), Check("q:rul_1", 8)),
        *(Check("v:prj:TEN", 2), Check("n:prj", 5)),
    }


def test_g1_two_codes_of_a_campaign_take_two_of_its_units_in_one_move() -> None:
    campaign = Campaign("cmp_1", PROJECT, 3, False, None, limit=500, budget_minor=9_000, per_customer_limit=2)
    two = [code(name, "AMOUNT", 300, campaign=campaign, campaign_id="cmp_1") for name in ("A", "B")]
    decision = decide(two, ORDER, BOB)
    taken = {move.counter: (move.amount, move.limit) for move in decision.moves}
    assert (taken["r:cmp_1"], taken["b:cmp_1"], taken["u:cmp_1:bob"]) == ((2, 500), (600, 9_000), (2, 2))
    assert decision.owners[list(taken).index("r:cmp_1")] == 1
    assert decision.refusals[list(taken).index("u:cmp_1:bob")] == "customer_limit_reached"


def test_g1_a_rule_on_counts_is_a_move_on_each_of_them() -> None:
    counts = {"all": [{"redemptions.customer.day": {"lte": 2}}, {"redemptions.total.month": {"lt": 10}}]}
    often = code("OFTEN", "AMOUNT", 100, rule("rul_1", counts))
    decision = decide([TEN, often], ORDER, BOB)
    moves = {move.counter: move for move in decision.moves if move.counter.startswith("t:")}
    day, month = "t:rul_1:customer.day:d20260328:bob", "t:rul_1:total.month:m202603:"
    assert {name: (move.amount, move.limit) for name, move in moves.items()} == {day: (1, 2), month: (1, 9)}
    assert all(move.absent_is_zero for move in moves.values()), "the rule was made in this epoch"
    assert {(day, 1, "t:rul_1:customer.day"), (month, 1, "t:rul_1:total.month")} <= set(decision.lines[1].moves)
    at = [move.counter for move in decision.moves].index(day)
    assert (decision.owners[at], decision.refusals[at]) == (1, "rule_limit_reached")


def test_a_stack_is_of_the_strictest_class_of_what_is_applied() -> None:
    money = code("MONEY", "AMOUNT", 100, committed=True)
    assert decide([TEN, money], ORDER).committed
    assert not decide([TEN, TWENTY], ORDER).committed
    full = msgspec.structs.replace(COUNTED, most_applied=1)
    assert not decide([TEN, money], ORDER, None, full).committed, "what is not applied takes nothing"


def test_an_exclusive_category_leaves_room_for_its_own_and_for_joint_ones() -> None:
    ab = [code(name, "AMOUNT", 100, category=name[0].lower()) for name in ("A1", "A2", "B1", "C1")]
    settings = ProjectSettings(PROJECT, exclusive_categories=("a",), joint_categories=("c",))
    said = [(part.status, part.code) for part in decide(ab, ORDER, None, settings).parts]
    assert said == [("applicable", None)] * 2 + [("skipped", "stack_excluded"), ("applicable", None)]
    said = [(part.status, part.code) for part in decide(ab[::-1], ORDER, None, settings).parts]
    assert said == [("applicable", None)] * 2 + [("skipped", "stack_excluded")] * 2
    joint_first = decide([ab[3], ab[0]], ORDER, None, settings).parts
    assert [part.status for part in joint_first] == ["applicable"] * 2, (
        "a joint one makes room for one that comes later"
    )
    first = msgspec.structs.replace(settings, category_order=("a",), joint_categories=())
    assert [part.status for part in decide(ab[::-1], ORDER, None, first).parts] == ["skipped"] * 2 + ["applicable"] * 2


def test_what_a_return_judges_again_keeps_what_it_was_judged_on() -> None:
    items = Order(500, (Item(1, 500, "p1", "TEE", ("shoes",), ("summer",), {"size": "L"}),))
    again = code("REQ", "AMOUNT", 5, rule("rul_1", {"order.amount": {"gte": 5}}), returns="requalify")
    decision = decide([TEN, again], items)
    assert decision.order is not None
    assert decision.order.items == items.items
    assert decision.lines[0].terms is None
    terms = decision.lines[1].terms
    assert terms is not None
    assert (terms.discount, len(terms.rules), terms.of_initial) == (Discount("AMOUNT", 5), 1, False)
    kept = decide([TEN], items).order
    assert kept is not None
    assert kept.items == (Item(1, 500, "p1", "TEE"),)


def test_an_item_is_of_its_skus_product_and_the_nearest_metadata_goes_first() -> None:
    tee = Product("tee", 3, ("shirts",), ("summer",), {"fabric": "wool", "size": "any", "fit": "wide"})
    medium = Sku("tee-m", 2, "tee", {"size": "M", "fit": "slim"})
    stated = Item(1, 500, sku="tee-m", categories=("sale",), metadata={"fit": "own"})
    other = Item(1, 500, "mug", "tee-m")
    (known, named) = enrich(Order(1000, (stated, other)), {"tee": tee}, {"tee-m": medium}).items
    assert (known.product_id, known.sku) == ("tee", "tee-m")
    assert (known.categories, known.collections) == (("sale", "shirts"), ("summer",))
    assert known.metadata == {"fabric": "wool", "size": "M", "fit": "own"}
    assert (named.product_id, named.categories, named.metadata) == ("mug", (), {"size": "M", "fit": "slim"})
