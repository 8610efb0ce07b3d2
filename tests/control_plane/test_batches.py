"""Batches of codes: exactly as many as were ordered, whatever is killed on the way."""

import asyncio
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from control_plane.vouchers import generating, ordering
from domain.definitions import change_key
from domain.ids import is_code
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok


async def new_campaign(api: Client, **rules: Any) -> str:
    made = created(await api.post("/v1/campaigns", {"name": "Sale", "rules": {"discount_value": 20, **rules}}))
    campaign_id: str = made["id"]
    return campaign_id


async def order(api: Client, campaign_id: str, count: int, **more: Any) -> str:
    body = ok(await api.post("/v1/vouchers/bulk", {"campaign_id": campaign_id, "count": count, **more}), 202)
    action_id: str = body["async_action_id"]
    return action_id


async def codes_of(owner: Any) -> list[Any]:
    rows: list[Any] = await owner.fetch("SELECT code, rules, status FROM vouchers")
    return rows


async def change_number(scripts: Scripts, project_id: str) -> int:
    _, change, _ = await scripts.peek(project_id, [change_key(project_id)])
    return change


async def test_exactly_so_many_distinct_codes(
    api: Client, context: Context, owner: Any, scripts: Scripts, tenancy: Tenancy
) -> None:
    action_id = await order(api, await new_campaign(api), 12_345)
    body = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (body["status"], body["total_count"], body["done_count"]) == ("queued", 12_345, 0)
    before = await change_number(scripts, tenancy.project_id)
    assert await worker.work_off(context) >= 1
    body = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (body["status"], body["done_count"], body["failed_count"]) == ("done", 12_345, 0)
    rows = await codes_of(owner)
    assert len({row["code"] for row in rows}) == len(rows) == 12_345
    assert all(is_code(row["code"]) and len(row["code"]) == 12 for row in rows)
    assert await change_number(scripts, tenancy.project_id) >= before + 3
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0
    assert await worker.work_off(context) == 0


async def test_each_code_has_a_limit_of_its_own_with_its_counter(api: Client, context: Context, owner: Any) -> None:
    await order(api, await new_campaign(api), 3)
    await worker.work_off(context)
    assert [row["rules"] for row in await codes_of(owner)] == [{"max_redemptions": 1}] * 3
    rows = await owner.fetch("SELECT limit_value, ceiling FROM counters WHERE id LIKE 'r:vch_%'")
    assert [tuple(row) for row in rows] == [(1, 1)] * 3
    shown = ok(await api.get("/v1/vouchers?limit=1"))["data"][0]
    assert shown["redemptions"] == {"used": 0, "limit": 1}


async def test_a_campaigns_limit_per_code_is_inherited(api: Client, context: Context, owner: Any) -> None:
    await order(api, await new_campaign(api, max_redemptions_per_code=4), 2)
    await worker.work_off(context)
    assert [row["rules"] for row in await codes_of(owner)] == [{}] * 2
    assert await owner.fetchval("SELECT count(*) FROM counters WHERE id LIKE 'r:vch_%'") == 0
    shown = ok(await api.get("/v1/vouchers"))["data"]
    assert [voucher["redemptions"] for voucher in shown] == [{"used": 0, "limit": 4}] * 2


async def test_a_batch_is_resumed_after_a_crash_without_doubles(
    api: Client, context: Context, owner: Any, tenancy: Tenancy
) -> None:
    action_id = await order(api, await new_campaign(api), 12_000)
    row = await owner.fetchrow("SELECT project_id, id FROM async_actions")
    batch = Action(tenancy.made.account_id, row["project_id"], 1, row["id"])
    tenant = await worker.tenant_of_action(context, batch)
    # A worker took it, made one chunk and was killed: its lease still runs.
    await owner.execute("UPDATE async_actions SET status = 'running', locked_until = now() + interval '1 minute'")
    assert await worker.make_chunk(context, batch, tenant)
    assert await worker.work_off(context) == 0
    assert ok(await api.get(f"/v1/async-actions/{action_id}"))["done_count"] == generating.CHUNK_CODES
    await owner.execute("UPDATE async_actions SET locked_until = now() - interval '1 second'")
    assert await worker.work_off(context) >= 1
    assert ok(await api.get(f"/v1/async-actions/{action_id}"))["status"] == "done"
    assert await owner.fetchval("SELECT count(DISTINCT code) FROM vouchers") == 12_000
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 12_000


async def test_a_worker_killed_before_its_last_word_is_finished_by_the_next(
    api: Client, context: Context, owner: Any, tenancy: Tenancy
) -> None:
    action_id = await order(api, await new_campaign(api), 10)
    row = await owner.fetchrow("SELECT project_id, id FROM async_actions")
    await owner.execute("UPDATE async_actions SET status = 'running'")
    batch = Action(tenancy.made.account_id, row["project_id"], 1, row["id"])
    assert await worker.make_chunk(context, batch, await worker.tenant_of_action(context, batch))
    await owner.execute("UPDATE async_actions SET locked_until = NULL")
    assert await worker.work_off(context) >= 1
    body = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (body["status"], body["done_count"]) == ("done", 10)


async def test_codes_that_are_taken_are_drawn_anew(
    api: Client, context: Context, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await new_campaign(api)
    drawn = iter([["TAKEN", "FREE1"], ["FREE2"]])

    def draw(prefix: str, count: int) -> tuple[list[str], list[str]]:
        codes = next(drawn)
        assert (prefix, len(codes)) == ("vch", count)
        return [f"vch_{code}" for code in codes], codes

    created(await api.post("/v1/vouchers", {"code": "TAKEN", "discount_value": 1}))
    action_id = await order(api, campaign_id, 2)
    monkeypatch.setattr(generating, "draw_many", draw)
    await worker.work_off(context)
    assert ok(await api.get(f"/v1/async-actions/{action_id}"))["done_count"] == 2
    assert {row["code"] for row in await codes_of(owner)} == {"TAKEN", "FREE1", "FREE2"}


async def test_422_and_404_of_batches(api: Client) -> None:
    campaign_id = await new_campaign(api)
    for count in (0, -1, 50_001, 1.5, "5", None):
        answer = await api.post("/v1/vouchers/bulk", {"campaign_id": campaign_id, "count": count})
        assert_problem(answer, "invalid_request", "/count")
    assert_problem(await api.post("/v1/vouchers/bulk", {}), "invalid_request", "/campaign_id", "/count")
    answer = await api.post("/v1/vouchers/bulk", {"campaign_id": "cmp_x", "count": 1})
    assert_problem(answer, "campaign_not_found")
    bare = created(await api.post("/v1/campaigns", {"name": "No discount"}))
    answer = await api.post("/v1/vouchers/bulk", {"campaign_id": bare["id"], "count": 1})
    assert_problem(answer, "invalid_request", "/campaign_id")
    for action_id in ("act_x", "act_" + "0" * 26):
        assert_problem(await api.get(f"/v1/async-actions/{action_id}"), "async_action_not_found")


async def test_g3_a_batch_ordered_twice_with_one_key_is_one(api: Client, owner: Any) -> None:
    body = {"campaign_id": await new_campaign(api), "count": 5}
    key = {"Idempotency-Key": "k"}
    first = await api.post("/v1/vouchers/bulk", body, headers=key)
    again = await api.post("/v1/vouchers/bulk", body, headers=key)
    assert (again.status_code, again.content) == (202, first.content)
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 1
    listed = ok(await api.get("/v1/async-actions?status=queued"))["data"]
    assert [action["id"] for action in listed] == [first.json()["async_action_id"]]


async def test_orders_that_come_at_once_stay_within_what_a_campaign_takes(
    api: Client, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "MOST_CODES_OF_CAMPAIGN", 1_000)
    campaign_id = await new_campaign(api)
    body = {"campaign_id": campaign_id, "count": 300}
    answers = await asyncio.gather(*(api.post("/v1/vouchers/bulk", body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [422] * 5
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert "this one has or awaits 900" in assert_problem(refused, "invalid_request", "/count")["errors"][0]["detail"]
    assert await owner.fetchval("SELECT sum(total_count) FROM async_actions") == 900
    await order(api, campaign_id, 100)
