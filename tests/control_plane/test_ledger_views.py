"""What the control plane shows of the ledger: redemptions, quarantine, the numbers of the day."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis

from control_plane.quarantine import services as quarantine
from domain.events import Settled, decode, split_batch
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

LEDGER_SQL = (Path(__file__).parent / "ledger.sql").read_text()


async def fill(owner: Any, tenancy: Tenancy, index: int = 0) -> str:
    """Five redemptions of a project, three of them of its voucher SAVE20, one of those rolled back."""
    voucher = created(await tenancy.secret.post("/v1/vouchers", {"code": "SAVE20", "discount_value": 20}))
    text = LEDGER_SQL.replace("{project}", tenancy.project_id).replace("{account}", tenancy.made.account_id)
    await owner.execute(text.replace("{voucher}", voucher["id"]).replace("{index}", str(index)))
    voucher_id: str = voucher["id"]
    return voucher_id


@pytest.fixture
async def voucher_id(owner: Any, tenancy: Tenancy) -> str:
    return await fill(owner, tenancy)


async def ids(api: Client, query: str = "") -> list[str]:
    return [redemption["id"] for redemption in ok(await api.get(f"/v1/redemptions{query}"))["data"]]


async def test_redemptions_look_as_the_engine_shows_them(api: Client, voucher_id: str) -> None:
    response = await api.get("/v1/redemptions?limit=1")
    shown = ok(response)["data"][0]
    created_at = shown.pop("created_at")
    assert len(created_at) == len("2026-11-21T20:35:09.123Z")
    assert '"discount_applied":18.00' in response.text
    assert shown == {
        "id": "rdm_1",
        "object": "redemption",
        "status": "redeemed",
        "code": "SAVE20",
        "voucher_id": voucher_id,
        "campaign_id": None,
        "customer_id": None,
        "currency": "EUR",
        "order_value": 89.99,
        "discount_applied": 18.0,
        "total": 71.99,
        "idempotency_key": "k-1",
        "rolled_back_at": None,
    }


async def test_redemptions_by_each_filter(api: Client, voucher_id: str) -> None:
    assert await ids(api) == ["rdm_1", "rdm_2", "rdm_3", "rdm_4", "rdm_5"]
    assert await ids(api, "?customer_id=cust_even") == ["rdm_2", "rdm_4"]
    assert await ids(api, f"?voucher_id={voucher_id}") == ["rdm_1", "rdm_2", "rdm_3"]
    assert await ids(api, "?code=save20&customer_id=cust_even") == ["rdm_2"]
    assert await ids(api, "?code=NOPE") == []
    assert await ids(api, "?campaign_id=cmp_1") == ["rdm_5"]
    assert await ids(api, "?status=rolled_back") == ["rdm_3"]
    assert await ids(api, "?created_before=2020-01-01") == []
    assert len(await ids(api, "?created_from=2020-01-01T00:00:00Z")) == 5


async def test_a_stack_is_listed_once_and_found_by_each_of_its_redeemables(
    api: Client, owner: Any, tenancy: Tenancy, voucher_id: str
) -> None:
    await owner.execute(
        "INSERT INTO redemption_lines SELECT project_id, redemption_id, 2, object, 'vch_2', 'cmp_2', 'FIVE', 500, "
        "moves, created_at FROM redemption_lines WHERE project_id = $1 AND redemption_id = 'rdm_1'",
        tenancy.project_id,
    )
    assert await ids(api) == ["rdm_1", "rdm_2", "rdm_3", "rdm_4", "rdm_5"]
    both = [
        {"redeemable": "SAVE20", "voucher_id": voucher_id, "campaign_id": None, "discount_applied": 18.0},
        {"redeemable": "FIVE", "voucher_id": "vch_2", "campaign_id": "cmp_2", "discount_applied": 5.0},
    ]
    for query, code in (("?limit=1", "SAVE20"), ("?campaign_id=cmp_2", "FIVE"), ("?voucher_id=vch_2", "FIVE")):
        (found,) = ok(await api.get(f"/v1/redemptions{query}"))["data"]
        assert (found["id"], found["code"], found["discount_applied"]) == ("rdm_1", code, 18.0)
        assert found["redemptions"] == both
    assert await ids(api, f"?voucher_id={voucher_id}") == ["rdm_1", "rdm_2", "rdm_3"]
    assert await ids(api, "?status=partially_rolled_back") == []


async def test_two_codes_of_one_campaign_in_a_stack_are_one_redemption_of_it(
    api: Client,
    owner: Any,
    tenancy: Tenancy,
    voucher_id: str,
) -> None:
    for line_no in (2, 3):
        await owner.execute(
            "INSERT INTO redemption_lines SELECT project_id, redemption_id, $2::int, object, 'vch_' || $2::int, "
            "'cmp_2', 'FIVE', 500, moves, created_at FROM redemption_lines WHERE project_id = $1 AND line_no = 1",
            tenancy.project_id,
            line_no,
        )
    assert await ids(api, "?campaign_id=cmp_2") == ["rdm_1", "rdm_2", "rdm_3", "rdm_4", "rdm_5"]
    assert await ids(api, "?campaign_id=cmp_2&status=rolled_back") == ["rdm_3"]
    assert await ids(api, "?campaign_id=cmp_2&status=redeemed&limit=2") == ["rdm_1", "rdm_2"]


async def test_redemptions_by_pages(api: Client, voucher_id: str) -> None:
    for query in ("", f"&voucher_id={voucher_id}", "&customer_id=cust_even"):
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = ok(await api.get(f"/v1/redemptions?limit=2{query}{cursor}"))
            found += [redemption["id"] for redemption in page["data"]]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        assert found == await ids(api, f"?limit=100{query}")


async def test_422_query_parameters(api: Client) -> None:
    for query, parameter in (
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("status=new", "status"),
        ("created_from=yesterday", "created_from"),
        ("customer_id=", "customer_id"),
        ("customer_id=%00", "customer_id"),
        ("page=2", "page"),
    ):
        body = assert_problem(await api.get(f"/v1/redemptions?{query}"), "invalid_request")
        assert [error["parameter"] for error in body["errors"]] == [parameter], query
    assert_problem(await api.get(f"/v1/redemptions?customer_id={'x' * 5000}"), "uri_too_long")


async def test_the_overview_of_the_day(api: Client, voucher_id: str, new_tenancy: Any) -> None:
    created(await api.post("/v1/campaigns", {"name": "A"}))
    paused = created(await api.post("/v1/campaigns", {"name": "B"}))
    ok(await api.post(f"/v1/campaigns/{paused['id']}/pause"))
    created(await api.post("/v1/campaigns", {"name": "C", "rules": {"expires_at": "2020-01-01"}}))
    response = await api.get("/v1/analytics/overview")
    body = ok(response)
    assert (body["active_campaigns"], body["redemptions_today"], body["rollbacks_today"]) == (1, 5, 1)
    assert (body["top_code"], body["currency"]) == ("B", "EUR")  # two each that stand, the first by name
    assert '"discount_today":90.00' in response.text
    empty = ok(await (await new_tenancy("JPY")).secret.get("/v1/analytics/overview"))
    assert (empty["redemptions_today"], empty["top_code"], empty["discount_today"]) == (0, None, 0)


async def settled_events(redis_url: str, scripts: Scripts) -> list[Settled]:
    """What stands in the stream, as soon as something does."""
    async with aioredis.Redis.from_url(redis_url) as client:
        reply: Any = await client.xread({scripts.keyspace.stream: "0"}, block=10_000)
    ((_, found),) = reply
    events = [decode(raw) for _, fields in found for raw in split_batch(fields[b"e"])]
    return [event for event in events if isinstance(event, Settled)]


async def test_quarantine_travels_through_the_stream_and_is_202_until_it_is_settled(
    api: Client,
    owner: Any,
    voucher_id: str,
    tenancy: Tenancy,
    scripts: Scripts,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "WAIT_S", 0.2)
    listed = ok(await api.get("/v1/quarantine?status=open"))["data"]
    assert len(listed) == 2
    entry_id = f"qrn_{tenancy.project_id}_1"
    for _ in range(2):
        body = ok(await api.post(f"/v1/quarantine/{entry_id}/apply"), 202)
        assert (body["id"], body["status"], body["pending"]) == (entry_id, "open", True)
    sent = await settled_events(redis_url, scripts)
    assert [(event.quarantine_id, event.action, event.project_id) for event in sent] == [
        (entry_id, "apply", tenancy.project_id)
    ]
    assert sent[0].actor.startswith("key_")


async def test_quarantine_is_200_as_soon_as_the_ledger_has_settled_it(
    api: Client, owner: Any, voucher_id: str, tenancy: Tenancy, scripts: Scripts, redis_url: str
) -> None:
    entry_id, key = f"qrn_{tenancy.project_id}_2", {"Idempotency-Key": "k"}
    asked = asyncio.create_task(api.post(f"/v1/quarantine/{entry_id}/void", headers=key))
    assert [event.action for event in await settled_events(redis_url, scripts)] == ["void"]
    await owner.execute(
        "UPDATE quarantine SET status = 'void', resolved_at = now(), resolved_by = 'x' WHERE id = $1", entry_id
    )
    first = await asked
    body = ok(first)
    assert (body["status"], body["resolved_by"]) == ("void", "x")
    again = await api.post(f"/v1/quarantine/{entry_id}/void", headers=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert_problem(await api.post(f"/v1/quarantine/{entry_id}/apply"), "quarantine_settled")
    for unknown in ("x", "%00"):
        assert_problem(await api.post(f"/v1/quarantine/{unknown}/void"), "quarantine_entry_not_found")


async def test_409_quarantine_that_the_ledger_could_not_apply_may_be_asked_for_again(
    api: Client, owner: Any, voucher_id: str, tenancy: Tenancy, scripts: Scripts, redis_url: str
) -> None:
    entry_id, key = f"qrn_{tenancy.project_id}_1", {"Idempotency-Key": "k"}
    for attempt in (1, 2):
        asked = asyncio.create_task(api.post(f"/v1/quarantine/{entry_id}/apply", headers=key))
        while len(await settled_events(redis_url, scripts)) < attempt:
            await asyncio.wait([asked], timeout=0.01)
        await owner.execute("UPDATE quarantine SET detail = $2 || detail WHERE id = $1", entry_id, "Not so.\n")
        assert assert_problem(await asked, "ledger_refused")["detail"] == "Not so."
    assert await owner.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_503_quarantine_while_no_epoch_is_open(
    api: Client, owner: Any, voucher_id: str, tenancy: Tenancy, scripts: Scripts
) -> None:
    await scripts.close()
    await owner.execute("UPDATE epochs SET state = 'closed', closed_at = now()")
    answer = await api.post(f"/v1/quarantine/qrn_{tenancy.project_id}_1/apply")
    assert_problem(answer, "recovering")
    assert answer.headers["retry-after"] == "1"


async def test_g5_no_route_shows_or_touches_another_tenants_rows(
    tenancy: Tenancy, new_tenancy: Any, owner: Any
) -> None:
    api, other = tenancy.secret, (await new_tenancy()).secret
    await fill(owner, tenancy)
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": {"discount_value": 1}}))["id"]
    voucher = created(await api.post("/v1/vouchers", {"code": "A", "campaign_id": campaign}))["id"]
    action = ok(await api.post("/v1/vouchers/bulk", {"campaign_id": campaign, "count": 1}), 202)["async_action_id"]
    key = created(await api.post("/v1/api-keys"))["id"]
    before = [dict(row) for row in await owner.fetch("SELECT * FROM campaigns")]
    for path in ("campaigns", "vouchers", "async-actions", "redemptions", "quarantine"):
        assert ok(await other.get(f"/v1/{path}")) == {"data": [], "next_cursor": None}
        assert ok(await api.get(f"/v1/{path}"))["data"]
    mine = {shown["id"] for shown in ok(await other.get("/v1/api-keys"))["data"]}
    assert key not in mine
    for method, path, body, code in (
        ("GET", f"campaigns/{campaign}", None, "campaign_not_found"),
        ("PATCH", f"campaigns/{campaign}", {"name": "X"}, "campaign_not_found"),
        ("POST", f"campaigns/{campaign}/pause", None, "campaign_not_found"),
        ("POST", f"campaigns/{campaign}/resume", None, "campaign_not_found"),
        ("POST", "vouchers", {"campaign_id": campaign, "code": "B"}, "campaign_not_found"),
        ("POST", "vouchers/bulk", {"campaign_id": campaign, "count": 1}, "campaign_not_found"),
        ("GET", f"vouchers/{voucher}", None, "voucher_not_found"),
        ("GET", "vouchers/A", None, "voucher_not_found"),
        ("PATCH", f"vouchers/{voucher}", {"max_redemptions": 1}, "voucher_not_found"),
        ("POST", "vouchers/A/disable", None, "voucher_not_found"),
        ("POST", f"vouchers/{voucher}/enable", None, "voucher_not_found"),
        ("GET", f"async-actions/{action}", None, "async_action_not_found"),
        ("POST", f"quarantine/qrn_{tenancy.project_id}_1/apply", None, "quarantine_entry_not_found"),
        ("POST", f"quarantine/qrn_{tenancy.project_id}_1/void", None, "quarantine_entry_not_found"),
        ("DELETE", f"api-keys/{key}", None, "api_key_not_found"),
        ("GET", f"projects/{tenancy.project_id}", None, "project_not_found"),
        ("GET", f"api-keys?project_id={tenancy.project_id}", None, "project_not_found"),
    ):
        assert_problem(await other(method, f"/v1/{path}", body), code)
    foreign = {"Vauchflow-Project": tenancy.project_id}
    assert_problem(await other.get("/v1/vouchers", headers=foreign), "project_not_found")
    assert ok(await other.get(f"/v1/vouchers?campaign_id={campaign}"))["data"] == []
    assert ok(await other.get("/v1/redemptions?code=SAVE20"))["data"] == []
    overview = ok(await other.get("/v1/analytics/overview"))
    assert (overview["redemptions_today"], overview["top_code"], overview["active_campaigns"]) == (0, None, 0)
    assert [dict(row) for row in await owner.fetch("SELECT * FROM campaigns")] == before
    created(await other.post("/v1/vouchers", {"code": "A", "discount_value": 5}))
