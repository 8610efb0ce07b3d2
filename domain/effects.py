"""What discounts do to an order, one after another, penny by penny.

Owns the cart: what of each item, and of shipping, no discount has taken yet. Must never take more than is left, and
never let the allocations to items differ from the discount by a minor unit.
"""

from collections.abc import Sequence

import msgspec

from .allocation import split
from .definitions import Discount
from .discounts import discount_minor
from .money import PPM, share
from .orders import Item, Order
from .scoping import NOTHING, WHOLE_ORDER, units_in_scope


class Effect(msgspec.Struct, frozen=True):
    """What one discount takes off a cart: `allocations` off each item that the cart has with it (none in the short
    form) and `shipping_discount_minor` off shipping, together `discount_minor`. `added` is what it puts into the
    order, for its price: the last of the allocations is on it."""

    discount_minor: int = 0
    allocations: tuple[int, ...] = ()
    shipping_discount_minor: int = 0
    added: Item | None = None

    @property
    def is_nothing(self) -> bool:
        return not self.discount_minor and self.added is None


class Cart:
    """An order while discounts are applied to it. `left` is per item what no discount has taken yet; an order in its
    short form has no items, and one amount left.

    What is left of an item is spread evenly over its units: two of three cost floor(left * 2 / 3). An order without
    items is one unit of which nothing is known: a selection, and every target but order and shipping, takes nothing
    off it, and nothing is put into it.
    """

    __slots__ = ("amount_minor", "discount_minor", "items", "left", "shipping_left", "shipping_minor")

    def __init__(self, order: Order) -> None:
        self.items: list[Item] = list(order.items)
        self.left = [item.amount_minor for item in order.items] if order.items else [order.amount_minor]
        self.amount_minor = sum(self.left)
        self.shipping_minor = self.shipping_left = order.shipping_minor
        self.discount_minor = 0

    def fork(self) -> "Cart":
        """The same cart once more, for something else to be tried on it."""
        twin = Cart.__new__(Cart)
        twin.items, twin.left = self.items.copy(), self.left.copy()
        twin.amount_minor, twin.discount_minor = self.amount_minor, self.discount_minor
        twin.shipping_minor, twin.shipping_left = self.shipping_minor, self.shipping_left
        return twin

    @property
    def total_minor(self) -> int:
        return self.amount_minor + self.shipping_minor - self.discount_minor

    @property
    def discounted_minor(self) -> int:
        """What the order's own items cost by now: without shipping, and without what discounts have added."""
        if not self.items:
            return self.left[0]
        return sum(left for item, left in zip(self.items, self.left, strict=True) if not item.added)

    def apply(self, discount: Discount, of_initial: bool = False) -> Effect:
        """Apply a discount to what the others have left. `of_initial`: its percentage or fixed price is of what the
        items cost before any discount; it still takes no more than is left."""
        effect = self.effect_of(discount, of_initial)
        self.take(effect)
        return effect

    def payment_of(self, amount_minor: int) -> Effect:
        """What a payment of so much, or of all that is left to pay, takes off each item and off shipping."""
        caps = [*self.left, self.shipping_left]
        offs = split(min(amount_minor, sum(caps)), caps, caps)
        return Effect(sum(offs), tuple(offs[:-1]) if self.items else (), offs[-1])

    def take(self, effect: Effect) -> None:
        """Take off what an effect says; it may be one that was decided before."""
        if effect.added is not None:
            self.items.append(effect.added)
            self.left.append(effect.added.amount_minor)
            self.amount_minor += effect.added.amount_minor
        if not self.items:
            self.left[0] -= effect.discount_minor - effect.shipping_discount_minor
        for number, off in enumerate(effect.allocations):
            self.left[number] -= off
        self.shipping_left -= effect.shipping_discount_minor
        self.discount_minor += effect.discount_minor
        assert self.shipping_left >= 0, "a discount took more than shipping costs"
        assert min(self.left) >= 0, "a discount took more than was left"

    def effect_of(self, discount: Discount, of_initial: bool = False) -> Effect:
        """What the discount would do now, and nothing done."""
        of_initial = of_initial and discount.type in ("PERCENT", "FIXED")
        target = (discount.scope or WHOLE_ORDER).target
        if discount.added is not None:
            return self._add(discount)
        if target == "shipping":
            base = self.shipping_minor if of_initial else self.shipping_left
            off = min(discount_minor(discount, base), self.shipping_left)
            return Effect(off, (0,) * len(self.items), off)
        if not self.items:
            return self._short_form(discount, of_initial)
        parts = units_in_scope(discount, self.items, self.left)
        bases, caps = self._bases(parts, of_initial), self._caps(discount, parts)
        if target in ("order", "items") and discount.type != "UNIT":
            off = min(discount_minor(discount, sum(bases)), self._percentage_in_caps(discount, parts, bases), sum(caps))
            offs = split(off, bases, caps)
        else:
            offs = _each(discount, [units for _, units in parts], bases, caps)
        allocations = [0] * len(self.items)
        for (number, _), taken in zip(parts, offs, strict=True):
            allocations[number] = taken
        return Effect(sum(offs), tuple(allocations))

    def _short_form(self, discount: Discount, of_initial: bool) -> Effect:
        scope = discount.scope or WHOLE_ORDER
        if scope.target != "order" or scope.include != NOTHING or scope.exclude != NOTHING:
            return Effect()
        off = min(discount_minor(discount, self.amount_minor if of_initial else self.left[0]), self.left[0])
        return Effect(off if scope.max_per_unit_minor is None else min(off, scope.max_per_unit_minor))

    def _add(self, discount: Discount) -> Effect:
        """As many units as the caps pay for: nobody is charged for a part of what he did not ask for."""
        assert discount.added is not None, "nothing to add"
        price, units = discount.added.price_minor, discount.value
        most_each = None if discount.scope is None else discount.scope.max_per_unit_minor
        if price and discount.max_minor is not None:
            units = min(units, discount.max_minor // price)
        if most_each is not None and price > most_each:
            units = 0
        if units <= 0 or not self.items:
            return Effect(0, (0,) * len(self.items))
        item = Item(units, price, discount.added.product_id, discount.added.sku, added=True)
        return Effect(item.amount_minor, (*((0,) * len(self.items)), item.amount_minor), 0, item)

    def _percentage_in_caps(self, discount: Discount, parts: Sequence[tuple[int, int]], bases: Sequence[int]) -> int:
        """The most that a percentage with a cap per unit may come to: what one unit's cap cuts off is nobody's, where
        an amount or a price would take it from the others."""
        most_each = None if discount.scope is None else discount.scope.max_per_unit_minor
        if discount.type != "PERCENT" or most_each is None:
            return sum(bases)
        return sum(_percent_each(discount.value, bases, [units * most_each for _, units in parts]))

    def _bases(self, parts: Sequence[tuple[int, int]], of_initial: bool) -> list[int]:
        """What the units cost that the discount is on: at first, or by now."""
        if of_initial:
            return [units * self.items[number].price_minor for number, units in parts]
        return [self.left[number] * units // self.items[number].quantity for number, units in parts]

    def _caps(self, discount: Discount, parts: Sequence[tuple[int, int]]) -> list[int]:
        """The most that may come off these units: what is left of them, and their cap."""
        caps = self._bases(parts, of_initial=False)
        most_each = None if discount.scope is None else discount.scope.max_per_unit_minor
        if most_each is None:
            return caps
        return [min(cap, units * most_each) for cap, (_, units) in zip(caps, parts, strict=True)]


def _each(discount: Discount, units: Sequence[int], bases: Sequence[int], caps: Sequence[int]) -> list[int]:
    """What comes off each part where every unit is discounted by itself: what does not fit under one unit's cap is
    lost, and not another's. Only the cap in all is shared, in proportion to what each part would have got."""
    if discount.type == "UNIT":
        offs = list(caps)
    elif discount.type == "PERCENT":
        offs = _percent_each(discount.value, bases, caps)
    elif discount.type == "AMOUNT":
        offs = [min(count * discount.value, cap) for count, cap in zip(units, caps, strict=True)]
    else:
        wanted = [max(0, base - count * discount.value) for base, count in zip(bases, units, strict=True)]
        offs = [min(off, cap) for off, cap in zip(wanted, caps, strict=True)]
    if discount.max_minor is not None and sum(offs) > discount.max_minor:
        return split(discount.max_minor, offs, offs)
    return offs


def _percent_each(ppm: int, bases: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Parts that reach their cap get it; all others together are rounded once, so that it does not matter on how
    many lines a checkout writes the same units."""
    is_full = [base * ppm >= cap * PPM for base, cap in zip(bases, caps, strict=True)]
    rest = [0 if full else base for base, full in zip(bases, is_full, strict=True)]
    shares = split(share(sum(rest), ppm), rest, caps)
    return [cap if full else off for cap, off, full in zip(caps, shares, is_full, strict=True)]
