"""What an event earns, and what of it is taken back with a refund: whole points, rounded down once.

Must never read a card's balance: only what it has earned in all, which decides its tier.
"""

import msgspec

from domain.conditions import Facts, compile_rule
from domain.money import PPM
from domain.scoping import names

from .programs import EarningRule, LoyaltyProgram, tier_of

MOST_POINTS = 10**9
"""That one rule gives for one event: far from where the sums of a card would lose a point."""


class Happened(msgspec.Struct, frozen=True):
    """An event as earning rules read it. `total_minor` is what was paid for its order, shipping included."""

    type: str
    facts: Facts
    total_minor: int = 0


class Earned(msgspec.Struct, frozen=True):
    """What one rule gives."""

    rule_id: str
    points: int


def earned(program: LoyaltyProgram, happened: Happened, earned_total: int) -> tuple[Earned, ...]:
    """The rules that give something, for a card that has earned `earned_total` so far."""
    tier = tier_of(program, earned_total)
    factor_ppm = PPM if tier is None else tier.factor_ppm
    given = [
        Earned(rule.id, min(_points(rule, happened) * factor_ppm // PPM, MOST_POINTS))
        for rule in program.earning
        if rule.event == happened.type and _holds(rule, happened)
    ]
    return tuple(one for one in given if one.points)


def _holds(rule: EarningRule, happened: Happened) -> bool:
    return rule.rule is None or compile_rule(rule.rule).judge(happened.facts).holds


def _points(rule: EarningRule, happened: Happened) -> int:
    if not rule.per_minor:
        return rule.points
    order = happened.facts.order
    if rule.of == "total":
        basis = happened.total_minor
    elif rule.of == "amount":
        basis = order.amount_minor
    else:
        basis = sum(item.amount_minor for item in order.items if names(rule.items, item))
    return basis // rule.per_minor * rule.points


def taken_back(points: int, total_minor: int, refunded_minor: int, is_whole: bool = False) -> int:
    """How many of an order's points must have been taken back when so much of its total has been refunded in all.

    Of one refund it is the difference to what was taken back before: so parts come to the whole, to the point."""
    if is_whole or refunded_minor >= total_minor > 0:
        return points
    return 0 if total_minor <= 0 else points * max(0, refunded_minor) // total_minor
