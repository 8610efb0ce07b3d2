"""Decisions: pure, and valid in exactly the interval that they name."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.decisions import Request, decide
from domain.definitions import UNLIMITED, Campaign, Discount, ProjectSettings, Redeemable

SETTINGS = ProjectSettings("prj")
times = st.none() | st.integers(1, 1000)
limits = st.none() | st.integers(0, 5)
discount = st.none() | st.just(Discount("PERCENT", 200_000))
campaigns = st.builds(
    Campaign,
    st.just("cmp_1"),
    st.just("prj"),
    st.just(3),
    st.booleans(),
    discount,
    times,
    times,
    limits,
    limits,
    limits,
    limits,
    st.integers(0, 2),
    st.booleans(),
)
vouchers = st.builds(
    Redeemable,
    st.just("vch_1"),
    st.just("prj"),
    st.just("X"),
    st.just(2),
    st.booleans(),
    st.none(),
    discount,
    times,
    times,
    limits,
    limits,
    limits,
    st.integers(0, 2),
    st.booleans(),
)
requests = st.builds(Request, st.none() | st.just("bob"), st.integers(0, 10_000))


def _in_campaign(voucher: Redeemable, campaign: Campaign | None) -> Redeemable:
    return voucher if campaign is None else msgspec.structs.replace(voucher, campaign_id=campaign.id)


@given(vouchers, st.none() | campaigns, requests, st.integers(0, 1100), st.integers(0, 1100))
def test_g6_a_decision_holds_in_the_interval_that_it_names(
    voucher: Redeemable, campaign: Campaign | None, request: Request, now_ms: int, later_ms: int
) -> None:
    voucher = _in_campaign(voucher, campaign)
    first = decide(voucher, campaign, request, SETTINGS, now_ms, 1)
    assert first.not_before_ms <= now_ms
    assert first.not_after_ms == 0 or now_ms < first.not_after_ms
    if first.not_before_ms <= later_ms and (first.not_after_ms == 0 or later_ms < first.not_after_ms):
        assert decide(voucher, campaign, request, SETTINGS, later_ms, 1).refusal == first.refusal


@given(vouchers, st.none() | campaigns, requests, st.integers(0, 1100))
def test_g1_every_limit_of_the_definition_is_judged_by_a_move(
    voucher: Redeemable, campaign: Campaign | None, request: Request, now_ms: int
) -> None:
    voucher = _in_campaign(voucher, campaign)
    decision = decide(voucher, campaign, request, SETTINGS, now_ms, 1)
    if decision.refusal is not None:
        assert decision.moves == ()
        return
    judged = {move.counter: move.limit for move in decision.moves}
    inherited = campaign.per_code_limit if campaign and voucher.limit is None else voucher.limit
    assert judged["r:vch_1"] == (UNLIMITED if inherited is None else inherited)
    definitions: list[Redeemable | Campaign] = [voucher] if campaign is None else [voucher, campaign]
    for definition in definitions:
        if definition.limit is not None:
            assert judged[f"r:{definition.id}"] == definition.limit
        if definition.budget_minor is not None and decision.discount_minor:
            assert judged[f"b:{definition.id}"] == definition.budget_minor
        if definition.per_customer_limit is not None:
            assert judged[f"u:{definition.id}:bob"] == definition.per_customer_limit
    assert len(judged) == len(decision.moves) == len(decision.refusals)
    assert all(move.amount > 0 for move in decision.moves)
    settings_read = request.customer_id is not None  # whether customers' orders are counted
    assert len(decision.checks) == (1 if campaign is None else 2) + settings_read


@given(vouchers, st.none() | campaigns, st.integers(0, 10_000), st.integers(0, 1100))
def test_a_limit_per_customer_needs_the_customer(
    voucher: Redeemable, campaign: Campaign | None, value: int, now_ms: int
) -> None:
    voucher = _in_campaign(voucher, campaign)
    decision = decide(voucher, campaign, Request(None, value), SETTINGS, now_ms, 1)
    counts = voucher.per_customer_limit is not None or (campaign and campaign.per_customer_limit is not None)
    assert decision.refusal != "customer_required" if not counts else decision.refusal is not None


def test_an_absent_customer_is_zero_only_in_the_epoch_that_first_counted() -> None:
    voucher = Redeemable("vch_1", "prj", "X", 1, False, per_customer_limit=1, counts_customers_since=4)
    for epoch, expected in ((4, True), (5, False)):
        moves = decide(voucher, None, Request("bob", 0), SETTINGS, 0, epoch).moves
        assert [move.absent_is_zero for move in moves if move.counter.startswith("u:")] == [expected]
