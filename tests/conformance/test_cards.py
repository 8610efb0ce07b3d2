"""A gift card between Redis and PostgreSQL, tried on the model: its limit is written by versions that may come late or
never, spends are settled by what PostgreSQL has, and nothing is lost or gained. That Lua does the same, the suite says.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.ledger import CounterState, Item, Mode, Move, Outcome, Position, Settlement
from domain.model import Model
from domain.outcomes import Status, Verdict

CARD = "a:gft_1"
PLENTY = 10**6

amounts = st.integers(1, 40)


class Card(RuleBasedStateMachine):
    """`funded`, `spent` and `version` are PostgreSQL's; what Redis has is the model's."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.entry = 0
        self.funded, self.spent, self.version = 50, 0, 1
        self.untold: list[tuple[int, int]] = []
        self.told = 1
        self.pending: list[int] = []
        self.redeemed: list[int] = []

    @initialize()
    def open(self) -> None:
        self.model.open(False, PLENTY)
        self.hydrate()

    def hydrate(self) -> None:
        state = CounterState(self.funded, self.spent, 0, self.spent, version=self.version)
        change = self.model.changes.get("n:prj", 0)
        assert self.model.hydrate("n:prj", change, self.model.position, [], [(CARD, state)]) is Status.OK

    def ask(self, mode: Mode, amount: int) -> Outcome:
        self.entry += 1
        item = Item(mode, f"rdm_{self.entry}", moves=(Move(CARD, amount, None, PLENTY),))
        return self.model.commit([item], 1_000, Position(self.entry, 0)).outcomes[0]

    @rule(amount=amounts)
    def top_up(self, amount: int) -> None:
        self._change(amount)

    @rule(amount=amounts)
    def take_back(self, amount: int) -> None:
        self._change(-min(amount, self.funded - self.spent))

    def _change(self, amount: int) -> None:
        if amount:
            self.funded, self.version = self.funded + amount, self.version + 1
            self.untold.append((self.version, self.funded))

    @precondition(lambda self: self.untold)
    @rule(at=st.integers(0, 5), is_lost=st.booleans())
    def tell(self, at: int, is_lost: bool) -> None:
        """A change reaches Redis, out of turn perhaps; or its request has died, and the projector tells the newest."""
        version, limit = self.untold.pop(at % len(self.untold))
        if is_lost:
            version, limit = self.version, self.funded
        self.model.apply("n:prj", None, [(CARD, limit)], version, False)
        self.told = max(self.told, version)

    @rule(amount=amounts)
    def spend(self, amount: int) -> None:
        state = self.model.counters[CARD]
        left = (state.limit or 0) - state.used
        said = self.ask(Mode.COMMIT, amount)
        assert (said.verdict is Verdict.GRANTED) == (amount <= left)
        if said.verdict is Verdict.GRANTED:
            self.pending.append(amount)

    @precondition(lambda self: self.pending)
    @rule()
    def settle(self) -> None:
        """As PostgreSQL does: each by itself, and what the card does not have is refused and comes back."""
        refused = 0
        for amount in self.pending:
            if self.spent + amount <= self.funded:
                self.spent += amount
                self.redeemed.append(amount)
            else:
                refused += amount
        settlement = Settlement(CARD, "prj", sum(self.pending), refused)
        status, _ = self.model.confirm(self.model.position, self.model.last_entry, len(self.pending), [settlement], [])
        assert status is Status.OK
        self.pending = []

    @precondition(lambda self: self.redeemed and not self.pending)
    @rule(at=st.integers(0, 5), part=st.integers(1, 40))
    def refund(self, at: int, part: int) -> None:
        """A part of a redemption comes back, when PostgreSQL has it."""
        amount = self.redeemed.pop(at % len(self.redeemed))
        back = min(part, amount)
        self.spent -= back
        if amount > back:
            self.redeemed.append(amount - back)
        self.model.confirm(self.model.position, self.model.last_entry, 0, [Settlement(CARD, "prj", 0, back)], [])

    @precondition(lambda self: not self.pending)
    @rule()
    def lose_redis(self) -> None:
        """A new epoch, in which the card is hydrated. What has not been told yet comes later, and is old by then."""
        self.model, self.told = Model(), self.version
        self.model.open(False, PLENTY)
        self.hydrate()

    @invariant()
    def g1_postgresql_never_has_more_spent_than_funded(self) -> None:
        assert 0 <= self.spent <= self.funded

    @invariant()
    def g4_redis_counts_what_postgresql_has_and_what_is_pending(self) -> None:
        state = self.model.counters.get(CARD)
        if state is not None:
            assert state.used == self.spent + sum(self.pending)
            assert state.version == self.told

    @invariant()
    def g4_once_all_is_told_the_card_is_good_for_just_its_balance(self) -> None:
        if self.told == self.version and not self.pending and CARD in self.model.counters:
            left = self.funded - self.spent
            assert self.ask(Mode.DRY, left + 1).verdict is Verdict.LIMIT
            assert not left or self.ask(Mode.DRY, left).verdict is Verdict.STANDS


def test_g1_g4_no_order_of_top_ups_spends_and_refunds_makes_or_loses_a_cent() -> None:
    run_state_machine_as_test(Card, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))
