"""How the codes of a batch look, and that none can be guessed."""

import re
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from control_plane.vouchers import ordering
from control_plane.vouchers.patterns import Pattern
from tests.control_plane.bulk import counts, worked_off
from tests.control_plane.client import Client, assert_problem, created, ok


async def campaign(api: Client) -> str:
    made = created(await api.post("/v1/campaigns", {"name": "C", "rules": {"discount_value": 20}}))
    campaign_id: str = made["id"]
    return campaign_id


@pytest.mark.parametrize(
    ("spelling", "looks"),
    [
        ({"pattern": "summer-####-####"}, r"SUMMER-[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}"),
        ({"prefix": "vip-", "length": 8}, r"VIP-[A-HJ-NP-Z2-9]{8}"),
        ({"alphabet": "0123456789", "length": 16}, r"[0-9]{16}"),
        ({"prefix": "X_", "alphabet": "abc"}, r"X_[ABC]{12}"),
        ({"pattern": None, "length": None}, r"[A-HJ-NP-Z2-9]{12}"),
    ],
)
async def test_codes_are_spelled_as_ordered(
    api: Client, context: Context, owner: Any, spelling: dict[str, Any], looks: str
) -> None:
    count = 1 if spelling.get("alphabet") == "abc" else 1_500
    if count == 1:
        spelling = {**spelling, "length": 14}
        looks = looks.replace("12", "14")
    body = {"campaign_id": await campaign(api), "count": count, **spelling}
    action_id = ok(await api.post("/v1/vouchers/bulk", body), 202)["async_action_id"]
    assert counts(await worked_off(api, context, action_id)) == ("done", count, count, 0)
    codes = [row["code"] for row in await owner.fetch("SELECT code FROM vouchers")]
    assert len(set(codes)) == count
    assert all(re.fullmatch(looks, code) for code in codes)


async def test_codes_that_could_be_guessed_are_refused_with_the_number_that_is_missing(api: Client) -> None:
    body = {"campaign_id": await campaign(api), "count": 1_000, "prefix": "A", "length": 5}
    problem = assert_problem(await api.post("/v1/vouchers/bulk", body), "invalid_request", "/length")
    assert str(32**5) in problem["errors"][0]["detail"]
    assert str(1_000 * 2**20) in problem["errors"][0]["detail"]
    # 32^6 is exactly a million (2^20) times 1,024.
    ok(await api.post("/v1/vouchers/bulk", {**body, "count": 1_024, "length": 6}), 202)
    assert_problem(
        await api.post("/v1/vouchers/bulk", {**body, "count": 1_025, "length": 6}), "invalid_request", "/length"
    )


@pytest.mark.parametrize(
    ("spelling", "pointers"),
    [
        ({"pattern": "NONE"}, ["/pattern"]),
        ({"pattern": "############", "length": 12}, ["/length"]),
        ({"pattern": "############€"}, ["/pattern"]),
        ({"prefix": "a b"}, ["/prefix"]),
        ({"prefix": "x" * 60}, ["/prefix"]),
        ({"alphabet": "aA"}, ["/alphabet"]),
        ({"alphabet": "A"}, ["/alphabet"]),
        ({"alphabet": "AB-"}, ["/alphabet"]),
        ({"length": 3}, ["/length"]),
        ({"length": 65}, ["/length"]),
    ],
)
async def test_422_of_spellings(api: Client, spelling: dict[str, Any], pointers: list[str]) -> None:
    body = {"campaign_id": await campaign(api), "count": 1, **spelling}
    assert_problem(await api.post("/v1/vouchers/bulk", body), "invalid_request", *pointers)


async def test_a_campaign_takes_so_many_codes_and_no_more(
    api: Client, context: Context, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "MOST_CODES_OF_CAMPAIGN", 100)
    body = {"campaign_id": await campaign(api), "count": 60}
    ok(await api.post("/v1/vouchers/bulk", body), 202)
    assert_problem(await api.post("/v1/vouchers/bulk", body), "invalid_request", "/count")
    await worker.work_off(context)
    assert_problem(await api.post("/v1/vouchers/bulk", body), "invalid_request", "/count")
    ok(await api.post("/v1/vouchers/bulk", {**body, "count": 40}), 202)
    await worker.work_off(context)
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 100


def test_a_pattern_draws_each_code_once() -> None:
    pattern = Pattern("A#B#", "XY")
    assert pattern.count == 4
    assert set(pattern.draw(200)) == {"AXBX", "AXBY", "AYBX", "AYBY"}
