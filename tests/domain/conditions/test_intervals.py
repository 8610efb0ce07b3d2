"""A judgement holds in exactly the interval that it names: minute by minute, across changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.conditions import Compiled, Facts, Judgement
from domain.conditions.calendars import DAY_MS, zone
from domain.orders import Customer, Order
from tests.domain.conditions import naive
from tests.domain.conditions.rules_and_facts import MARCH_MS, OCTOBER_MS, Rule, moments, timed_rules
from tests.domain.conditions.test_meaning import compiled

MINUTE_MS = 60_000
COUNTS = [
    {f"redemptions.{holder}.{period}": {"lte": 2, "tz": name}}
    for holder in ("customer", "api_key", "total")
    for period in ("day", "week", "month")
    for name in ("Europe/Paris", "UTC")
]
timed = st.tuples(
    timed_rules(), st.lists(st.sampled_from(COUNTS), max_size=2, unique_by=lambda leaf: next(iter(leaf)))
).map(lambda two: {"all": [two[0], *two[1]]})


def judge(rule: Compiled, at_ms: int) -> Judgement:
    return rule.judge(Facts(Order(0), 0, Customer("bob"), api_key_id="key", now_ms=at_ms))


def within(judgement: Judgement, at_ms: int) -> bool:
    after = judgement.not_after_ms
    return judgement.not_before_ms <= at_ms and (after == 0 or at_ms < after)


@settings(max_examples=60, deadline=None)
@given(timed, moments)
def test_g6_every_minute_of_the_interval_leads_to_the_same_judgement(rule: Rule, at_ms: int) -> None:
    ready = compiled(rule)
    first = judge(ready, at_ms)
    assert within(first, at_ms)
    for step in range(-26 * 60, 26 * 60):
        other_ms = at_ms + step * MINUTE_MS
        other = judge(ready, other_ms)
        assert other.holds == naive.holds(rule, Facts(Order(0), 0, now_ms=other_ms))
        if within(first, other_ms):
            assert other == first


@settings(max_examples=200, deadline=None)
@given(timed, moments)
def test_g6_the_last_moment_is_in_it_and_the_next_is_not(rule: Rule, at_ms: int) -> None:
    ready = compiled(rule)
    first = judge(ready, at_ms)
    if first.not_after_ms:
        assert judge(ready, first.not_after_ms - 1) == first
        assert judge(ready, first.not_before_ms) == first
        assert judge(ready, first.not_after_ms).not_before_ms == first.not_after_ms
        assert judge(ready, first.not_before_ms - 1).not_after_ms == first.not_before_ms


@pytest.mark.parametrize("name", ["Europe/Paris", "Australia/Lord_Howe", "America/Santiago"])
@pytest.mark.parametrize("at_ms", [MARCH_MS, OCTOBER_MS, 1_775_305_800_000, 1_788_667_200_000])
def test_times_of_day_turn_where_the_clock_on_the_wall_does(name: str, at_ms: int) -> None:
    """Every minute of five days around a change: the hours that do not exist, and those that come twice."""
    rules: list[Rule] = [
        {"time.time": {"between": ["01:30", "02:30"], "tz": name}},
        {"time.time": {"between": ["23:30", "00:30"], "tz": name}},
        {"time.hour": {"eq": 2, "tz": name}},
        {"time.hour": {"between": [23, 0], "tz": name}},
        {"time.weekday": {"eq": "sun", "tz": name}},
    ]
    for rule in rules:
        ready = compiled(rule)
        held: Judgement | None = None
        for other_ms in range(at_ms - 60 * 3_600_000, at_ms + 60 * 3_600_000, 5 * MINUTE_MS):
            judgement = judge(ready, other_ms)
            assert judgement.holds == naive.holds(rule, Facts(Order(0), 0, now_ms=other_ms))
            if held is not None:
                assert (judgement == held) == within(held, other_ms)
            held = judgement


def test_a_gap_at_0200_has_no_0230_and_a_fold_has_two() -> None:
    rule = compiled({"time.time": {"between": ["02:30", "02:45"], "tz": "Europe/Paris"}})
    for change_ms, minutes in ((1_774_746_000_000, 0), (1_792_890_000_000, 30)):
        day = range(change_ms - DAY_MS // 4, change_ms + DAY_MS // 4, MINUTE_MS)
        assert sum(judge(rule, at_ms).holds for at_ms in day) == minutes


@pytest.mark.parametrize(
    "name",
    [
        *("UTC", "Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "America/Sao_Paulo", "Africa/Casablanca"),
        *("Pacific/Apia", "America/St_Johns", "Africa/Monrovia", "Antarctica/Troll", "Asia/Pyongyang"),
    ],
)
@pytest.mark.parametrize("year", [1972, 2006, 2011, 2018, 2026])
def test_segments_are_laid_end_to_end_and_each_is_one_date_at_one_offset(name: str, year: int) -> None:
    at_ms = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000
    end_ms = at_ms + 366 * DAY_MS
    while at_ms < end_ms:
        segment = zone(name).segment(at_ms)
        assert segment.start_ms <= at_ms < segment.end_ms <= segment.start_ms + DAY_MS
        for inside_ms in (segment.start_ms, (segment.start_ms + segment.end_ms) // 2, segment.end_ms - 1):
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=inside_ms)
            local = moment.astimezone(ZoneInfo(name))
            assert local.date().isoformat() == segment.date
            assert local.strftime("%a").lower() == segment.weekday
            since_midnight = timedelta(milliseconds=inside_ms - segment.midnight_ms)
            assert local.replace(tzinfo=None) - datetime.combine(local.date(), time()) == since_midnight
        following = zone(name).segment(segment.end_ms)
        assert following.start_ms == segment.end_ms
        assert following[2:] != segment[2:]
        at_ms = segment.end_ms


def test_a_zone_asked_to_and_fro_says_the_same() -> None:
    for at_ms in (MARCH_MS, OCTOBER_MS, MARCH_MS - 1, OCTOBER_MS + 7 * DAY_MS, MARCH_MS):
        fresh = type(zone("Europe/Paris"))("Europe/Paris")
        assert zone("Europe/Paris").segment(at_ms) == fresh.segment(at_ms)


def test_a_rule_without_times_holds_for_ever() -> None:
    judgement = judge(compiled({"all": [{"order.amount": {"gte": 0}}, {"redemptions.customer.total": {"lte": 1}}]}), 5)
    assert (judgement.not_before_ms, judgement.not_after_ms) == (0, 0)


def test_a_judgement_is_not_narrower_than_its_conditions() -> None:
    judgement = judge(compiled({"time.time": {"between": ["18:00", "22:00"]}}), 100 * DAY_MS)
    assert msgspec.structs.asdict(judgement) | {"failing": ()} == {
        "holds": False,
        "code": "rule_not_met",
        "failing": (),
        "counts": (),
        "first_order": None,
        "not_before_ms": 100 * DAY_MS,
        "not_after_ms": 100 * DAY_MS + 18 * 3_600_000,
    }
