"""Returns by hand: what the two policies refund, what goes out with what, and what is refused."""

from typing import Any

import pytest

from domain.definitions import AddedUnit, Discount, Scope, Selection
from domain.events import RolledBack
from domain.money import PPM
from domain.orders import Item, Order
from domain.remaining import Remaining
from domain.returns import ReturnError, quote_items, quote_lines, quote_rest, remaining
from tests.domain import carts, sales

SIX = carts.order_of([Item(6, 5_000, sku="TEE")])
TEN_PERCENT = Discount("PERCENT", 100_000)


@pytest.mark.parametrize(("judged", "refund"), [(None, 22_500), (({"amount": 30_000},), 22_000)])
@pytest.mark.parametrize("steps", [[5], [1, 4], [2, 2, 1], [1, 1, 1, 1, 1]])
def test_six_of_fifty_with_ten_percent_from_300(
    judged: tuple[dict[str, Any], ...] | None, refund: int, steps: list[int]
) -> None:
    event = sales.sell(SIX, [(TEN_PERCENT, False, True, judged)])
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
        done.append(sales.rolled_back(quote_items(event, done, [(0, 1)], sales.never)))
        assert done[-1].refund_minor == 0
    assert done[-1].is_whole


def test_what_cannot_be_clawed_back_now_is_when_more_comes_back() -> None:
    order = carts.order_of([Item(1, 1_000, sku="A"), Item(1, 29_000, sku="B")])
    event = sales.sell(order, [(TEN_PERCENT, False, True, ({"amount": 30_000},))])
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
    tee = quote_items(event, done, [(0, 1)], sales.never)
    assert [(refund.item, refund.amount_minor, refund.refund_minor) for refund in tee.items] == [(0, 1999, 1599)]
    last = quote_lines(event, done, [0])
    assert (last.refund_minor, last.is_whole, last.lines) == (0, True, (0,))
    assert remaining(event, [*done, sales.rolled_back(last)]).total_minor == 4748 + 490


def test_what_a_redeemable_has_added_goes_out_with_it() -> None:
    gift = Discount("UNIT", 2, None, None, AddedUnit(750, sku="MUG"))
    order = carts.order_of([Item(1, 5_000)])
    for judged in (None, ({"amount": 5_000},)):
        stack: list[sales.Granted] = [(gift, False, True, judged), (TEN_PERCENT, False, True, None)]
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


def test_the_last_goods_go_with_the_redeemable_that_added_them() -> None:
    gift = Discount("UNIT", 1, None, None, AddedUnit(750, sku="MUG"))
    order = Order(5_000, (Item(1, 5_000),), 490)
    event = sales.sell(order, [(gift, False, True, None), (Discount("AMOUNT", 100), False, True, None)])
    done = [sales.rolled_back(quote_items(event, [], [(0, 1)], sales.never))]
    assert (done[0].refund_minor, done[0].is_whole) == (4_900, False)
    last = quote_lines(event, done, [0])
    assert last == quote_rest(event, done)
    assert (last.refund_minor, last.shipping_minor, last.is_whole) == (490, 490, True)


def test_a_gift_that_was_paid_for_is_refunded_when_its_redeemable_goes() -> None:
    gift = Discount("UNIT", 1, None, None, AddedUnit(750, sku="MUG"))
    event = sales.sell(carts.order_of([Item(2, 5_000)]), [(gift, False, True, ({"amount": 10_000},)), NOTHING_OFF])
    done = [sales.rolled_back(quote_items(event, [], [(0, 1)], sales.holds))]
    quote = quote_lines(event, done, [0])
    assert [(refund.item, refund.discount_minor, refund.refund_minor) for refund in quote.items] == [(1, 0, 750)]
    assert remaining(event, [*done, sales.rolled_back(quote)]).total_minor == 5_000


NOTHING_OFF: sales.Granted = (Discount("AMOUNT", 0), False, True, None)


@pytest.mark.parametrize(
    ("rule", "discounts"),
    [
        ({"amount": 10_750}, (750, 0, 0)),  # the gift is not of the order's own items
        ({"amount": 10_000}, (750, 1_000, 900)),
        ({"discounted": 9_751}, (750, 1_000, 0)),  # nor of what is left to pay for them, which earlier ones lessen
        ({"discounted": 9_000}, (750, 1_000, 900)),
    ],
)
def test_rules_are_asked_of_the_order_s_own_items_as_earlier_discounts_left_them(
    rule: dict[str, Any], discounts: tuple[int, ...]
) -> None:
    gift = Discount("UNIT", 1, None, None, AddedUnit(750, sku="MUG"))
    stack: list[sales.Granted] = [
        (gift, False, True, ()),
        (TEN_PERCENT, False, True, (rule,) if "amount" in rule else ()),
        (TEN_PERCENT, False, True, (rule,)),
    ]
    event = sales.sell(carts.order_of([Item(3, 5_000)]), stack)
    done = [sales.rolled_back(quote_items(event, [], [(0, 1)], sales.holds))]
    assert remaining(event, done).discounts == discounts


def test_what_a_later_redeemable_has_added_is_nothing_to_pay() -> None:
    gift = Discount("UNIT", 1, None, None, AddedUnit(750, sku="MUG"))
    stack: list[sales.Granted] = [
        (TEN_PERCENT, False, True, ({"discounted": 10_750},)),
        (gift, False, True, ()),
    ]
    event = sales.sell(carts.order_of([Item(3, 5_000)]), stack)
    assert quote_items(event, [], [(0, 1)], sales.holds).discounts == (1_500, 0)


def test_a_percentage_of_the_initial_stays_one_when_it_is_judged_again() -> None:
    stack: list[sales.Granted] = [(Discount("AMOUNT", 3_000), False, True, None), (TEN_PERCENT, True, True, ())]
    event = sales.sell(carts.order_of([Item(3, 5_000)]), stack)
    quote = quote_items(event, [], [(0, 1)], sales.holds)
    assert (quote.discounts, quote.refund_minor) == ((1_000, 500), 3_500)


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
    event = sales.sell(SIX, [(TEN_PERCENT, False, True, None), (TEN_PERCENT, False, True, None)])
    done = [sales.rolled_back(quote_items(event, [], [(0, 2), (0, 2)], sales.never))]
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
            quote_items(event, done, wanted, sales.never)
        assert (refused.value.item, refused.value.line) == (item, None)
    for lines, line in (([1], 1), ([0, 1], 1), ([2], 2), ([-1], -1), ([], None)):
        with pytest.raises(ReturnError) as refused:
            quote_lines(event, done, lines)
        assert (refused.value.item, refused.value.line) == (None, line)
    done.append(sales.rolled_back(quote_rest(event, done)))
    with pytest.raises(ReturnError):
        quote_rest(event, done)
