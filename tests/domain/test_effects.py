"""What discounts do to carts: exact to the minor unit, within what is there, whatever the order of the lines."""

import random

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.definitions import AddedUnit, Discount, Scope, Selection
from domain.discounts import discount_minor
from domain.effects import Cart, Effect
from domain.money import PPM, share
from domain.orders import Item, Order
from domain.scoping import is_selected
from tests.domain import carts

UNCAPPED = carts.discounts_on(st.none() | carts.scopes, st.none())


@settings(max_examples=300)
@given(carts.orders, carts.stacks)
def test_no_minor_unit_is_lost_or_found_whatever_is_stacked(order: Order, stack: list[tuple[Discount, bool]]) -> None:
    cart = Cart(order)
    for discount, of_initial in stack:
        before = (cart.total_minor, list(cart.left), cart.shipping_left)
        foretold = cart.effect_of(discount, of_initial)
        assert (cart.total_minor, cart.left, cart.shipping_left) == before
        effect = cart.apply(discount, of_initial)
        assert effect == foretold
        gift = effect.added.amount_minor if effect.added else 0
        assert cart.total_minor == before[0] + gift - effect.discount_minor
        assert all(off >= 0 for off in effect.allocations)
        assert 0 <= effect.shipping_discount_minor <= before[2]
        assert discount.max_minor is None or effect.discount_minor <= discount.max_minor
        assert len(effect.allocations) == len(cart.items)
        if cart.items:
            assert sum(effect.allocations) + effect.shipping_discount_minor == effect.discount_minor
    assert cart.total_minor == sum(cart.left) + cart.shipping_left
    assert 0 <= cart.total_minor <= cart.amount_minor + order.shipping_minor
    own = len(order.items) or 1
    assert cart.discounted_minor == sum(cart.left[:own])
    assert not any(cart.left[own:]), "what is added costs nothing"


@given(carts.carts, UNCAPPED)
def test_only_what_is_selected_is_discounted_and_no_unit_above_its_cap(order: Order, discount: Discount) -> None:
    effect = Cart(order).apply(discount)
    scope = discount.scope or Scope()
    for item, off in zip(order.items, effect.allocations, strict=True):
        assert off <= item.amount_minor
        assert not off or is_selected(scope, item)
        if scope.max_per_unit_minor is not None:
            assert off <= item.quantity * scope.max_per_unit_minor
    if scope.target == "shipping":
        assert not any(effect.allocations)
    else:
        assert not effect.shipping_discount_minor


@given(carts.carts, carts.discounts, st.randoms(use_true_random=False))
def test_reordering_the_lines_changes_no_total(order: Order, discount: Discount, dice: random.Random) -> None:
    shuffled = list(order.items)
    dice.shuffle(shuffled)
    other = carts.order_of(shuffled, order.shipping_minor)
    one, two = Cart(order).apply(discount), Cart(other).apply(discount)
    assert (one.discount_minor, one.shipping_discount_minor) == (two.discount_minor, two.shipping_discount_minor)
    if (discount.scope or Scope()).target in ("order", "items") and discount.type != "UNIT":
        assert allocated(order, one) == allocated(other, two), "of equal amounts, the first gets the odd unit"


def allocated(order: Order, effect: Effect) -> list[tuple[int, int]]:
    """What each amount got, whichever line it stood on."""
    return sorted((item.amount_minor, off) for item, off in zip(order.items, effect.allocations, strict=False))


@given(carts.carts, UNCAPPED)
def test_writing_units_on_lines_of_their_own_changes_no_total(order: Order, discount: Discount) -> None:
    single = [msgspec.structs.replace(item, quantity=1) for item in order.items for _ in range(item.quantity)]
    effect = Cart(carts.order_of(single, order.shipping_minor)).apply(discount)
    assert effect.discount_minor == Cart(order).apply(discount).discount_minor


@given(carts.carts, UNCAPPED)
def test_units_are_those_that_a_person_would_count_off(order: Order, discount: Discount) -> None:
    """The same by listing every unit, as long as each is discounted by itself."""
    scope = discount.scope or Scope()
    assume(discount.type == "UNIT" or scope.target in ("every", "cheapest", "most_expensive", "from_nth"))
    assume(scope.target != "shipping")
    units = [item.price_minor for item in order.items if is_selected(scope, item) for _ in range(item.quantity)]
    units.sort(reverse=scope.target in ("most_expensive", "from_nth"))
    if scope.target == "from_nth":
        units = units[scope.nth - 1 :]
    if discount.type == "UNIT":
        units = [price for price in sorted(units, reverse=scope.target == "most_expensive") if price][: discount.value]
    elif scope.target in ("cheapest", "most_expensive"):
        units = [price for price in units if price][: scope.units]
    most = 10**12 if scope.max_per_unit_minor is None else scope.max_per_unit_minor
    if discount.type == "PERCENT":
        below = [price for price in units if price * discount.value < most * PPM]
        expected = share(sum(below), discount.value) + most * (len(units) - len(below))
    else:
        expected = sum(min(most, off_one(discount, price)) for price in units)
    assert Cart(order).apply(discount).discount_minor == expected


def off_one(discount: Discount, price: int) -> int:
    if discount.type == "UNIT":
        return price
    return min(price, discount.value) if discount.type == "AMOUNT" else max(0, price - discount.value)


@given(carts.orders, carts.discounts_on(st.none(), carts.caps), st.booleans())
def test_the_fast_path_is_the_cart(order: Order, discount: Discount, of_initial: bool) -> None:
    assume(discount.type != "UNIT")
    effect = Cart(order).apply(discount, of_initial)
    assert effect.discount_minor == discount_minor(discount, order.amount_minor)


@given(carts.short_forms, carts.discounts_on(st.none() | carts.scopes, carts.caps) | carts.gifts)
def test_of_an_order_without_items_nothing_is_known(order: Order, discount: Discount) -> None:
    effect = Cart(order).apply(discount)
    scope = discount.scope or Scope()
    assert effect.allocations == ()
    assert effect.added is None
    if discount.type == "UNIT" or scope.target not in ("order", "shipping"):
        assert effect.is_nothing
    if scope.target == "order" and (scope.include, scope.exclude) != (Selection(), Selection()):
        assert effect.is_nothing


@given(carts.orders, carts.stacks)
def test_a_percentage_of_the_initial_does_not_see_what_came_before(
    order: Order, stack: list[tuple[Discount, bool]]
) -> None:
    cart = Cart(order)
    for discount, of_initial in stack:
        cart.apply(discount, of_initial)
    left = cart.discounted_minor
    off = cart.apply(Discount("PERCENT", 250_000), of_initial=True).discount_minor
    assert off == min(left, share(order.amount_minor, 250_000))


@given(carts.carts, carts.gifts)
def test_a_gift_costs_nothing_and_no_other_discount_is_on_it(order: Order, gift: Discount) -> None:
    plain, cart = Cart(order), Cart(order)
    effect = cart.apply(gift)
    assert gift.added is not None
    assert cart.total_minor == plain.total_minor
    if effect.added is not None:
        assert cart.items[-1] == effect.added
        assert effect.discount_minor == effect.added.quantity * gift.added.price_minor
        assert effect.added.quantity <= gift.value
    for discount in (Discount("PERCENT", PPM // 2), Discount("UNIT", 1), Discount("AMOUNT", 7)):
        assert cart.apply(discount, of_initial=True).discount_minor == plain.apply(discount, True).discount_minor


ITEMS = (Item(2, 1999, sku="TEE"), Item(1, 750, sku="MUG"))


def test_twenty_percent_and_five_off_the_issue_s_order() -> None:
    cart = Cart(Order(4748, ITEMS))
    assert cart.apply(Discount("PERCENT", 200_000)) == Effect(950, (800, 150))
    assert cart.apply(Discount("AMOUNT", 500)) == Effect(500, (421, 79))
    assert cart.total_minor == 3298


def test_the_tie_goes_to_the_item_that_stands_first() -> None:
    cart = Cart(carts.order_of([Item(1, 100, sku="A"), Item(1, 100, sku="B"), Item(1, 100, sku="C")]))
    assert cart.apply(Discount("AMOUNT", 100)).allocations == (34, 33, 33)
    assert cart.apply(Discount("UNIT", 1)).allocations == (66, 0, 0)
    nth = Discount("PERCENT", PPM, None, Scope("from_nth", nth=3))
    assert cart.apply(nth).allocations == (0, 0, 67)


def test_of_equal_amounts_the_first_line_gets_the_odd_unit_though_the_dearest_units_are_sought() -> None:
    order = carts.order_of([Item(2, 50), Item(1, 100)])
    tiny = Discount("PERCENT", 5_000, None, Scope("from_nth"))
    assert Cart(order).apply(tiny).allocations == (1, 0)


def test_a_cap_in_all_is_shared_by_what_each_would_have_got() -> None:
    order = carts.order_of([Item(3, 100), Item(1, 500)])
    assert Cart(order).apply(Discount("AMOUNT", 20, 40, Scope("every"))).allocations == (30, 10)
    assert Cart(order).apply(Discount("PERCENT", 500_000, 100)).allocations == (37, 63)


def test_percentages_of_the_initial_are_of_the_initial_and_amounts_of_what_is_left() -> None:
    order = Order(2000, (Item(1, 1000, sku="A"), Item(1, 1000, sku="B")), 400)
    first = Discount("AMOUNT", 600, None, Scope(include=Selection(skus=("A",))))
    seen = []
    for then in (
        Discount("PERCENT", 250_000),
        Discount("FIXED", 1600),
        Discount("AMOUNT", 140),
        Discount("PERCENT", 250_000, None, Scope("every")),
        Discount("PERCENT", 250_000, None, Scope("cheapest", units=1)),
    ):
        cart = Cart(order)
        cart.apply(first)
        seen.append((cart.effect_of(then).allocations, cart.effect_of(then, of_initial=True).allocations))
    assert seen == [
        ((100, 250), (250, 250)),
        ((0, 0), (200, 200)),
        ((40, 100), (40, 100)),
        ((100, 250), (250, 250)),
        ((100, 0), (250, 0)),
    ]
    cart = Cart(order)
    half = Discount("PERCENT", 600_000, None, Scope("shipping"))
    assert [cart.apply(half, of_initial=True).discount_minor for _ in range(3)] == [240, 160, 0]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(products=("p1",)),
        Selection(skus=("TEE", "X")),
        Selection(categories=("shoes",)),
        Selection(collections=("summer",)),
    ],
)
def test_items_are_selected_by_any_of_their_names(selection: Selection) -> None:
    named = Item(1, 100, "p1", "TEE", ("sale", "shoes"), ("summer",))
    order = carts.order_of([named, Item(1, 100, "TEE", "p1", ("summer",), ("shoes",)), Item(1, 100)])
    off = Discount("AMOUNT", 10, None, Scope("every", include=selection))
    assert Cart(order).apply(off).allocations == (10, 0, 0)
    all_but = Discount("AMOUNT", 10, None, Scope("every", exclude=selection))
    assert Cart(order).apply(all_but).allocations == (0, 10, 10)
    both = Discount("AMOUNT", 10, None, Scope("every", include=selection, exclude=selection))
    assert Cart(order).apply(both).is_nothing
    for unknown in (Scope(include=selection), Scope(exclude=selection), Scope(include=selection, target="items")):
        assert Cart(Order(100)).apply(Discount("AMOUNT", 10, None, unknown)).is_nothing


def test_a_cap_per_unit_cuts_a_percentage_off_and_passes_an_amount_on() -> None:
    order = carts.order_of([Item(1, 10_000), Item(1, 2_000)])
    scope = Scope("order", max_per_unit_minor=500)
    assert Cart(order).apply(Discount("PERCENT", 100_000, None, scope)).allocations == (500, 200)
    assert Cart(order).apply(Discount("AMOUNT", 900, None, scope)).allocations == (500, 400)
    assert Cart(order).apply(Discount("AMOUNT", 900, None, Scope("every", max_per_unit_minor=500))).allocations == (
        500,
        500,
    )


def test_buy_two_get_the_third_free() -> None:
    order = carts.order_of([Item(1, 300), Item(3, 500), Item(2, 400)])
    free = Discount("UNIT", 1, None, Scope("from_nth", nth=3))
    assert Cart(order).apply(free).allocations == (300, 0, 0)
    assert Cart(carts.order_of([Item(2, 500)])).apply(free).is_nothing


def test_a_second_free_unit_is_not_the_one_that_is_free_already() -> None:
    cart = Cart(carts.order_of([Item(1, 100), Item(1, 300)]))
    free = Discount("UNIT", 1)
    assert [cart.apply(free).allocations for _ in range(3)] == [(100, 0), (0, 300), (0, 0)]


def test_a_gift_is_added_whole_or_not_at_all() -> None:
    order = carts.order_of([Item(1, 1000)])
    mug = AddedUnit(750, sku="MUG")
    effect = Cart(order).apply(Discount("UNIT", 3, 2000, None, mug))
    assert effect == Effect(1500, (0, 1500), 0, Item(2, 750, sku="MUG", added=True))
    assert Cart(order).apply(Discount("UNIT", 1, 700, None, mug)).is_nothing
    assert not Cart(order).apply(Discount("UNIT", 1, None, None, AddedUnit(0))).is_nothing


def test_shipping_is_discounted_beside_the_items() -> None:
    cart = Cart(Order(1000, (), 490))
    assert cart.apply(Discount("PERCENT", PPM, None, Scope("shipping"))) == Effect(490, (), 490)
    assert cart.apply(Discount("AMOUNT", 5000)) == Effect(1000)
    assert cart.total_minor == 0
