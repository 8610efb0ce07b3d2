"""Judging discounts again on what is left of an order when a part of it has been returned.

Owns the policy "requalify". Must never let a discount grow, and never touch one that is kept.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from .allocation import split
from .effects import Cart, Effect
from .events import OrderPart, Terms
from .orders import Order
from .remaining import Rest

Holds = Callable[[dict[str, Any], Order, int], bool]
"""Whether a rule holds for an order, of which earlier discounts have left so much to pay for its items. What a rule
asks of anything but the order counts as met: it was, when the discount was granted."""


def judged_again(rest: Rest, holds: Holds) -> list[int]:
    """What each line's discount is on what is left, the kept ones as they are; 0 for lines that were rolled back.

    Lines are judged in the order in which they were applied. Those that are judged again leave to later ones what
    these keep: both were granted together, and only the first kind may lose by what is returned.
    """
    numbers = [number for number in range(rest.item_count) if rest.units[number]]
    items = [msgspec.structs.replace(rest.parts[number], quantity=rest.units[number]) for number in numbers]
    own = tuple([item for item in items if not item.added])
    shipping = rest.parts[-1].price_minor
    stated = rest.event.order or OrderPart()
    order = Order(sum(item.amount_minor for item in own), own, shipping, stated.id, stated.metadata)
    cart = Cart(Order(0, tuple(items), shipping))
    kept = [_kept(row, numbers) for row in rest.kept]
    discounts = []
    for line, said in enumerate(rest.event.lines):
        effect = kept[line]  # nothing, where it is judged again or was rolled back
        terms = said.terms if rest.is_live[line] else None
        if terms is not None and all(holds(rule, order, cart.discounted_minor) for rule in terms.rules):
            gifts = [numbers.index(gift) for gift in rest.gifts_of(line) if rest.units[gift]]
            effect = _within(_apply(terms, cart, gifts), _room(cart, kept[line + 1 :]), rest.discounts[line])
        cart.take(effect)
        discounts.append(effect.discount_minor)
    return discounts


def _kept(row: Sequence[int], numbers: Sequence[int]) -> Effect:
    allocations = tuple([row[number] for number in numbers])
    return Effect(sum(allocations) + row[-1], allocations, row[-1])


def _apply(terms: Terms, cart: Cart, gifts: Sequence[int]) -> Effect:
    """What was added stays free for as long as the rules hold; nothing is added once more."""
    if terms.discount.added is None:
        return cart.effect_of(terms.discount, terms.of_initial)
    allocations = [0] * len(cart.items)
    for gift in gifts:
        allocations[gift] = cart.left[gift]
    return Effect(sum(allocations), tuple(allocations))


def _room(cart: Cart, later: Sequence[Effect]) -> list[int]:
    """What is left of each item, and of shipping, for a line that must leave to later ones what they keep."""
    reserved = [sum(effect.allocations[number] for effect in later) for number in range(len(cart.items))]
    room = [left - kept for left, kept in zip(cart.left, reserved, strict=True)]
    return [*room, cart.shipping_left - sum(effect.shipping_discount_minor for effect in later)]


def _within(effect: Effect, room: Sequence[int], most: int) -> Effect:
    """The effect, where there is room for it, and in all no more than it was."""
    offs = [
        min(off, free) for off, free in zip([*effect.allocations, effect.shipping_discount_minor], room, strict=True)
    ]
    if sum(offs) > most:
        offs = split(most, offs, offs)
    return Effect(sum(offs), tuple(offs[:-1]), offs[-1])
