"""What a card is worth to an order: how much a gift card pays, how many points of which lots a loyalty card spends.

Decided from what the card's counters looked like a moment ago; whether they still do, the commit says. Must never
call a card empty by itself: where it looks so, a unit too many is asked for, and the commit refuses it, or not yet.
"""

from collections.abc import Sequence

import msgspec

from . import definitions as names
from .decisions import Balance, Found, Surroundings, Wanted
from .definitions import Discount, PointsTerms, Redeemable
from .effects import Cart, Effect
from .ledger import Guard, Move
from .money import share
from .taking import Planned


class Spending(msgspec.Struct, frozen=True):
    """What is spent: the effect on the order, the moves, and until when it holds. `code`: why nothing is. `guards` are
    for what was asked only in order to be refused: it must not be granted because something has come back."""

    code: str | None = None
    effect: Effect = Effect()
    planned: tuple[Planned, ...] = ()
    guards: tuple[Guard, ...] = ()
    points: int = 0
    reward: str = ""
    discount: Discount | None = None
    not_before_ms: int = 0
    not_after_ms: int = 0


class _Usable(msgspec.Struct, frozen=True):
    """A lot that can be spent of now: its counter, its limit at this time, and what is left of that."""

    counter: str
    limit: int
    left: int
    used: int


def spend(found: Found, card: Redeemable, wanted: Wanted, cart: Cart, around: Surroundings, now_ms: int) -> Spending:
    """What the card does for the order as it stands in the cart."""
    if card.object == "gift_card":
        return _pay(card, wanted, cart, around)
    terms = found.campaign.points if found.campaign is not None else None
    if terms is None:
        return Spending("insufficient_points")
    return _spend_points(terms, card, wanted, cart, around, now_ms)


def counters_read(found: Found, wanted: Wanted) -> tuple[str, ...]:
    """The counters that the decision must have seen."""
    card = found.redeemable
    if card is None:
        return ()
    if card.object == "gift_card":
        return () if wanted.amount_minor is not None else (names.balance_counter(card.id),)
    if card.object == "loyalty_card":
        return tuple([names.points_counter(card.id, lot.expires_ms) for lot in card.lots])
    return ()


def _pay(card: Redeemable, wanted: Wanted, cart: Cart, around: Surroundings) -> Spending:
    counter, amount = names.balance_counter(card.id), wanted.amount_minor
    guards: tuple[Guard, ...] = ()
    if amount is None:
        balance = around.balances.get(counter)
        if balance is None or balance.limit is None:
            return Spending("contended")
        left = balance.limit - balance.used - balance.held
        guards = () if left > 0 else (Guard(counter, balance.used),)
        # What is held is asked for where all is: it is refused as held, or a hold has expired and it is all there.
        amount = left if left > 0 else max(left + balance.held, 1)
    effect = cart.payment_of(amount)
    if effect.is_nothing:
        return Spending("no_effect")
    move = Move(counter, effect.discount_minor, None, names.BUDGET_WINDOW_MINOR)
    return Spending(None, effect, ((move, "", "insufficient_balance"),), guards)


def _spend_points(
    terms: PointsTerms, card: Redeemable, wanted: Wanted, cart: Cart, around: Surroundings, now_ms: int
) -> Spending:
    usable, not_before_ms, not_after_ms = _usable(card, around, now_ms)
    if usable is None:
        return Spending("contended")
    spending = _bought(terms, wanted, cart) if wanted.reward is not None else _money_off(terms, wanted, cart, usable)
    if spending.code is None and not usable:
        spending = Spending("insufficient_points")
    if spending.code is not None:
        return msgspec.structs.replace(spending, not_before_ms=not_before_ms, not_after_ms=not_after_ms)
    family = names.points_family(card.id)
    planned = [
        (Move(lot.counter, points, lot.limit, names.BUDGET_WINDOW_MINOR), family, "insufficient_points")
        for lot, points in _taken(usable, spending.points)
    ]
    # Asked without a number, it takes what there is: more than that must be refused.
    is_open = wanted.points is None and wanted.reward is None
    overdrawn = is_open and spending.points > sum(max(lot.left, 0) for lot in usable)
    return msgspec.structs.replace(
        spending,
        planned=tuple(planned),
        guards=tuple([Guard(lot.counter, lot.used) for lot in usable]) if overdrawn else (),
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
    )


def _usable(card: Redeemable, around: Surroundings, now_ms: int) -> tuple[list[_Usable] | None, int, int]:
    """The lots that can be spent of, the first to expire first, and from when until before when that is so; None
    where one has not been looked at."""
    usable: list[_Usable] = []
    not_before_ms = not_after_ms = 0
    for lot in card.lots:
        if lot.expires_ms and now_ms >= lot.expires_ms:
            not_before_ms = max(not_before_ms, lot.expires_ms)
            continue
        begun = [from_ms for from_ms, _ in lot.steps if from_ms <= now_ms]
        ends = [from_ms for from_ms, _ in lot.steps if from_ms > now_ms] + [lot.expires_ms] * bool(lot.expires_ms)
        not_before_ms = max([not_before_ms, *begun])
        not_after_ms = min([*ends, *[not_after_ms] * bool(not_after_ms)], default=0)
        limit = sum(points for from_ms, points in lot.steps if from_ms <= now_ms)
        counter = names.points_counter(card.id, lot.expires_ms)
        balance: Balance | None = around.balances.get(counter)
        if balance is None:
            return None, not_before_ms, not_after_ms
        if limit:
            usable.append(_Usable(counter, limit, limit - balance.used - balance.held, balance.used))
    return usable, not_before_ms, not_after_ms


def _bought(terms: PointsTerms, wanted: Wanted, cart: Cart) -> Spending:
    reward = next((each for each in terms.rewards if each.id == wanted.reward), None)
    if reward is None:
        return Spending("reward_unknown")
    effect = cart.effect_of(reward.discount)
    if effect.is_nothing:
        return Spending("no_effect")
    return Spending(effect=effect, points=reward.points, reward=reward.id, discount=reward.discount)


def _money_off(terms: PointsTerms, wanted: Wanted, cart: Cart, usable: Sequence[_Usable]) -> Spending:
    """As many points as are asked for, or as there are, but no more than the order takes; and none for nothing."""
    room = min(cart.total_minor, share(cart.amount_minor + cart.shipping_minor, terms.most_ppm))
    if not terms.amount_minor or room <= 0:
        return Spending("no_effect")
    least = max(terms.least_points, -(-terms.points // terms.amount_minor))
    most = ((room + 1) * terms.points - 1) // terms.amount_minor
    if most < least:
        return Spending("no_effect")
    asked = wanted.points
    if asked is None:  # where there are too few, the commit says so
        asked = max(sum(max(lot.left, 0) for lot in usable), least)
    elif asked < least:
        return Spending("too_few_points")
    value_minor = min(asked, most) * terms.amount_minor // terms.points
    points = max(-(-value_minor * terms.points // terms.amount_minor), least)
    effect = cart.payment_of(value_minor)
    if effect.is_nothing:
        return Spending("no_effect")
    return Spending(effect=effect, points=points)


def _taken(usable: Sequence[_Usable], points: int) -> list[tuple[_Usable, int]]:
    """Points of each lot, the first to expire first; what no lot has is asked of the last, which then refuses."""
    taken: list[tuple[_Usable, int]] = []
    for lot in usable:
        part = points if lot is usable[-1] else min(points, max(lot.left, 0))
        if part:
            taken.append((lot, part))
        points -= part
    return taken
