"""What the specification itself promises of holds, whatever the order of things: tried on the model alone, with limits
that stay as they are and a clock that the test moves. That Lua does the same, the suite says."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.ledger import CounterHold, HoldUse, Item, Mode, Move, Outcome, Position, Settlement
from domain.model import Model
from domain.outcomes import Verdict

LIMITS = {"r:a": 4, "r:b": 6}
PLENTY = 10**6
SESSIONS = ["cart_1", "cart_2", "cart_3"]

wanted = st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(1, 3), min_size=1)
sessions = st.sampled_from(SESSIONS)


class Conservation(RuleBasedStateMachine):
    """Sessions that reserve, extend, capture, redeem and release; units that are confirmed and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.now_ms = 1_000_000
        self.entry = 0

    @initialize()
    def open(self) -> None:
        self.model.open(False, PLENTY)

    def ask(self, mode: Mode, amounts: dict[str, int], hold: HoldUse | None) -> Outcome:
        self.entry += 1
        moves = tuple(Move(name, amount, LIMITS[name], PLENTY, True) for name, amount in sorted(amounts.items()))
        item = Item(mode, f"x:{self.entry}", moves=moves, hold=hold)
        return self.model.commit([item], self.now_ms, Position(self.entry, 0)).outcomes[0]

    def live(self, name: str) -> list[CounterHold]:
        state = self.model.counters.get(name)
        return [hold for hold in state.holds if hold.expires_ms > self.now_ms] if state is not None else []

    @rule(ms=st.integers(1, 60))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    @rule(
        session=sessions, amounts=wanted, ttl_ms=st.integers(10, 100), number=st.integers(1, 2), extends=st.booleans()
    )
    def reserve(self, session: str, amounts: dict[str, int], ttl_ms: int, number: int, extends: bool) -> None:
        owner = f"rsv_{session}_{number}"
        said = self.ask(Mode.HOLD, amounts, HoldUse(session, owner, self.now_ms + ttl_ms, extends))
        if said.verdict is Verdict.GRANTED:
            mine = [h for name in amounts for h in self.live(name) if h.tag == session]
            assert [(h.owner, h.expires_ms) for h in mine] == [(owner, self.now_ms + ttl_ms)] * len(amounts)

    @rule(session=sessions, amounts=wanted, mode=st.sampled_from([Mode.COMMIT, Mode.DRY]), is_capture=st.booleans())
    def redeem(self, session: str, amounts: dict[str, int], mode: Mode, is_capture: bool) -> None:
        own = {h.owner: (name, h.amount) for name in amounts for h in self.live(name) if h.tag == session}
        held = {name: sum(h.amount for h in self.live(name) if h.tag == session) for name in amounts}
        others = {name: sum(h.amount for h in self.live(name) if h.tag != session) for name in amounts}
        used = {name: self.model.counters[name].used if name in self.model.counters else 0 for name in amounts}
        owner = next(iter(own)) if is_capture and len(own) == 1 else ""
        said = self.ask(mode, amounts, HoldUse(session, owner, required=bool(owner)))
        if all(amount <= held[name] for name, amount in amounts.items()):
            assert said.verdict in (Verdict.GRANTED, Verdict.STANDS), "what a session holds, it gets"
        if said.verdict is Verdict.HELD:
            assert any(used[name] + others[name] + n > LIMITS[name] for name, n in amounts.items())
            assert not any(self._is_gone(name, n) for name, n in amounts.items())
        if said.verdict is Verdict.GRANTED:
            assert not any(h.tag == session for name in amounts for h in self.live(name))
            assert all(self.model.counters[name].used == used[name] + n for name, n in amounts.items())

    def _is_gone(self, name: str, amount: int) -> bool:
        state = self.model.counters.get(name)
        return state is not None and state.confirmed - state.returned + amount > LIMITS[name]

    @rule(amounts=wanted)
    def redeem_without_a_session(self, amounts: dict[str, int]) -> None:
        said = self.ask(Mode.COMMIT, amounts, None)
        if said.verdict is Verdict.LIMIT:
            assert any(self._is_gone(name, amount) for name, amount in amounts.items()), "never false"

    @rule(session=sessions, amounts=wanted, number=st.integers(1, 2))
    def release(self, session: str, amounts: dict[str, int], number: int) -> None:
        owner = f"rsv_{session}_{number}"
        assert self.ask(Mode.RELEASE, amounts, HoldUse(session, owner)).verdict is Verdict.GRANTED
        assert not any(h.owner == owner for name in amounts for h in self.live(name))

    @rule(back=st.integers(0, 2))
    def confirm(self, back: int) -> None:
        """All is settled, and of what is out some comes back."""
        settlements = [
            Settlement(name, "prj", state.exposure, min(back, state.used))
            for name, state in self.model.counters.items()
        ]
        self.model.confirm(self.model.position, self.model.last_entry, 0, settlements, [])

    @invariant()
    def g1_no_counter_leaves_its_bounds(self) -> None:
        for name, state in self.model.counters.items():
            assert state.used >= 0
            assert state.used + sum(hold.amount for hold in self.live(name)) <= LIMITS[name]
            assert state.held == sum(hold.amount for hold in state.holds)
            assert len({hold.tag for hold in state.holds}) == len(state.holds)


def test_g1_g4_no_sequence_of_reservations_and_redemptions_makes_a_counter_leave_its_bounds() -> None:
    run_state_machine_as_test(Conservation, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
