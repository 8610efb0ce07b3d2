"""What is left of a redemption after its rollbacks: units, discounts, what is still to pay.

Owns how a kept discount is spread over the units of an item, and the replay of rollbacks. Must never judge a discount
again: requalifying.py does. The arithmetic is that of past rollbacks too, so a change of it needs a new event schema.
"""

from collections.abc import Sequence

import msgspec

from .allocation import split
from .events import Line, OrderPart, Redeemed, RolledBack
from .orders import Item


class Remaining(msgspec.Struct, frozen=True):
    """What a reader sees of it: units left of each item, discount left of each line and whether it was rolled back,
    what was paid back, and what the order costs now. `is_whole`: nothing more can be rolled back."""

    revision: int
    units: tuple[int, ...]
    discounts: tuple[int, ...]
    rolled_back: tuple[bool, ...]
    refunded_minor: int
    total_minor: int
    is_whole: bool


class Spread:
    """A kept discount on one part of the order, spread evenly over its units: when r of q have gone, so has
    floor(discount * r / q), of all lines together. Lines by themselves would round apart, and give back for free
    units what was never paid."""

    __slots__ = ("discount", "gone", "lost", "units")

    def __init__(self, units: int, discount: int) -> None:
        self.units, self.discount, self.gone, self.lost = units, discount, 0, 0

    def lose(self, units: int) -> int:
        """What goes with so many units more."""
        self.gone += units
        before, self.lost = self.lost, self.discount * self.gone // self.units
        return self.lost - before


class Rest:
    """The rest of a redemption while rollbacks are applied to it.

    Its parts are the order's items (or the one amount of the short form), and shipping, last. `kept` is what each line
    still has off each part where its discount is kept; lines that are judged again have no row of their own, but
    like all others what they have left in `discounts`.
    """

    def __init__(self, event: Redeemed) -> None:
        order = event.order or OrderPart()
        self.event = event
        self.parts = (*(order.items or (Item(1, event.order_value_minor),)), Item(1, order.shipping_minor))
        self.item_count = len(order.items)
        self.units = [part.quantity for part in self.parts]
        self.discounts = [line.discount_minor for line in event.lines]
        self.is_live = [True] * len(event.lines)
        self.kept = [_row(line, len(self.parts)) for line in event.lines]
        self.spreads = [self._spread(number) for number in range(len(self.parts))]
        self.refunded_minor = 0
        self.is_whole = False

    @property
    def total_minor(self) -> int:
        """What the order costs now."""
        return sum(map(self.amount_minor, range(len(self.parts)), self.units)) - sum(self.discounts)

    def amount_minor(self, number: int, units: int) -> int:
        """What units of a part cost before any discount."""
        return self.parts[number].price_minor * units

    def item_units(self) -> tuple[int, ...]:
        return tuple(self.units[: self.item_count])

    def gifts_of(self, line: int) -> list[int]:
        """The items that this line's discount has put into the order: no other discount is on them."""
        allocations = self.event.lines[line].allocations
        return [number for number, off in enumerate(allocations) if off and self.parts[number].added]

    def give_back(self, number: int, units: int) -> int:
        """Units of a part go, and with them what the lines that keep their discounts had off them."""
        self.units[number] -= units
        lost = self.spreads[number].lose(units)
        rows = [row[number] for row in self.kept]
        for line, off in enumerate(split(lost, rows, rows)):
            self.kept[line][number] -= off
            self.discounts[line] -= off
        return lost

    def drop(self, line: int) -> None:
        """A line goes, with all that it still has off anything; what the others keep is spread anew."""
        self.is_live[line] = False
        self.discounts[line] = 0
        for number, off in enumerate(self.kept[line]):
            if off:
                self.kept[line][number] = 0
                self.spreads[number] = self._spread(number)

    def drop_all(self) -> None:
        """The order itself has gone."""
        for line in range(len(self.is_live)):
            self.drop(line)
        self.units = [0] * len(self.units)
        self.is_whole = True

    def replay(self, rollback: RolledBack) -> None:
        """Apply a rollback that has taken place."""
        if rollback.moves is None:  # schema 1: all of it, and nobody said what was paid back
            self.refunded_minor += self.total_minor
        self.refunded_minor += rollback.refund_minor
        if rollback.is_whole and not rollback.lines:
            self.drop_all()
            return
        for number, units in rollback.items:
            self.give_back(number, units)
        for line, (terms, lost) in enumerate(zip(self._terms(), rollback.discounts, strict=True)):
            if terms:
                self.discounts[line] -= lost
        for line in rollback.lines:
            self.drop(line)
        self.is_whole = rollback.is_whole

    def _terms(self) -> list[bool]:
        return [line.terms is not None for line in self.event.lines]

    def _spread(self, number: int) -> Spread:
        return Spread(self.units[number], sum(row[number] for row in self.kept))


def rest_of(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Rest:
    """The rest after these rollbacks, which are in order of revision."""
    rest = Rest(event)
    for rollback in rollbacks:
        rest.replay(rollback)
    return rest


def remaining(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Remaining:
    """What is left of a redemption, to show it."""
    rest = rest_of(event, rollbacks)
    return Remaining(
        len(rollbacks),
        rest.item_units(),
        tuple(rest.discounts),
        tuple([not live for live in rest.is_live]),
        rest.refunded_minor,
        rest.total_minor,
        rest.is_whole,
    )


def _row(line: Line, parts: int) -> list[int]:
    """What a line keeps off each part. Items that later lines have added are unknown to it; the short form has no
    allocations, for its one part has all but what is off shipping."""
    if line.terms is not None:
        return [0] * parts
    known = list(line.allocations) or [line.discount_minor - line.shipping_discount_minor]
    return [*known, *[0] * (parts - 1 - len(known)), line.shipping_discount_minor]
