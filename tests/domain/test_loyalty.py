"""Loyalty: no point is lost or made, whatever is refunded in whatever parts, and expiry is a matter of the moment."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.conditions import Facts
from domain.definitions import Discount, Selection
from domain.loyalty import (
    EarningRule,
    Expiry,
    Happened,
    LotState,
    LoyaltyProgram,
    LoyaltyTier,
    Reward,
    earned,
    lot_of,
    loyalty_program,
    points_terms,
    standing,
    taken_back,
    tier_of,
)
from domain.money import MAX_MINOR
from domain.orders import Customer, Item, Order

DAY_MS = 86_400_000
moments = st.integers(0, 100 * 366 * DAY_MS)
expiries = st.one_of(
    st.builds(Expiry, days=st.integers(1, 3650)),
    st.builds(Expiry, end_of=st.sampled_from(["month", "year"]), after_months=st.integers(0, 120)),
)
programs = st.builds(LoyaltyProgram, pending_days=st.integers(0, 365), expiry=st.none() | expiries)
steps = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=4).map(tuple)


@st.composite
def lots(draw: st.DrawFn) -> list[LotState]:
    """Lots of a card with what was lawfully spent of each, at times from 0 to 50."""
    made = []
    for expires_ms in draw(st.lists(st.integers(0, 60), unique=True, max_size=4)):
        stepped = draw(steps)
        made.append(LotState(expires_ms, stepped, draw(st.integers(0, sum(points for _, points in stepped)))))
    return made


def ms(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


def paid(total_minor: int, order: Order | None = None, type_: str = "order.paid", **more: object) -> Happened:
    order = order or Order(total_minor)
    return Happened(type_, Facts(order, order.amount_minor, **more), total_minor)  # type: ignore[arg-type]


@given(programs, moments)
def test_points_can_be_spent_before_they_expire_and_no_day_earlier_than_promised(
    program: LoyaltyProgram, now_ms: int
) -> None:
    landing = lot_of(program, now_ms)
    due_ms = now_ms + program.pending_days * DAY_MS
    if program.pending_days:
        assert due_ms <= landing.from_ms < due_ms + DAY_MS
        assert landing.from_ms % DAY_MS == 0
    else:
        assert landing.from_ms == 0
    if program.expiry is None:
        assert landing.expires_ms == 0
        return
    assert landing.expires_ms > max(landing.from_ms, now_ms)
    assert landing.expires_ms % DAY_MS == 0
    if program.expiry.days:
        least_ms = (landing.from_ms or now_ms) + program.expiry.days * DAY_MS
        rounding_ms = DAY_MS if program.pending_days + program.expiry.days <= 92 else 31 * DAY_MS
        assert least_ms <= landing.expires_ms < least_ms + rounding_ms


@given(programs, moments)
def test_a_card_that_earns_every_day_has_about_a_hundred_lots_or_one_a_month(
    program: LoyaltyProgram, now_ms: int
) -> None:
    days = range(400)
    landings = [lot_of(program, now_ms + day * DAY_MS) for day in days]
    assert [one.expires_ms for one in landings] == sorted(one.expires_ms for one in landings)
    live = {one.expires_ms for one in landings if not one.expires_ms or one.expires_ms > now_ms + 400 * DAY_MS}
    assert len(live) <= 95


def test_expiry_by_the_calendar() -> None:
    now_ms = ms(2026, 11, 22, 12)
    assert lot_of(LoyaltyProgram(expiry=Expiry(days=30)), now_ms).expires_ms == ms(2026, 12, 23)
    assert lot_of(LoyaltyProgram(expiry=Expiry(days=365)), now_ms).expires_ms == ms(2027, 12, 1)
    assert lot_of(LoyaltyProgram(expiry=Expiry(end_of="month")), now_ms).expires_ms == ms(2026, 12, 1)
    assert lot_of(LoyaltyProgram(expiry=Expiry(end_of="year")), now_ms).expires_ms == ms(2027, 1, 1)
    two_years_on = LoyaltyProgram(expiry=Expiry(end_of="year", after_months=24))
    assert lot_of(two_years_on, now_ms).expires_ms == ms(2029, 1, 1)
    pending = LoyaltyProgram(pending_days=14, expiry=Expiry(end_of="month"))
    landing = lot_of(pending, ms(2026, 11, 22))
    assert (landing.from_ms, landing.expires_ms) == (ms(2026, 12, 6), ms(2027, 1, 1))


@given(lots(), st.integers(0, 70))
def test_nothing_of_a_card_is_lost(card: list[LotState], now_ms: int) -> None:
    has = standing(card, now_ms)
    kept = sum(points for lot in card for _, points in lot.steps) - sum(lot.spent for lot in card)
    assert has.available >= 0
    assert has.pending >= 0
    assert has.available + has.pending + has.expired == kept
    assert sum(points for _, points in has.expiring) <= has.available + has.pending
    assert list(has.expiring) == sorted(has.expiring)


@given(lots(), st.integers(0, 70), st.integers(0, 70))
def test_points_never_come_back_from_expiry_and_pending_ones_only_become_due(
    card: list[LotState], one: int, other: int
) -> None:
    earlier, later = standing(card, min(one, other)), standing(card, max(one, other))
    assert later.expired >= earlier.expired
    assert later.pending <= earlier.pending


def test_points_expire_at_their_very_millisecond_and_are_due_at_theirs() -> None:
    card = [LotState(1_000, ((0, 5), (500, 7)), 2), LotState(0, ((0, 1),), 0)]
    assert (standing(card, 499).available, standing(card, 499).pending) == (4, 7)
    assert (standing(card, 500).available, standing(card, 500).pending) == (11, 0)
    assert (standing(card, 999).available, standing(card, 999).expired) == (11, 0)
    assert (standing(card, 1_000).available, standing(card, 1_000).expired) == (1, 10)
    assert standing(card, 499).expiring == ((1_000, 10),)


@given(st.integers(0, 10**9), st.integers(0, MAX_MINOR), st.lists(st.integers(0, MAX_MINOR), max_size=6))
def test_refunds_in_parts_take_back_what_one_of_the_whole_does(points: int, total: int, parts: list[int]) -> None:
    refunded = back = 0
    for part in parts:
        refunded += part
        more = taken_back(points, total, refunded) - back
        assert more >= 0
        back += more
        assert back <= points
        assert back * total <= points * refunded or refunded >= total  # never more than the share that was refunded
    assert back + (taken_back(points, total, refunded, is_whole=True) - back) == points
    if refunded >= total > 0:
        assert back == points


@given(st.lists(st.integers(0, 10**6), max_size=6), st.integers(1, 500), st.integers(1, 20))
def test_full_steps_of_the_amount_earn(amounts: list[int], per_minor: int, points: int) -> None:
    program = LoyaltyProgram(earning=(EarningRule("r", "order.paid", points, per_minor),))
    for amount in amounts:
        given_ = sum(one.points for one in earned(program, paid(amount), 0))
        assert given_ * per_minor <= amount * points < given_ * per_minor + per_minor * points


def test_what_an_order_earns_of_its_total_its_amount_and_its_items() -> None:
    items = (Item(2, 500, "book", categories=("books",)), Item(1, 300, "pen"))
    order = Order(1_300, items, shipping_minor=400)
    rules = (
        EarningRule("total", "order.paid", 1, 100),
        EarningRule("amount", "order.paid", 2, 100, of="amount"),
        EarningRule("books", "order.paid", 3, 1_000, of="items", items=Selection(categories=("books",))),
        EarningRule("fixed", "order.paid", 7),
        EarningRule("else", "review.written", 9),
    )
    program = LoyaltyProgram(earning=rules)
    assert {one.rule_id: one.points for one in earned(program, paid(1_500, order), 0)} == {
        "total": 15,
        "amount": 26,
        "books": 3,
        "fixed": 7,
    }
    review = paid(0, Order(0), "review.written")
    assert [(one.rule_id, one.points) for one in earned(program, review, 0)] == [("else", 9)]


def test_a_condition_is_judged_on_the_event() -> None:
    rule = {"all": [{"customer.segment": {"eq": "vip"}}, {"metadata.source": {"eq": "app"}}]}
    program = LoyaltyProgram(earning=(EarningRule("r", "order.paid", 5, rule=rule),))
    vip = Customer("c", segments=("vip",))
    assert earned(program, paid(100), 0) == ()
    assert earned(program, paid(100, customer=vip, metadata={"source": "web"}), 0) == ()
    assert len(earned(program, paid(100, customer=vip, metadata={"source": "app"}), 0)) == 1


def test_tiers_multiply_what_is_earned_from_their_points_on() -> None:
    tiers = (LoyaltyTier("s", "Silver", 100, 1_500_000), LoyaltyTier("g", "Gold", 1_000, 2_000_000))
    program = LoyaltyProgram(earning=(EarningRule("r", "order.paid", 1, 100),), tiers=tiers)
    assert tier_of(program, 99) is None
    for total, tier, points in ((99, None, 3), (100, "s", 4), (999, "s", 4), (1_000, "g", 6)):
        reached = tier_of(program, total)
        assert (reached.id if reached else None) == tier
        assert [one.points for one in earned(program, paid(300), total)] == [points]


def test_a_program_is_stored_and_read_again_and_decisions_read_its_terms() -> None:
    discount = Discount("AMOUNT", 500)
    reward = Reward("rwd", "Five off", 250, discount)
    program = LoyaltyProgram(points=100, amount_minor=100, least_points=50, most_ppm=500_000, rewards=(reward,))
    stored = {
        "points": 100,
        "amount_minor": 100,
        "least_points": 50,
        "most_ppm": 500_000,
        "rewards": [{"id": "rwd", "name": "Five off", "points": 250, "discount": ["AMOUNT", 500]}],
    }
    assert loyalty_program(stored) == program
    terms = points_terms(stored)
    assert (terms.points, terms.amount_minor, terms.least_points, terms.most_ppm) == (100, 100, 50, 500_000)
    assert [(one.id, one.points, one.discount) for one in terms.rewards] == [("rwd", 250, discount)]
