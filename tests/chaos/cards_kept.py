"""What was spent of cards, against what can have been on them: S15, and S9 for cards that were said to be empty.

A sweep over the clients' clock. Must never ask the ledger when something happened.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from tests.chaos.amounts import Amounts, Funds, certainly_spent, possibly_spent
from tests.chaos.cards_asked import asked_of, is_of_the_ledger
from tests.chaos.gathered import Basket
from tests.chaos.history import Call, Card
from tests.chaos.judging import Case
from tests.chaos.limits_kept import TOLERANCE_S


class Purse:
    """One card with all stacks that named it."""

    def __init__(self, case: Case, card: Card, baskets: Iterable[Basket]) -> None:
        self.card = card
        self.funds = Funds(card, case.evidence)
        self._baskets = list(baskets)
        self._repeated = case.evidence.setting.repeated

    @cached_property
    def certain(self) -> Amounts:
        return Amounts(certainly_spent(self.card, self._baskets))

    @cached_property
    def possible(self) -> Amounts:
        return Amounts(possibly_spent(self.card, self._baskets, self._repeated))

    def may_be_empty(self, call: Call) -> bool:
        """Whether at some instant of the call it may have had less than was asked of it."""
        asked = asked_of(call, self.card)
        wanted = 1 if asked.amount is None else asked.most
        since, until = call.asked_at - TOLERANCE_S, call.answered_at
        return self.funds.least(since, until) - self.possible.most(since, until) < wanted

    def was_taken_from(self, call: Call) -> bool:
        """Whether while the call was under way, or an earlier attempt of it, something was taken back."""
        asked_at = min(each.asked_at for basket in self._baskets for each in basket.attempts if each.key == call.key)
        return any(since <= call.answered_at and until >= asked_at for since, until in self.funds.taken_back)


def ledger_may_refuse(call: Call, of_cards: dict[tuple[int, str], Purse]) -> bool:
    """Whether PostgreSQL may have had less on a card than Redis: it hears first of what is taken back."""
    named = [of_cards.get((call.tenant, code)) for code in call.target.split("+")]
    return is_of_the_ledger(call) and any(purse is not None and purse.was_taken_from(call) for purse in named)


def purses(case: Case) -> dict[tuple[int, str], Purse]:
    """Every card that is spent of, by tenant and code."""
    by_code: defaultdict[tuple[int, str], list[Basket]] = defaultdict(list)
    for basket in case.gathered.baskets:
        for code in basket.call.target.split("+"):
            by_code[basket.tenant, code].append(basket)
    return {name: Purse(case, card, by_code[name]) for name, card in case.card_of.items()
            if card.object != "promotion_tier"}  # fmt: skip


def check_funds(case: Case) -> None:
    """S15: what was acknowledged was there."""
    for purse in purses(case).values():
        for at, spent in purse.certain.peaks():
            most = purse.funds.most(at)
            if spent > most:
                text = f"{spent} acknowledged at {at:.3f}, {most} at most can have been on it"
                case.report("S15", f"{purse.card.object} {purse.card.id}: {text}")
                break
