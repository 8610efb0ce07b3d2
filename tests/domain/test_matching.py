"""What applies to a cart is found by what the cart carries: nothing is missed, and the others cost nothing."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.conditions import Facts, check, compile_rule
from domain.conditions.calendars import Clock
from domain.decisions import Found
from domain.definitions import Discount, ProjectSettings, Redeemable, Scope, Selection
from domain.matching import Index, Need, carried_by, need_of
from domain.matching.atoms import MOST, TIME, Range, pieces, pieces_at
from domain.orders import Customer, Item, Order
from tests.domain import carts, stacking
from tests.domain.conditions.rules_and_facts import ZONES, Rule, cases, facts, rule


def bare(rules: list[dict[str, Any]], **more: Any) -> Need:
    need = need_of(Redeemable("tier", "prj", "tier", 1, False, object="promotion_tier", **more), None, rules)
    assert need is not None
    return need


def canonical(written: Rule, decimals: int = 2) -> dict[str, Any]:
    found, faults = check(written, decimals)
    assert found is not None, faults
    return found


def is_met(need: Need, given_facts: Facts) -> bool:
    return bool(Index({"it": need}).candidates(carried_by(given_facts, ZONES)))


@st.composite
def rules_of_cents(draw: st.DrawFn) -> Rule:
    return rule(draw, 2, 2)


@settings(max_examples=400, deadline=None)
@given(cases())
def test_whatever_a_rule_holds_for_carries_what_it_needs(case: tuple[Rule, Facts]) -> None:
    written, given_facts = case
    # No more is left of an order than it has.
    left_minor = min(given_facts.discounted_minor, given_facts.order.amount_minor)
    given_facts = msgspec.structs.replace(given_facts, discounted_minor=left_minor)
    stored = canonical(written, given_facts.decimals)
    if compile_rule(stored).judge(given_facts).holds:
        assert is_met(bare([stored]), given_facts)
    else:
        assert is_met(bare([{"not": stored}]), given_facts)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 6))
def test_an_index_finds_what_a_look_at_each_need_finds(data: st.DataObject, gone: int) -> None:
    needs = {}
    for number in range(12):
        needs[number] = bare([canonical(data.draw(rules_of_cents()))])
    index = Index(dict(list(needs.items())[:6]))
    for number in range(6, 12):
        index.put(number, needs[number])
    for number in range(gone):
        index.remove(number)
        del needs[number]
    index.put(11, needs[7])
    needs[11] = needs[7]
    for _ in range(3):
        carried = carried_by(data.draw(facts(2)), index.zones)
        found = index.candidates(carried)
        assert len(found) == len(set(found))
        assert set(found) == {each for each, need in needs.items() if all(map(carried.meets, need.clauses))}


@settings(max_examples=200, deadline=None)
@given(stacking.stacks(fewest=2), carts.orders, stacking.customers, stacking.moments)
def test_whatever_a_stack_applies_is_found_for_its_cart(
    found: list[Found], order: Order, customer: Customer | None, now_ms: int
) -> None:
    index: Index[int] = Index()
    for number, each in enumerate(found):
        assert each.redeemable is None or each.redeemable.id
        rules = [rule.definition.rule for rule in each.rules]
        need = need_of(each.redeemable, each.campaign, rules) if each.redeemable is not None else None
        if need is not None:
            index.put(number, need)
    partial = ProjectSettings(stacking.PROJECT, mode="PARTIAL", orders_counted_since=1)
    decision = stacking.decide(found, order, customer, partial, now_ms)
    candidates = index.candidates(carried_by(Facts(order, order.amount_minor, customer, now_ms=now_ms), index.zones))
    for number, part in enumerate(decision.parts):
        assert part.status != "applicable" or number in candidates


@given(st.sampled_from(["order.amount", TIME]), st.integers(0, MOST), st.integers(0, MOST), st.integers(0, MOST))
def test_a_range_is_cut_into_few_pieces_that_cover_it(number: str, one: int, other: int, value: int) -> None:
    first, last = min(one, other), max(one, other)
    cut = set(pieces(Range(number, first, last)))
    assert len(cut) <= 40
    for inside in (first, last, min(max(value, first), last)):
        assert cut & set(pieces_at(number, inside))
    assert not first or not cut & set(pieces_at(number, first // 2)) or number == TIME or first < 2


def test_a_promotion_on_some_items_is_not_found_for_others() -> None:
    shoes = Discount("PERCENT", 100_000, scope=Scope("items", include=Selection(categories=("shoes",))))
    need = bare([], discount=shoes)
    hats = Order(100, (Item(1, 100, sku="HAT", categories=("hats",)),))
    pair = Order(100, (Item(1, 100, sku="S1", categories=("shoes",)),))
    assert not is_met(need, Facts(hats, 100))
    assert is_met(need, Facts(pair, 100))


def test_finding_touches_only_what_the_cart_carries() -> None:
    """Ten thousand promotions: each asks for a sku of its own, and all for a segment, an amount, a weekday."""
    common = [{"customer.segment": {"in": ["gold"]}}, {"order.amount": {"gte": 1}}, {"time.hour": {"gte": 0}}]
    index = Index(
        {
            at: bare([canonical({"all": [*common, {"order.items": {"any": {"sku": {"eq": f"S{at}"}}}}]})])
            for at in range(2_000)
        }
    )
    order = Order(1_000, tuple(Item(1, 500, sku=f"S{at}") for at in (7, 1_007)))
    carried = carried_by(Facts(order, 1_000, Customer("bob", segments=("gold",))), index.zones)
    assert sorted(index.candidates(carried)) == [7, 1_007]
    assert len(list(index._touched(carried))) == 2
    for at in range(2_000):
        index.remove(at)
    assert [len(kept) for kept in (index._postings, index._groups, index._asked, index.kinds)] == [0] * 4


def test_thresholds_are_found_by_the_amount() -> None:
    index = Index({at: bare([canonical({"order.amount": {"gte": at}})]) for at in range(1, 1_000)})
    carried = carried_by(Facts(Order(500), 500))
    assert sorted(index.candidates(carried)) == [1, 2, 3, 4, 5]
    assert len(list(index._touched(carried))) < 10


def test_the_hour_is_that_of_the_clock_in_the_rules_zone() -> None:
    need = bare([canonical({"time.hour": {"between": [18, 20], "tz": "Asia/Kathmandu"}})])
    index = Index({"it": need})
    assert index.zones == {"Asia/Kathmandu"}
    for now_ms in range(stacking.NOON_MS, stacking.NOON_MS + 24 * stacking.HOUR_MS, stacking.HOUR_MS // 2):
        hour = Clock("Asia/Kathmandu").moment(now_ms)[0].hour
        found = index.candidates(carried_by(Facts(Order(1), 1, now_ms=now_ms), index.zones))
        assert bool(found) is (18 <= hour <= 20)
