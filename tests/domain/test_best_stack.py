"""The best stack is what trying everything finds; stopped early, it is a stack that stands, and says so."""

from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.best_stack import Search
from domain.decisions import Decision, Found, RuleInForce, Surroundings
from domain.definitions import Discount, ProjectSettings, Redeemable, Scope, Selection
from domain.orders import Customer, Item, Order
from domain.stacking import application_order
from tests.domain import carts, stacking
from tests.domain.stacking import NOON_MS, decide, request_of


def search_of(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int = NOON_MS
) -> Search:
    return Search(found, request_of(order, customer), Surroundings(project, customer), now_ms)


def brute_force(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int = NOON_MS
) -> int:
    """The most that any order of any of them takes off. A stack stands only if it stood before its last was added."""
    most_minor = 0
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        sequence = waiting.pop()
        for number in range(len(found)):
            longer = (*sequence, number)
            stack = [found[each] for each in longer]
            in_order = application_order(stack, project.category_order) == list(range(len(stack)))
            if number in sequence or not in_order:
                continue
            decision = decide(stack, order, customer, project, now_ms)
            if is_whole(decision):
                most_minor = max(most_minor, decision.discount_minor)
                waiting.append(longer)
    return most_minor


def is_whole(decision: Decision) -> bool:
    return decision.refusal is None and all(part.status == "applicable" for part in decision.parts)


def expect_best(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int = NOON_MS
) -> Search:
    search = search_of(found, order, customer, project, now_ms)
    for _ in search.steps():
        pass
    assert search.is_optimal
    assert search.discount_minor == brute_force(found, order, customer, project, now_ms)
    if search.sequence:
        decision = decide([found[number] for number in search.sequence], order, customer, project, now_ms)
        assert is_whole(decision)
        assert decision.discount_minor == search.discount_minor
    return search


def tiers(
    discounts: list[Discount],
    categories: list[str | None] | None = None,
    rules: list[tuple[RuleInForce, ...]] | None = None,
) -> list[Found]:
    return [
        Found.of(
            Redeemable(
                *(f"tier_{number}", stacking.PROJECT, f"tier_{number}", 1, False),
                discount=discount,
                category=categories[number] if categories else None,
                object="promotion_tier",
            ),
            None,
            rules[number] if rules else (),
        )
        for number, discount in enumerate(discounts)
    ]


ENOUGH = stacking.rule("rul_enough", {"order.discounted_amount": {"gte": 20}})
SMALL = {"order.discounted_amount": {"lt": 15}}
LITTLE = stacking.rule("rul_little", SMALL)
LITTLE_OF_GOLD = stacking.rule("rul_gold", {"all": [{"customer.segment": {"eq": "gold"}}, SMALL]})


@st.composite
def promotions(draw: st.DrawFn, discounts: st.SearchStrategy[Discount], most: int) -> list[Found]:
    """Three or more that nearly always apply, some only to what others leave, and some alike."""
    rules = st.sampled_from([(), (), (), (ENOUGH,), (LITTLE,), (LITTLE_OF_GOLD,)])
    each = st.tuples(discounts, st.sampled_from(stacking.CATEGORIES), rules)
    chosen = draw(st.lists(each, min_size=2, max_size=most))
    chosen += draw(st.lists(st.sampled_from(chosen), min_size=most > len(chosen), max_size=most - len(chosen)))
    return tiers([one for one, _, _ in chosen], [one for _, one, _ in chosen], [one for _, _, one in chosen])


@settings(max_examples=150, deadline=None)
@given(promotions(carts.discounts, 5), carts.carts, stacking.customers, stacking.projects)
def test_it_is_what_trying_everything_finds(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings
) -> None:
    expect_best(found, order, customer, project)


@settings(max_examples=100, deadline=None)
@given(stacking.stacks(fewest=2), carts.orders, stacking.customers, stacking.projects, stacking.moments)
def test_of_any_codes_it_is_what_trying_everything_finds(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    expect_best(found, order, customer, project, now_ms)


of_totals = st.one_of(
    st.builds(Discount, st.just("PERCENT"), carts.percentages, carts.caps),
    st.builds(Discount, st.sampled_from(["AMOUNT", "FIXED"]), carts.PRICES, carts.caps),
    st.builds(Discount, st.just("AMOUNT"), carts.PRICES, carts.caps, st.just(Scope("shipping"))),
)


@settings(max_examples=150, deadline=None)
@given(promotions(of_totals, 5), carts.orders, stacking.customers, stacking.projects)
def test_where_only_totals_matter_no_order_is_better(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings
) -> None:
    expect_best(found, order, customer, project)


@settings(max_examples=4, deadline=None)
@given(st.lists(carts.discounts, min_size=8, max_size=8), carts.orders, st.sampled_from(["INITIAL", "DISCOUNTED"]))
def test_of_eight_it_is_what_trying_everything_finds(discounts: list[Discount], order: Order, percent_of: str) -> None:
    project = msgspec.structs.replace(ProjectSettings(stacking.PROJECT, most_applied=4), percent_of=percent_of)
    expect_best(tiers(discounts), order, None, project)


def test_a_unit_that_others_have_made_free_is_not_the_cheapest_any_more() -> None:
    """What takes more off after others than alone: the bound knows of it."""
    hat = Discount("AMOUNT", 10, scope=Scope("items", include=Selection(skus=("HAT",))))
    cheapest = Discount("UNIT", 1)
    order = carts.order_of([Item(1, 10, sku="HAT"), Item(1, 500, sku="COAT")])
    search = expect_best(tiers([cheapest, hat]), order, None, ProjectSettings(stacking.PROJECT))
    assert (search.sequence, search.discount_minor) == ((1, 0), 510)


def test_percentages_go_before_amounts() -> None:
    search = expect_best(
        tiers([Discount("AMOUNT", 500), Discount("PERCENT", 200_000)]), Order(1000), None, ProjectSettings("prj")
    )
    assert (search.sequence, search.discount_minor) == ((1, 0), 700)


@pytest.mark.parametrize("steps", [0, 20, 26, 30, 40])
def test_stopped_early_it_has_a_stack_that_stands_and_is_not_called_optimal(steps: int) -> None:
    found = tiers([Discount("PERCENT", 30_000 + 7_000 * number) for number in range(25)])
    order = carts.order_of([Item(3, 3_333, sku="A"), Item(2, 999, sku="B")])
    search = search_of(found, order, None, ProjectSettings(stacking.PROJECT))
    assert len(list(islice(search.steps(), steps))) == steps
    assert not search.is_optimal
    assert bool(search.sequence) is (steps > 25)
    if search.sequence:
        decision = decide([found[number] for number in search.sequence], order)
        assert decision.discount_minor == search.discount_minor


def test_of_more_than_can_be_searched_nothing_is_called_optimal() -> None:
    found = tiers([Discount("AMOUNT", 1 + number) for number in range(101)])
    search = search_of(found, Order(100_000), None, ProjectSettings(stacking.PROJECT))
    for _ in search.steps():
        pass
    assert not search.is_optimal
    assert len(search.sequence) == 30
    assert search.discount_minor == sum(range(72, 102))
