"""Loyalty: programs as an admin states them, what an event earns, and what a card has of it at a moment.

Must never spend a point: the lots of a card are bounded counters, and the commit judges them. Must never read a clock:
what is pending and what has expired is asked of a moment, so there is no job that could come late.
"""

from .earning import MOST_POINTS, Earned, Happened, earned, taken_back
from .lots import Landing, LotState, Standing, lot_of, standing
from .programs import (
    ORDER_PAID,
    EarningRule,
    Expiry,
    LoyaltyProgram,
    LoyaltyTier,
    Reward,
    loyalty_program,
    points_terms,
    tier_of,
)

__all__ = [
    "MOST_POINTS",
    "ORDER_PAID",
    "Earned",
    "EarningRule",
    "Expiry",
    "Happened",
    "Landing",
    "LotState",
    "LoyaltyProgram",
    "LoyaltyTier",
    "Reward",
    "Standing",
    "earned",
    "lot_of",
    "loyalty_program",
    "points_terms",
    "standing",
    "taken_back",
    "tier_of",
]
