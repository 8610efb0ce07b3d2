"""Returns: what comes back, of money and of counters, when a redemption is rolled back whole or in part.

Owns the quote, which is the very rollback that it foretells. Must never refund more than was paid, nor less of it in
all than that once everything has gone: refunds and what is left to pay are what was paid and what lines that were
rolled back had taken off.
"""

from collections.abc import Iterable, Sequence

import msgspec

from .allocation import split
from .definitions import balance_counter, budget_counter, orders_family, points_family
from .events import Line, Redeemed, RolledBack
from .remaining import Remaining, Rest, remaining, rest_of
from .requalifying import Holds, judged_again

__all__ = ["Holds", "ItemRefund", "Quote", "Remaining", "ReturnError"]
__all__ += ["quote_items", "quote_lines", "quote_rest", "remaining"]

_BUDGET, _ORDERS, _BALANCE = budget_counter(""), orders_family(""), balance_counter("")
_POINTS = points_family("")


class ReturnError(ValueError):
    """This cannot come back: more units than are left, an item or a line that is not there, or no longer."""

    def __init__(self, message: str, item: int | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.item = item
        self.line = line


class ItemRefund(msgspec.Struct, frozen=True):
    """Units of an item that come back: what they cost, what of it discounts lose, and the difference."""

    item: int
    units: int
    amount_minor: int
    discount_minor: int
    refund_minor: int


class Quote(msgspec.Struct, frozen=True):
    """A rollback before it takes place, to be decided at `revision`, with the fields of the event.

    `lines` are those that are rolled back by themselves, while the order stands; where the order itself has gone,
    `is_whole` says it of all of them and `lines` is empty. `refund_minor` is that of the items and `shipping_minor`.
    """

    revision: int
    items: tuple[ItemRefund, ...]
    lines: tuple[int, ...]
    discounts: tuple[int, ...]
    refund_minor: int
    shipping_minor: int
    moves: tuple[tuple[str, int], ...]
    is_whole: bool


def quote_items(
    event: Redeemed, rollbacks: Sequence[RolledBack], wanted: Iterable[tuple[int, int]], holds: Holds
) -> Quote:
    """Units of items (number, units) come back. With the last of all goes the rest, shipping included."""
    rest = _open(event, rollbacks)
    units = _units(rest, wanted)
    if units == _everything(rest):
        return _whole(rest, len(rollbacks))
    before = list(rest.discounts)
    kept = [rest.give_back(number, count) for number, count in units]
    nets = [rest.amount_minor(number, count) - off for (number, count), off in zip(units, kept, strict=True)]
    if any(line.terms is not None for line in event.lines):
        should = judged_again(rest, holds)
        losses = [left - new for left, new in zip(rest.discounts, should, strict=True)]
        # Nobody pays because of a return. What it cannot claw back now, a later one may: all is judged again then.
        for line, loss in enumerate(split(min(sum(losses), sum(nets)), losses, losses)):
            rest.discounts[line] -= loss
    lost = [old - new for old, new in zip(before, rest.discounts, strict=True)]
    return _part(rest, len(rollbacks), _refunds(rest, units, kept, sum(lost)), (), lost)


def quote_lines(event: Redeemed, rollbacks: Sequence[RolledBack], lines: Iterable[int]) -> Quote:
    """Redeemables are rolled back whole, while the order stands: it costs more then. What one of them has added to
    the order goes out with it. The last of them is the last of the redemption."""
    rest = _open(event, rollbacks)
    chosen = tuple(sorted(set(lines)))
    if not chosen:
        raise ReturnError("nothing comes back")
    for line in chosen:
        if not 0 <= line < len(event.lines):
            raise ReturnError("there is no such redeemable", line=line)
        if not rest.is_live[line]:
            raise ReturnError("it was rolled back already", line=line)
    gifts = [(gift, line) for line in chosen for gift in rest.gifts_of(line) if rest.units[gift]]
    if gifts and sorted((gift, rest.units[gift]) for gift, _ in gifts) == _everything(rest):
        return _whole(rest, len(rollbacks))
    before = list(rest.discounts)
    items = []
    for gift, line in gifts:
        units, owed = rest.units[gift], rest.discounts[line]
        amount = rest.amount_minor(gift, units)
        items.append(ItemRefund(gift, units, amount, min(amount, owed), max(0, amount - owed)))
    for line in chosen:
        rest.drop(line)
    rest.is_whole = not any(rest.is_live)
    lost = [old - new for old, new in zip(before, rest.discounts, strict=True)]
    return _part(rest, len(rollbacks), tuple(items), chosen, lost)


def quote_rest(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Quote:
    """Everything that is left comes back, shipping included: the redemption is undone."""
    return _whole(_open(event, rollbacks), len(rollbacks))


def _open(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Rest:
    rest = rest_of(event, rollbacks)
    if rest.is_whole:
        raise ReturnError("nothing is left of the redemption")
    return rest


def _units(rest: Rest, wanted: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is wanted, by item."""
    units: dict[int, int] = {}
    for number, count in wanted:
        if not 0 <= number < rest.item_count:
            raise ReturnError("there is no such item", item=number)
        if count < 1:
            raise ReturnError("at least one unit comes back", item=number)
        units[number] = units.get(number, 0) + count
        if units[number] > rest.units[number]:
            raise ReturnError(f"only {rest.units[number]} units are left", item=number)
    if not units:
        raise ReturnError("nothing comes back")
    return sorted(units.items())


def _everything(rest: Rest) -> list[tuple[int, int]]:
    return [(number, count) for number, count in enumerate(rest.item_units()) if count]


def _whole(rest: Rest, revision: int) -> Quote:
    lost, rolled_back = list(rest.discounts), [line for line, live in enumerate(rest.is_live) if live]
    parts = [(number, count) for number, count in enumerate(rest.units) if count]
    kept = [rest.give_back(number, count) for number, count in parts]
    refunds = _refunds(rest, parts, kept, sum(lost))
    rest.drop_all()
    return Quote(
        revision,
        items=tuple([refund for refund in refunds if refund.item < rest.item_count]),
        lines=(),
        discounts=tuple(lost),
        refund_minor=sum(refund.refund_minor for refund in refunds),
        shipping_minor=refunds[-1].refund_minor,
        moves=_moves(rest, rolled_back, lost),
        is_whole=True,
    )


def _part(
    rest: Rest, revision: int, items: tuple[ItemRefund, ...], lines: tuple[int, ...], lost: Sequence[int]
) -> Quote:
    return Quote(
        revision,
        items,
        lines,
        discounts=tuple(lost),
        refund_minor=sum(item.refund_minor for item in items),
        shipping_minor=0,
        moves=_moves(rest, lines, lost),
        is_whole=rest.is_whole,
    )


def _refunds(rest: Rest, parts: Sequence[tuple[int, int]], kept: Sequence[int], lost: int) -> tuple[ItemRefund, ...]:
    """What each part that comes back is worth: what is kept of discounts is known by part, the loss of those that are
    judged again is of the whole order and is shared by what each would else be worth."""
    amounts = [rest.amount_minor(number, count) for number, count in parts]
    nets = [amount - off for amount, off in zip(amounts, kept, strict=True)]
    shares = split(lost - sum(kept), nets, nets)
    return tuple(
        [
            ItemRefund(number, count, amount, amount - net + share, net - share)
            for (number, count), amount, net, share in zip(parts, amounts, nets, shares, strict=True)
        ]
    )


def _moves(rest: Rest, rolled_back: Iterable[int], lost: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """What comes back of each counter: budgets and gift cards get what their lines have lost, and loyalty cards as many
    points as that had cost; uses come back with a line that restores them, and the customer has one order less when
    nothing is left of it."""
    back: dict[str, int] = {}
    restored = {line for line in rolled_back if rest.event.lines[line].restores_use}
    for number, line in enumerate(rest.event.lines):
        points = points_back(line, rest.discounts[number], lost[number]) if line.points and not line.reward else {}
        for counter, amount, _ in line.moves:
            if counter.startswith((_BUDGET, _BALANCE)):
                returned = lost[number]
            elif counter in points:
                returned = points[counter]
            elif counter.startswith(_ORDERS):
                returned = amount if rest.is_whole else 0
            else:
                returned = amount if number in restored else 0
            back[counter] = back.get(counter, 0) + returned
    return tuple([(counter, amount) for counter, amount in back.items() if amount])


def points_back(line: Line, left_minor: int, lost_minor: int) -> dict[str, int]:
    """Points of each lot that come back when a line that had spent them on money off loses `lost_minor` of it and has
    `left_minor` left: in proportion to all that is lost by then, so that nothing depends on the steps. What expires
    last comes back first, because it may still be spent."""
    spent = [(counter, amount) for counter, amount, _ in line.moves if counter.startswith(_POINTS)]
    before, after = (
        line.points * (line.discount_minor - left) // line.discount_minor
        for left in (left_minor + lost_minor, left_minor)
    )
    back: dict[str, int] = {}
    passed = 0
    for counter, amount in reversed(spent):
        back[counter] = min(max(after - passed, 0), amount) - min(max(before - passed, 0), amount)
        passed += amount
    return back
