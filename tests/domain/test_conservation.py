"""Conservation: whatever a shop is asked, in whatever order, no counter leaves its bounds and no money appears.

The decisions, quotes and events are the real ones; the commit is the model, of which the conformance suite says that
Lua does the same.
"""

from collections import Counter

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.decisions import Request
from domain.definitions import BUDGET_WINDOW_MINOR, ProjectSettings, redemptions_counter
from domain.events import Line, Redeemed, decode
from domain.ledger import CounterHold
from domain.outcomes import Verdict
from domain.returns import quote_rest, remaining
from tests.domain import shelf
from tests.domain.conserved import Spend, draw_quote, of_gifts, owed, wanting
from tests.domain.shop import Sale, Shop, sums_of

GRANTED, LIMITED = Verdict.GRANTED, (Verdict.LIMIT, Verdict.HELD, Verdict.GUARD)

projects = st.builds(
    ProjectSettings,
    st.just(shelf.PROJECT),
    mode=st.sampled_from(["ALL", "PARTIAL"]),
    most_applied=st.sampled_from([2, 30]),
    exclusive_categories=st.sampled_from([(), ("sale",)]),
    percent_of=st.sampled_from(["INITIAL", "DISCOUNTED"]),
    no_effect=st.sampled_from(["SKIP", "APPLY", "REFUSE"]),
    once_per_order=st.booleans(),
    orders_counted_since=st.just(1),
)
_codes = st.sampled_from(shelf.CODES) | st.sampled_from(["CARD", "STAR"])
stacks = st.lists(_codes, min_size=1, max_size=4, unique=True).map(tuple)
sessions = st.sampled_from(["cart_1", "cart_2"])
orders = st.builds(
    shelf.order_of,
    st.integers(0, len(shelf.CARTS)),
    st.sampled_from([None, "ord_1", "ord_2", "ord_3"]),
    st.sampled_from([0, 490]),
)
requests = st.builds(
    lambda customer, order: Request(customer, order.amount_minor, order),
    st.sampled_from(["bob", "eve", "bob", None]),
    orders,
)
numbers = st.integers(0, 50)
spends = st.sampled_from(
    [(None, None, None), (1, 5, None), (700, 60, None), (10**6, 10**6, None), (None, None, "rwd_tenth")]
)
"""What is asked of a gift card, of a loyalty card, and which of its rewards."""


class Conservation(RuleBasedStateMachine):
    """Buyers who redeem, reserve and bring back, an admin who changes limits, and a ledger that is sometimes late."""

    def __init__(self) -> None:
        super().__init__()
        self.ceilings = {redemptions_counter(each.id): each.limit or 0 for each in shelf.CAMPAIGNS.values()}
        self.ended: set[str] = set()
        self.versions: dict[str, int] = {}

    @initialize(project=projects)
    def open(self, project: ProjectSettings) -> None:
        self.shop = Shop(project)

    # -- what may happen -------------------------------------------------------------------------------------------

    @rule(codes=stacks, request=requests, session=st.none() | sessions, spend=spends)
    def redeem(self, codes: tuple[str, ...], request: Request, session: str | None, spend: Spend) -> None:
        request = wanting(request, codes, spend)
        decision, outcome = self.shop.redeem(codes, request, session)
        if outcome is None or outcome.verdict is not GRANTED:
            assert outcome is None or outcome.verdict in (*LIMITED, Verdict.ORDER)
            return
        assert len({move.counter for move in decision.moves}) == len(decision.moves), "merged"
        assert {move.counter: move.amount for move in decision.moves} == sums_of(decision.lines)
        for line in decision.lines:
            self._look_at_card(line)

    @rule(codes=stacks, request=requests, session=sessions, ttl_ms=st.integers(1, 60_000), spend=spends)
    def reserve(self, codes: tuple[str, ...], request: Request, session: str, ttl_ms: int, spend: Spend) -> None:
        request = wanting(request, codes, spend)
        known = len(self.shop.reservations)
        outcome = self.shop.reserve(codes, request, session, ttl_ms)
        assert outcome is None or outcome.verdict in (GRANTED, *LIMITED, Verdict.HOLD_TAKEN)
        if len(self.shop.reservations) > known:
            self.versions[next(reversed(self.shop.reservations))] = self._version()

    @precondition(lambda self: self.shop.reservations)
    @rule(number=numbers)
    def capture(self, number: int) -> None:
        id_ = self._reservation(number)
        codes = self.shop.reservations[id_][2]
        is_live, is_new = self._is_live(id_), self.shop.model.records.get(f"rdm_of_{id_}") is None
        outcome = self.shop.capture(id_)
        changed = self.versions[id_] != self._version() or not {"FIRST", "AGAIN", "C1", "STAR"}.isdisjoint(codes)
        if outcome is None or outcome.verdict is not GRANTED:
            known = outcome is not None and outcome.verdict in (Verdict.ORDER, Verdict.REPLAY)
            assert not is_live or changed or known, f"{outcome}: what is held is there for who holds it"
            return
        assert is_live, "captured while it holds"
        assert is_new, "and once"
        assert not any(hold.owner == id_ for hold in self._holds()), "what it did not take is free"
        self.ended.add(id_)

    @precondition(lambda self: self.shop.reservations)
    @rule(number=numbers, ttl_ms=st.integers(1, 60_000))
    def extend(self, number: int, ttl_ms: int) -> None:
        id_ = self._reservation(number)
        is_live, before = self._is_live(id_), self.shop.reservations[id_][0].expires_ms
        assert (self.shop.extend(id_, ttl_ms).verdict is GRANTED) == is_live
        assert self.shop.reservations[id_][0].expires_ms >= before

    @precondition(lambda self: self.shop.reservations)
    @rule(number=numbers)
    def release(self, number: int) -> None:
        id_ = self._reservation(number)
        is_captured, is_released = (name in self.shop.model.records for name in (f"rdm_of_{id_}", f"y:{id_}"))
        said = self.shop.release(id_).verdict
        assert said is (Verdict.REPLAY if is_released else Verdict.HOLD_GONE if is_captured else GRANTED)
        if not is_captured:
            self.ended.add(id_)

    @precondition(lambda self: self._open_sales())
    @rule(number=numbers, data=st.data(), at_once=st.booleans())
    def bring_back(self, number: int, data: st.DataObject, at_once: bool) -> None:
        """One or two at the same time: the second was decided from what the first has changed."""
        sale = self._open_sales()[number % len(self._open_sales())]
        unsettled = f"x:{sale.event.id}:{len(sale.rollbacks)}" in self.shop.model.records
        quotes = [draw_quote(data, sale) for _ in range(1 + at_once)]
        said = [self.shop.roll_back(sale, quote).verdict for quote in quotes]
        assert said == [*([] if unsettled else [GRANTED]), *[Verdict.KEY_REUSED] * 2][: len(said)]

    @rule()
    def settle(self) -> None:
        self.shop.settle()

    @rule(ms=st.integers(1, 40_000) | st.just(86_400_000))
    def wait(self, ms: int) -> None:
        self.shop.now_ms += ms

    @rule(id_=st.sampled_from(sorted(shelf.CAMPAIGNS)), limit=st.integers(0, 9))
    def change_limit(self, id_: str, limit: int) -> None:
        """The three steps: what may have been granted under the old limit stands."""
        campaign, counter = self.shop.campaigns[id_], redemptions_counter(id_)
        self.shop.campaigns[id_] = msgspec.structs.replace(campaign, limit=limit, version=campaign.version + 1)
        self.ceilings[counter] = max(limit, self._used(counter))

    @rule(amount_minor=st.integers(1, 900))
    def top_up(self, amount_minor: int) -> None:
        self.shop.top_up(amount_minor)

    @rule(lot=st.integers(0, 2), points=st.integers(1, 90), pending_ms=st.sampled_from([0, 0, 25_000]))
    def earn(self, lot: int, points: int, pending_ms: int) -> None:
        self.shop.earn(lot, points, pending_ms)

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def g1_no_counter_leaves_its_bounds(self) -> None:
        granted, returned = self._moved()
        for name, state in self.shop.model.counters.items():
            assert 0 <= state.returned <= state.confirmed <= state.granted
            assert (state.granted, state.returned) == (granted[name], returned[name])
            assert state.held == sum(hold.amount for hold in state.holds)
            assert all(hold.amount > 0 for hold in state.holds)
            assert state.used <= self._ceiling(name)
            for hold in filter(self._lives, state.holds):
                assert hold.owner not in self.ended
                assert hold.amount == sums_of(self.shop.reservations[hold.owner][0].lines)[name]
        assert set(granted) <= set(self.shop.model.counters)

    @invariant()
    def g1_what_is_used_is_what_stands(self) -> None:
        standing: Counter[str] = Counter()
        for sale in self._sales():
            left = remaining(sale.event, sale.rollbacks)
            for number, line in enumerate(sale.event.lines):
                assert owed(line, sale.event.customer_id) <= {(name, amount) for name, amount, _ in line.moves}
                stands = not left.rolled_back[number]
                for counter, amount, _ in line.moves:
                    match counter[:2]:
                        case "b:" | "a:":
                            standing[counter] += left.discounts[number]
                        case "y:" if not line.reward:
                            standing["y:"] += amount
                        case "o:":
                            standing[counter] += amount * (not left.is_whole)
                        case "y:":
                            standing["y:"] += amount * stands
                        case _:
                            standing[counter] += amount * (stands or not line.restores_use)
                if line.points and not line.reward:  # of lots together: which of them is returns.py's to say
                    lost = line.discount_minor - left.discounts[number]
                    standing["y:"] -= line.points * lost // line.discount_minor
        used: Counter[str] = Counter()
        for name, state in self.shop.model.counters.items():
            used["y:" if name.startswith("y:") else name] += state.used
        assert +used == +standing

    @invariant()
    def no_money_appears(self) -> None:
        for sale in self.shop.sales.values():
            paid, left = sale.event.total_minor, remaining(sale.event, sale.rollbacks)
            gifts = [number for number, item in enumerate(sale.event.order.items) if item.added]  # type: ignore[union-attr]
            taken_back = sum(
                sum(each.discounts) - of_gifts(sale.event, each, gifts) for each in sale.rollbacks if each.lines
            )
            refunds = sum(each.refund_minor for each in sale.rollbacks)
            assert refunds + left.total_minor == paid + taken_back
            assert left.refunded_minor == refunds
            assert left.total_minor >= 0
            assert all(each.refund_minor >= 0 for each in sale.rollbacks)
            if not taken_back:
                assert refunds <= paid
            if left.is_whole and sale.rollbacks[-1].lines == ():
                assert left.total_minor == 0

    @invariant()
    def g3_an_order_has_one_redemption_that_stands(self) -> None:
        keys = [sale.event.order.key for sale in self._sales() if sale.is_open and sale.event.order is not None]
        standing = Counter(key for key in keys if key)
        assert not standing or max(standing.values()) == 1

    def teardown(self) -> None:
        """Everything comes back: the shop is as it was, but for uses that are not restored."""
        if not hasattr(self, "shop"):
            return
        self.shop.settle()
        for sale in self._open_sales():
            assert self.shop.roll_back(sale, quote_rest(sale.event, sale.rollbacks)).verdict is GRANTED
        self.shop.settle()
        self.shop.now_ms += 2 * 60_000
        kept = Counter[str]()
        for sale in self.shop.sales.values():
            for line in sale.event.lines:
                if not line.restores_use:
                    kept.update({name: amount for name, amount, _ in line.moves if name[:2] not in ("b:", "o:")})
        states = self.shop.model.counters.items()
        assert {name: state.used for name, state in states if state.used} == +kept
        assert not any(self._lives(hold) for hold in self._holds())
        assert all(state.exposure == 0 for _, state in states)

    def _look_at_card(self, line: Line) -> None:
        """Nothing is spent that has expired, and a card by no more than the order takes."""
        spent = {name: amount for name, amount, _ in line.moves if name[:2] in ("a:", "y:")}
        assert sum(spent.values()) == (line.discount_minor if line.object == "gift_card" else line.points)
        for lot in shelf.STAR.lots:
            if f"y:lcd_STAR:{lot.expires_ms}" in spent:
                assert not lot.expires_ms or lot.expires_ms > self.shop.now_ms

    # -- reading ---------------------------------------------------------------------------------------------------

    def _reservation(self, number: int) -> str:
        return sorted(self.shop.reservations)[number % len(self.shop.reservations)]

    def _is_live(self, id_: str) -> bool:
        """Whether it still holds all that it held: its session's purchases may have used some of it up."""
        live = {name for name, hold in self._named_holds() if hold.owner == id_ and self._lives(hold)}
        return live == set(sums_of(self.shop.reservations[id_][0].lines))

    def _lives(self, hold: CounterHold) -> bool:
        return hold.expires_ms > self.shop.now_ms

    def _named_holds(self) -> list[tuple[str, CounterHold]]:
        return [(name, hold) for name, state in self.shop.model.counters.items() for hold in state.holds]

    def _holds(self) -> list[CounterHold]:
        return [hold for _, hold in self._named_holds()]

    def _open_sales(self) -> list[Sale]:
        return [sale for _, sale in sorted(self.shop.sales.items()) if sale.is_open]

    def _sales(self) -> list[Sale]:
        """All of them, those that the ledger does not know yet too."""
        batches = [batch for _, batch in self.shop.model.stream.values()]
        events = [decode(raw) for batch in batches for raw in batch]
        late = [Sale(event, []) for event in events if isinstance(event, Redeemed)]
        return [*self.shop.sales.values(), *late]

    def _moved(self) -> tuple[Counter[str], Counter[str]]:
        granted, returned = Counter[str](), Counter[str]()
        for sale in self._sales():
            granted.update(sums_of(sale.event.lines))
            for rollback in sale.rollbacks:
                returned.update(dict(rollback.moves or ()))
        return granted, returned

    def _version(self) -> int:
        return sum(campaign.version for campaign in self.shop.campaigns.values())

    def _used(self, counter: str) -> int:
        state = self.shop.model.counters.get(counter)
        return 0 if state is None else state.used

    def _ceiling(self, name: str) -> int:
        """The greatest limit that may have been in force."""
        if name in self.ceilings:
            return self.ceilings[name]
        kind, _, rest = name.partition(":")
        id_, _, more = rest.partition(":")
        campaign = shelf.CAMPAIGNS.get(id_)
        voucher = shelf.VOUCHERS.get(id_.removeprefix("vch_"))
        limit: int | None = None
        match kind:
            case "a":
                limit = self.shop.funded_minor
            case "y":
                limit = sum(
                    points
                    for lot in self.shop.cards["STAR"].lots
                    for from_ms, points in lot.steps
                    if name.endswith(f":{lot.expires_ms}") and from_ms <= self.shop.now_ms
                )
            case "b" if id_ == "tier_T":
                limit = shelf.TIER.budget_minor
            case "r" if id_ == "tier_T":
                limit = shelf.TIER.limit
            case "b":
                limit = campaign.budget_minor if campaign is not None else voucher.budget_minor if voucher else None
            case "u" if campaign is not None:
                limit = campaign.per_customer_limit
            case "t":
                limit = dict(shelf.OFTEN.compiled.limits)[more.split(":")[0]]
            case "r" if voucher is not None:
                parent = shelf.CAMPAIGNS.get(voucher.campaign_id or "")
                limit = voucher.limit if parent is None else parent.per_code_limit
        return BUDGET_WINDOW_MINOR if limit is None else limit


def _run(examples: int, steps: int) -> None:
    # Every example has its own settings of the project, so many short ones see more than a few long ones.
    run_state_machine_as_test(
        Conservation, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )


def test_g1_g3_whatever_a_shop_is_asked_no_counter_leaves_its_bounds_and_no_money_appears() -> None:
    _run(examples=250, steps=40)


@pytest.mark.slow
def test_g1_g3_the_same_for_long_days() -> None:
    _run(examples=1000, steps=80)
