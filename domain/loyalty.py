"""Loyalty programs as an admin states them and PostgreSQL stores them, and what decisions read of them.

Must never spend a point: the lots of a card are bounded counters, and the commit judges them.
"""

from typing import Any

import msgspec

from .definitions import PointsReward, PointsTerms


class LoyaltyProgram(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a loyalty program says beside a campaign's rules, as its jsonb column holds it."""

    points: int = 0
    amount_minor: int = 0
    least_points: int = 1
    most_ppm: int = 1_000_000
    rewards: tuple[PointsReward, ...] = ()


def loyalty_program(stored: dict[str, Any]) -> LoyaltyProgram:
    """The program of a campaign's row."""
    return msgspec.convert(stored, LoyaltyProgram)


def points_terms(stored: dict[str, Any]) -> PointsTerms:
    """What decisions read of it."""
    program = loyalty_program(stored)
    return PointsTerms(program.points, program.amount_minor, program.least_points, program.most_ppm, program.rewards)
