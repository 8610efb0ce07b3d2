"""Loyalty programs as PostgreSQL stores them beside a campaign's rules, and what decisions read of them.

Must never know the API's spelling (major units, percentages): the control plane converts.
"""

from typing import Any, Literal

import msgspec

from domain.definitions import Discount, PointsReward, PointsTerms, Selection
from domain.money import PPM

ORDER_PAID = "order.paid"
"""The type of the event that says an order was paid. Every other type is the shop's own."""

Basis = Literal["total", "amount", "items"]


class EarningRule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an event earns: `points`, or so many for each full `per_minor` of what the order comes to.

    That is, by `of`, the total that was paid, the amount of its items before discounts, or the amount of those that
    `items` selects. `rule` is a condition in the canonical form of the rule language, judged on the event."""

    id: str
    event: str
    points: int
    per_minor: int = 0
    of: Basis = "total"
    items: Selection = Selection()
    rule: dict[str, Any] | None = None
    name: str | None = None


class Expiry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When points expire: so many days after they can be spent, or, `after_months` later, with the month or year."""

    days: int = 0
    end_of: Literal["month", "year"] | None = None
    after_months: int = 0


class LoyaltyTier(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a card stands that has earned `from_points` in all: what it earns is multiplied by the factor."""

    id: str
    name: str
    from_points: int
    factor_ppm: int = PPM


class Reward(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A discount, for a price in points."""

    id: str
    name: str
    points: int
    discount: Discount


class LoyaltyProgram(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a loyalty program says beside a campaign's rules, as its jsonb column holds it.

    `points` of them take `amount_minor` off an order (0: they buy rewards only), at least `least_points` at a time,
    and no more than `most_ppm` of what the order costs. `pending_days` after they were earned they can be spent."""

    points: int = 0
    amount_minor: int = 0
    least_points: int = 1
    most_ppm: int = PPM
    rewards: tuple[Reward, ...] = ()
    earning: tuple[EarningRule, ...] = ()
    pending_days: int = 0
    expiry: Expiry | None = None
    tiers: tuple[LoyaltyTier, ...] = ()


def loyalty_program(stored: dict[str, Any]) -> LoyaltyProgram:
    """The program of a campaign's row."""
    return msgspec.convert(stored, LoyaltyProgram)


def points_terms(stored: dict[str, Any]) -> PointsTerms:
    """What decisions read of it."""
    program = loyalty_program(stored)
    rewards = tuple(PointsReward(reward.id, reward.points, reward.discount) for reward in program.rewards)
    return PointsTerms(program.points, program.amount_minor, program.least_points, program.most_ppm, rewards)


def tier_of(program: LoyaltyProgram, earned_total: int) -> LoyaltyTier | None:
    """The tier of a card that has earned so much in all; None below the first."""
    reached = [tier for tier in program.tiers if tier.from_points <= earned_total]
    return max(reached, key=lambda tier: tier.from_points, default=None)
