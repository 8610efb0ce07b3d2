"""Returns: whatever comes back in any order, no money appears or is lost, and no counter gets more than it gave."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.definitions import Discount
from domain.effects import Cart
from domain.events import Redeemed, RolledBack, decode, encode
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
        done.append(sales.rolled_back(quote_items(event, done, [(number, units)], sales.never)))
        state = remaining(event, done)
        refunded = 0
        for item, left, discount in zip(event.order.items, state.units, off, strict=False):
            gone = item.quantity - left
            refunded += item.price_minor * gone - discount * gone // item.quantity
        if state.is_whole:
            refunded = event.total_minor
        assert state.refunded_minor == refunded


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
