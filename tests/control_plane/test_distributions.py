"""Distributions: everybody of a segment is given one, whatever dies meanwhile, and nobody two."""

from typing import Any

import pytest

from control_plane.context import Context
from control_plane.distributions import distributing
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from control_plane.publications import giving
from tests.control_plane.bulk import action, counts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

PERCENT = {"discount_type": "PERCENT", "discount_value": 20}
MEMBERS = 120


@pytest.fixture
async def segment(tenancy: Tenancy, owner: Any) -> list[str]:
    """The customers of the segment vip, among three times as many."""
    rows = [(f"cust_{n:03}", ["vip"] if n % 3 == 0 else ["other"]) for n in range(3 * MEMBERS)]
    await owner.executemany(
        "INSERT INTO customers (project_id, id, segments) VALUES ($1, $2, $3)",
        [(tenancy.project_id, *row) for row in rows],
    )
    return [id_ for id_, segments in rows if "vip" in segments]


async def campaign_of(api: Client, context: Context, codes: int, **more: Any) -> str:
    made = created(await api.post("/v1/campaigns", {"name": "Vip", "rules": PERCENT, **more}))
    if codes:
        ok(await api.post("/v1/vouchers/bulk", {"campaign_id": made["id"], "count": codes}), 202)
        await worker.work_off(context)
    return str(made["id"])


async def order(api: Client, campaign_id: str, **more: Any) -> dict[str, Any]:
    body = {"campaign_id": campaign_id, "segment_id": "vip", "once": True, **more}
    return ok(await api.post("/v1/distributions", body), 202)


async def given(owner: Any, campaign_id: str) -> list[tuple[str, str]]:
    """To whom which code was given, as both the publications and the vouchers have it."""
    rows = await owner.fetch("SELECT customer_id, code FROM publications WHERE campaign_id = $1", campaign_id)
    held = await owner.fetch(
        "SELECT customer_id, code FROM vouchers WHERE campaign_id = $1 AND customer_id IS NOT NULL", campaign_id
    )
    assert sorted(map(tuple, rows)) == sorted(map(tuple, held))
    return sorted(map(tuple, rows))


def action_of(tenancy: Tenancy, made: dict[str, Any]) -> Action:
    return Action(tenancy.made.account_id, tenancy.project_id, 1, made["async_action_id"])


async def test_everybody_of_the_segment_is_given_one(
    api: Client, context: Context, owner: Any, segment: list[str]
) -> None:
    id_ = await campaign_of(api, context, 200)
    before = created(await api.post("/v1/publications", {"campaign_id": id_, "customer_id": segment[5]}))
    made = await order(api, id_, name="Spring", metadata={"wave": 1})
    assert (made["object"], made["status"], made["name"]) == ("distribution", "queued", "Spring")
    await worker.work_off(context)
    assert counts(await action(api, made["async_action_id"])) == ("done", MEMBERS, MEMBERS, 0)
    shown = ok(await api.get(f"/v1/distributions/{made['id']}"))
    assert (shown["status"], shown["done_count"], shown["failed_count"]) == ("done", MEMBERS, 0)
    assert ok(await api.get(f"/v1/distributions?campaign_id={id_}"))["data"] == [shown]
    assert ok(await api.get("/v1/distributions"))["data"] == [shown]
    rows = await given(owner, id_)
    assert [customer for customer, _ in rows] == segment
    assert len({code for _, code in rows}) == MEMBERS
    assert (segment[5], before["code"]) in rows, "who had one has it still"
    of_it = ok(await api.get(f"/v1/publications?distribution_id={made['id']}&limit=100"))
    assert len(of_it["data"]) == 100
    assert all(each["metadata"] == {"wave": 1} for each in of_it["data"])
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE object = 'voucher' AND applied_at IS NULL") == 0


async def test_where_codes_run_out_each_that_has_none_is_named(
    api: Client, context: Context, owner: Any, segment: list[str]
) -> None:
    id_ = await campaign_of(api, context, 100)
    made = await order(api, id_)
    await worker.work_off(context)
    shown = await action(api, made["async_action_id"])
    assert counts(shown) == ("done", MEMBERS, 100, MEMBERS - 100)
    assert [failure["code"] for failure in shown["failures"]] == segment[100:]
    assert shown["failures"][0]["reason"].startswith("no_code_left")
    assert [failure["row"] for failure in shown["failures"]] == list(range(101, MEMBERS + 1))
    assert [customer for customer, _ in await given(owner, id_)] == segment[:100]


async def test_where_the_campaign_makes_codes_nobody_goes_without(
    api: Client, context: Context, owner: Any, segment: list[str]
) -> None:
    id_ = await campaign_of(api, context, 10, auto_issue=True)
    await order(api, id_)
    await worker.work_off(context)
    assert [customer for customer, _ in await given(owner, id_)] == segment


async def test_a_worker_that_dies_between_and_within_chunks_leaves_no_double(
    api: Client,
    context: Context,
    owner: Any,
    tenancy: Tenancy,
    segment: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where each is given one more, and nothing but the action's row tells who has had theirs."""
    id_ = await campaign_of(api, context, 200)
    made = await order(api, id_, once=False)
    taken = action_of(tenancy, made)
    await owner.execute("UPDATE async_actions SET status = 'running' WHERE id = $1", taken.id)
    tenant = await worker.tenant_of_action(context, taken)
    assert await worker.make_chunk(context, taken, tenant) is not None
    assert len(await given(owner, id_)) == distributing.CUSTOMERS_A_CHUNK

    calls, real = 0, giving.give

    async def dying(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise RuntimeError("killed")
        return await real(*arguments, **more)

    monkeypatch.setattr("control_plane.distributions.distributing.give", dying)
    with pytest.raises(RuntimeError):
        await worker.make_chunk(context, taken, tenant)
    monkeypatch.undo()
    assert len(await given(owner, id_)) == distributing.CUSTOMERS_A_CHUNK
    await owner.execute("UPDATE async_actions SET locked_until = NULL WHERE id = $1", taken.id)
    await worker.work_off(context)
    assert [customer for customer, _ in await given(owner, id_)] == segment
    assert counts(await action(api, taken.id)) == ("done", MEMBERS, MEMBERS, 0)


async def test_one_that_is_cancelled_stops(api: Client, context: Context, owner: Any, segment: list[str]) -> None:
    id_ = await campaign_of(api, context, 10)
    made = await order(api, id_)
    ok(await api.post(f"/v1/async-actions/{made['async_action_id']}/cancel"))
    await worker.work_off(context)
    assert await given(owner, id_) == []
    assert ok(await api.get(f"/v1/distributions/{made['id']}"))["status"] == "cancelled"
    assert len(segment) == MEMBERS


async def test_what_cannot_be_distributed(api: Client) -> None:
    nowhere = "0" * 26
    body = {"campaign_id": f"cmp_{nowhere}", "segment_id": "vip"}
    assert_problem(await api.post("/v1/distributions", body), "campaign_not_found")
    assert_problem(await api.get(f"/v1/distributions/dst_{nowhere}"), "distribution_not_found")
    assert_problem(await api.get("/v1/distributions/nonsense"), "distribution_not_found")
    bad = {"segment_id": "a\0", "once": 1, "name": "", "metadata": 5, "x": 1}
    pointers = ("/campaign_id", "/segment_id", "/once", "/name", "/metadata", "/x")
    assert_problem(await api.post("/v1/distributions", bad), "invalid_request", *pointers)
