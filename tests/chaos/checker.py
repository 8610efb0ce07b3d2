"""The judge: a pure function from a run's evidence to the invariants that did not hold.

Safety S1 to S15 holds at every instant, liveness L1 to L7 when the faults have healed; docs/operating/chaos.md lists
them. Must never talk to anything, and never excuse what the evidence does not excuse.
"""

from tests.chaos.baskets_right import check_baskets
from tests.chaos.cards_kept import check_funds
from tests.chaos.cards_right import check_cards
from tests.chaos.counters_right import check_at_rest, check_counters
from tests.chaos.history import Evidence
from tests.chaos.holds_right import check_holds
from tests.chaos.identity import check_identity
from tests.chaos.judging import Case, Violation
from tests.chaos.limits_kept import check_limits
from tests.chaos.outcomes_known import check_outcomes
from tests.chaos.refusals_right import check_refusals

INVARIANTS = (*(f"S{number}" for number in range(1, 16)), *(f"L{number}" for number in range(1, 8)))


def check(evidence: Evidence) -> list[Violation]:
    """Every violation once, safety first."""
    case = Case(evidence)
    check_counters(case)
    check_limits(case)
    check_identity(case)
    check_outcomes(case)
    check_baskets(case)
    check_holds(case)
    check_cards(case)
    check_funds(case)
    check_refusals(case)
    check_at_rest(case)
    return sorted(set(case.violations), key=lambda found: (INVARIANTS.index(found.invariant), found.text))


def lost(evidence: Evidence) -> int:
    """How many acknowledged redemptions are gone as their class allows, each reported by the system."""
    case = Case(evidence)
    return sum(order.lost for order in case.orders) + sum(basket.lost for basket in case.gathered.baskets)
