"""Returns: whatever comes back in any order, no money appears or is lost, and no counter gets more than it gave."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.definitions import AddedUnit, Discount, Scope, Selection
from domain.effects import Cart
from domain.events import Redeemed, RolledBack, decode, encode
from domain.money import PPM
from domain.orders import Item, Order
from domain.remaining import Remaining
from domain.returns import Quote, ReturnError, quote_items, quote_lines, quote_rest, remaining
from tests.domain import carts, sales

SALES = st.builds(sales.sell, carts.orders, sales.granted())


def draw_quote(data: st.DataObject, event: Redeemed, done: Sequence[RolledBack], state: Remaining) -> Quote:
    """Some return that is possible now."""
    live = [line for line, gone in enumerate(state.rolled_back) if not gone]
    kinds = ["lines", "rest"] + ["items"] * 4 * any(state.units)
    match data.draw(st.sampled_from(kinds), label="what comes back"):
        case "rest":
            return quote_rest(event, done)
        case "lines":
            lines = data.draw(st.lists(st.sampled_from(live), min_size=1, max_size=2), label="lines")
            return quote_lines(event, done, lines)
    here = [number for number, units in enumerate(state.units) if units]
    wanted = {
        number: data.draw(st.integers(1, state.units[number]), label=f"units of {number}")
        for number in data.draw(st.lists(st.sampled_from(here), min_size=1, max_size=2), label="items")
    }
    return quote_items(event, done, list(wanted.items()), sales.holds)


@settings(max_examples=400)
@given(SALES, st.data())
def test_no_money_appears_or_is_lost_whatever_comes_back(event: Redeemed, data: st.DataObject) -> None:
    paid = event.total_minor
    done: list[RolledBack] = []
    taken_back = 0
    state = remaining(event, done)
    assert state.total_minor == paid
    while not state.is_whole:
        quote = draw_quote(data, event, done, state)
        assert quote.revision == len(done)
        check_items(event, quote)
        done.append(sales.rolled_back(quote))
        before, state = state, remaining(event, done)
        if quote.lines:
            taken_back += sum(quote.discounts) - sum(refund.discount_minor for refund in quote.items)
        assert quote.refund_minor >= 0
        assert paid + taken_back == state.refunded_minor + state.total_minor
        assert state.total_minor >= 0
        check_state(before, quote, state)
    assert state.refunded_minor == sum(rollback.refund_minor for rollback in done)
    if not done[-1].lines:
        assert not any(state.units)
        assert state.refunded_minor == paid + taken_back
    with pytest.raises(ReturnError):
        quote_rest(event, done)
    with pytest.raises(ReturnError):
        quote_lines(event, done, [0])


def check_items(event: Redeemed, quote: Quote) -> None:
    """What each item gives back adds up, and none is worth less than nothing."""
    for refund in quote.items:
        assert event.order is not None
        assert refund.amount_minor == refund.units * event.order.items[refund.item].price_minor
        assert refund.amount_minor == refund.discount_minor + refund.refund_minor
        assert min(refund.units, refund.discount_minor + 1, refund.refund_minor + 1) > 0
    if event.order is not None and event.order.items:
        assert quote.refund_minor == sum(refund.refund_minor for refund in quote.items) + quote.shipping_minor
    assert quote.shipping_minor >= 0


def check_state(before: Remaining, quote: Quote, after: Remaining) -> None:
    """The quote said what it did."""
    returned = Counter({refund.item: refund.units for refund in quote.items})
    assert after.units == tuple(units - returned[number] for number, units in enumerate(before.units))
    assert after.discounts == tuple(old - lost for old, lost in zip(before.discounts, quote.discounts, strict=True))
    assert min(quote.discounts) >= 0
    assert min(after.discounts) >= 0
    assert after.is_whole == quote.is_whole
    gone = [(quote.is_whole and not quote.lines) or line in quote.lines for line in range(len(after.rolled_back))]
    assert after.rolled_back == tuple(old or new for old, new in zip(before.rolled_back, gone, strict=True))


@settings(max_examples=200)
@given(SALES, st.data())
def test_g1_counters_get_back_what_they_gave_and_never_more(event: Redeemed, data: st.DataObject) -> None:
    done: list[RolledBack] = []
    state = remaining(event, done)
    taken, kept_for_ever = Counter[str](), Counter[str]()
    for line in event.lines:
        for counter, amount, _ in line.moves:
            taken[counter] += amount
            if not line.restores_use and counter[:2] in ("r:", "u:", "t:"):
                kept_for_ever[counter] += amount
    back = Counter[str]()
    while not state.is_whole:
        quote = draw_quote(data, event, done, state)
        done.append(sales.rolled_back(quote))
        state = remaining(event, done)
        assert all(amount > 0 for _, amount in quote.moves)
        assert len(dict(quote.moves)) == len(quote.moves)
        back.update(dict(quote.moves))
        assert back <= taken - kept_for_ever
        assert back["b:cmp"] == sum(line.discount_minor for line in event.lines) - sum(state.discounts)
        assert back["o:prj:bob"] == state.is_whole
        lines = zip(event.lines, state.rolled_back, strict=True)
        assert back["r:cmp"] == sum(line.restores_use and gone for line, gone in lines)
    assert back == taken - kept_for_ever


@settings(max_examples=200)
@given(st.builds(sales.sell, carts.carts, sales.granted(sales.KEPT)), st.data())
def test_a_kept_discount_goes_with_its_units_in_whatever_order(event: Redeemed, data: st.DataObject) -> None:
    """What was refunded depends on which units are gone, and not on the way there."""
    assert event.order is not None
    off = [sum(line.allocations[n] for line in event.lines if n < len(line.allocations)) for n in range(30)]
    done: list[RolledBack] = []
    state = remaining(event, done)
    while not state.is_whole:
        here = [number for number, units in enumerate(state.units) if units]
        number = data.draw(st.sampled_from(here))
        units = data.draw(st.integers(1, state.units[number]))
        done.append(sales.rolled_back(quote_items(event, done, [(number, units)], never)))
        state = remaining(event, done)
        refunded = 0
        for item, left, discount in zip(event.order.items, state.units, off, strict=False):
            gone = item.quantity - left
            refunded += item.price_minor * gone - discount * gone // item.quantity
        if state.is_whole:
            refunded = event.total_minor
        assert state.refunded_minor == refunded


def never(rule: dict[str, Any], order: Order, discounted_minor: int) -> bool:
    raise AssertionError("what is kept is not judged")


@settings(max_examples=200)
@given(carts.carts, carts.discounts_on(st.none() | carts.scopes, carts.caps), sales.JUDGED, st.data())
def test_requalify_refunds_what_was_paid_less_what_the_rest_costs(
    order: Order, discount: Discount, rules: tuple[dict[str, Any], ...], data: st.DataObject
) -> None:
    """The policy as it is written, step by step; refunds never fall, and the discount never grows."""
    event = sales.sell(order, [(discount, False, True, rules)])
    done: list[RolledBack] = []
    state = remaining(event, done)
    while not state.is_whole:
        here = [number for number, units in enumerate(state.units) if units]
        number = data.draw(st.sampled_from(here))
        units = data.draw(st.integers(1, state.units[number]))
        before = state
        done.append(sales.rolled_back(quote_items(event, done, [(number, units)], sales.holds)))
        state = remaining(event, done)
        left = [Item(units, *_rest_of(item)) for item, units in zip(order.items, state.units, strict=True) if units]
        total = 0
        if left:
            rest = carts.order_of(left, order.shipping_minor)
            holds = all(sales.holds(rule, rest, rest.amount_minor) for rule in rules)
            off = Cart(rest).apply(discount).discount_minor if holds else 0
            total = rest.amount_minor + rest.shipping_minor - min(off, before.discounts[0])
        assert state.refunded_minor == max(before.refunded_minor, event.total_minor - total)
    assert state.refunded_minor == event.total_minor


def _rest_of(item: Item) -> tuple[Any, ...]:
    return (item.price_minor, item.product_id, item.sku, item.categories, item.collections)


@given(SALES)
def test_events_on_the_wire_lead_to_the_same_quote(event: Redeemed) -> None:
    wired = decode(encode(event))
    assert isinstance(wired, Redeemed)
    first = sales.rolled_back(quote_lines(event, [], [0]))
    again = decode(encode(first))
    assert isinstance(again, RolledBack)
    assert remaining(wired, [again]) == remaining(event, [first])


SIX = carts.order_of([Item(6, 5_000, sku="TEE")])
TEN_FROM_300 = Discount("PERCENT", 100_000)


@pytest.mark.parametrize(("judged", "refund"), [(None, 22_500), (({"amount": 30_000},), 22_000)])
@pytest.mark.parametrize("steps", [[5], [1, 4], [2, 2, 1], [1, 1, 1, 1, 1]])
def test_six_of_fifty_with_ten_percent_from_300(
    judged: tuple[dict[str, Any], ...] | None, refund: int, steps: list[int]
) -> None:
    event = sales.sell(SIX, [(TEN_FROM_300, False, True, judged)])
    done: list[RolledBack] = []
    for units in steps:
        done.append(sales.rolled_back(quote_items(event, done, [(0, units)], sales.holds)))
    state = remaining(event, done)
    assert (state.refunded_minor, state.total_minor) == (refund, 27_000 - refund)
    last = quote_rest(event, done)
    assert state.refunded_minor + last.refund_minor == 27_000
    assert last.moves == (("r:vch_0", 1), ("r:cmp", 1), ("u:cmp:bob", 1), ("t:rul:day::", 2), *budgets(state), *OWN)


OWN = (("o:prj:bob", 1),)


def budgets(state: Remaining) -> tuple[tuple[str, int], ...]:
    return tuple((counter, state.discounts[0]) for counter in ("b:vch_0", "b:cmp") if state.discounts[0])


def test_free_units_of_many_small_discounts_give_nothing_back() -> None:
    one_off = Discount("AMOUNT", 1)
    event = sales.sell(carts.order_of([Item(3, 1)]), [(one_off, False, True, None)] * 3)
    done: list[RolledBack] = []
    for _ in range(3):
        done.append(sales.rolled_back(quote_items(event, done, [(0, 1)], never)))
        assert done[-1].refund_minor == 0
    assert done[-1].is_whole


def test_what_cannot_be_clawed_back_now_is_when_more_comes_back() -> None:
    order = carts.order_of([Item(1, 1_000, sku="A"), Item(1, 29_000, sku="B")])
    event = sales.sell(order, [(TEN_FROM_300, False, True, ({"amount": 30_000},))])
    first = quote_items(event, [], [(0, 1)], sales.holds)
    assert (first.refund_minor, first.discounts) == (0, (1_000,))
    then = quote_items(event, [sales.rolled_back(first)], [(1, 1)], sales.holds)
    assert (then.refund_minor, then.is_whole) == (27_000, True)


def test_one_redeemable_of_a_stack_goes_and_the_order_costs_more() -> None:
    order = Order(4748, (Item(2, 1999, sku="TEE"), Item(1, 750, sku="MUG")), 490)
    stack: list[sales.Granted] = [
        (Discount("PERCENT", 200_000), False, True, None),
        (Discount("AMOUNT", 500), False, True, None),
    ]
    event = sales.sell(order, stack)
    five = quote_lines(event, [], [1, 1])
    assert (five.lines, five.discounts, five.refund_minor, five.is_whole) == ((1,), (0, 500), 0, False)
    assert five.moves == (
        ("r:cmp", 1),
        ("u:cmp:bob", 1),
        ("t:rul:day::", 2),
        ("b:cmp", 500),
        ("r:vch_1", 1),
        ("b:vch_1", 500),
    )
    done = [sales.rolled_back(five)]
    assert remaining(event, done).total_minor == 4748 + 490 - 950
    tee = quote_items(event, done, [(0, 1)], never)
    assert [(refund.item, refund.amount_minor, refund.refund_minor) for refund in tee.items] == [(0, 1999, 1599)]
    last = quote_lines(event, done, [0])
    assert (last.refund_minor, last.is_whole, last.lines) == (0, True, (0,))
    assert remaining(event, [*done, sales.rolled_back(last)]).total_minor == 4748 + 490


def test_what_a_redeemable_has_added_goes_out_with_it() -> None:
    gift = Discount("UNIT", 2, None, None, AddedUnit(750, sku="MUG"))
    order = carts.order_of([Item(1, 5_000)])
    for judged in (None, ({"amount": 5_000},)):
        stack: list[sales.Granted] = [(gift, False, True, judged), (TEN_FROM_300, False, True, None)]
        event = sales.sell(order, stack)
        quote = quote_lines(event, [], [0])
        assert [(refund.item, refund.units, refund.refund_minor) for refund in quote.items] == [(1, 2, 0)]
        state = remaining(event, [sales.rolled_back(quote)])
        assert (state.units, state.total_minor) == ((1, 0), 4_500)


def test_a_gift_that_is_kept_is_paid_for_where_its_rule_no_longer_holds() -> None:
    gift = Discount("UNIT", 1, None, None, AddedUnit(750, sku="MUG"))
    order = carts.order_of([Item(2, 5_000)])
    event = sales.sell(order, [(gift, False, True, ({"amount": 10_000},))])
    assert quote_items(event, [], [(0, 1)], sales.holds).refund_minor == 4_250
    assert quote_items(event, [], [(0, 1), (1, 1)], sales.holds).refund_minor == 5_000


def test_a_discount_that_is_judged_again_leaves_to_later_ones_what_they_keep() -> None:
    order = carts.order_of([Item(1, 100, sku="A"), Item(1, 100, sku="B")])
    off = Discount("AMOUNT", 100)
    event = sales.sell(order, [(off, False, True, ()), (off, False, True, None)])
    quote = quote_items(event, [], [(0, 1)], sales.holds)
    assert (quote.refund_minor, quote.discounts) == (0, (50, 50))


def test_shipping_comes_back_with_the_last_unit() -> None:
    free_shipping = Discount("PERCENT", PPM // 2, None, Scope("shipping"))
    order = Order(2_000, (Item(2, 1_000),), 500)
    for judged in (None, ()):
        event = sales.sell(order, [(free_shipping, False, True, judged)])
        first = quote_items(event, [], [(0, 1)], sales.holds)
        assert (first.refund_minor, first.discounts) == (1_000, (0,))
        last = quote_items(event, [sales.rolled_back(first)], [(0, 1)], sales.holds)
        assert last == quote_rest(event, [sales.rolled_back(first)])
        assert last.refund_minor == 1_250
        assert last.is_whole


def test_a_discount_on_what_has_gone_is_gone() -> None:
    only_tee = Discount("AMOUNT", 300, None, Scope("items", include=Selection(skus=("TEE",))))
    order = carts.order_of([Item(1, 1_000, sku="TEE"), Item(1, 1_000, sku="MUG")])
    for judged in (None, ()):
        event = sales.sell(order, [(only_tee, False, True, judged)])
        assert quote_items(event, [], [(0, 1)], sales.holds).refund_minor == 700
        assert quote_items(event, [], [(1, 1)], sales.holds).refund_minor == 1_000


def test_rollbacks_of_the_first_schema_were_whole() -> None:
    event = sales.sell(Order(1_000), [(Discount("AMOUNT", 300), False, True, None)])
    state = remaining(event, [RolledBack("rdm_1", "acc", "prj")])
    assert (state.is_whole, state.refunded_minor, state.total_minor, state.rolled_back) == (True, 700, 0, (True,))


def test_what_cannot_come_back_says_what_it_is() -> None:
    event = sales.sell(SIX, [(TEN_FROM_300, False, True, None), (TEN_FROM_300, False, True, None)])
    done = [sales.rolled_back(quote_items(event, [], [(0, 2), (0, 2)], never))]
    done.append(sales.rolled_back(quote_lines(event, done, [1])))
    for wanted, item in (
        ([(0, 3)], 0),
        ([(0, 1), (0, 2)], 0),
        ([(1, 1)], 1),
        ([(-1, 1)], -1),
        ([(0, 0)], 0),
        ([], None),
    ):
        with pytest.raises(ReturnError) as refused:
            quote_items(event, done, wanted, never)
        assert (refused.value.item, refused.value.line) == (item, None)
    for lines, line in (([1], 1), ([0, 1], 1), ([2], 2), ([-1], -1), ([], None)):
        with pytest.raises(ReturnError) as refused:
            quote_lines(event, done, lines)
        assert (refused.value.item, refused.value.line) == (None, line)
    done.append(sales.rolled_back(quote_rest(event, done)))
    with pytest.raises(ReturnError):
        quote_rest(event, done)
