"""Promotion tiers over HTTP, by route and status."""

from typing import Any

import msgspec
import pytest

from control_plane.promotion_tiers import services
from domain.definitions import Redeemable, change_scope, redemptions_counter, tier_key
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

TIER = {"name": "10 off from 50", "discount_type": "AMOUNT", "discount_value": 10}
UNKNOWN = "tier_" + "0" * 26


async def in_redis(scripts: Scripts, project_id: str, tier_id: str) -> Redeemable | None:
    key = tier_key(project_id, tier_id)
    _, _, found = await scripts.peek(change_scope(project_id, key), [key])
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=Redeemable)


async def new_campaign(api: Client, type_: str = "PROMOTION", **rules: Any) -> str:
    made = created(await api.post("/v1/campaigns", {"name": "Tiers", "type": type_, "rules": rules}))
    campaign_id: str = made["id"]
    return campaign_id


async def test_201_a_tier_stands_in_redis_with_its_limits(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    limits = {"max_redemptions": 5, "max_redemptions_per_customer": 1, "budget": 100}
    response = await api.post("/v1/promotion-tiers", {**TIER, **limits, "hierarchy": 3})
    body = created(response)
    assert body["id"].startswith("tier_")
    assert (body["object"], body["name"], body["hierarchy"]) == ("promotion_tier", TIER["name"], 3)
    assert (body["status"], body["version"], body["campaign_id"]) == ("active", 1, None)
    assert '"discount_value":10.00' in response.text
    assert body["redemptions"] == {"used": 0, "limit": 5}
    tier = await in_redis(scripts, tenancy.project_id, body["id"])
    assert tier is not None
    assert (tier.object, tier.code, tier.hierarchy, tier.limit) == ("promotion_tier", body["id"], 3, 5)
    assert (tier.budget_minor, tier.per_customer_limit) == (10_000, 1)
    row = await owner.fetchrow("SELECT * FROM counters WHERE id = $1", redemptions_counter(body["id"]))
    assert (row["limit_value"], row["ceiling"]) == (5, 5)
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0
    assert ok(await api.get(f"/v1/promotion-tiers/{body['id']}")) == body


async def test_201_a_tier_inherits_its_campaigns_rules(api: Client) -> None:
    campaign_id = await new_campaign(api, discount_value=20, max_redemptions_per_code=3)
    body = created(await api.post("/v1/promotion-tiers", {"name": "A", "campaign_id": campaign_id}))
    assert (body["campaign_id"], body["discount_value"], body["hierarchy"]) == (campaign_id, None, 0)
    assert body["redemptions"] == {"used": 0, "limit": 3}


async def test_422_tiers(api: Client) -> None:
    body = {"hierarchy": -1, "discount_value": 101, "campaign_id": "", "metadata": [], "code": "A"}
    pointers = [f"/{name}" for name in body]
    assert_problem(await api.post("/v1/promotion-tiers", body), "invalid_request", "/name", *pointers)
    assert_problem(await api.post("/v1/promotion-tiers", {"name": "A"}), "invalid_request", "/discount_value")
    for hierarchy in (1.5, "1", None, 1_000_001):
        answer = await api.post("/v1/promotion-tiers", {**TIER, "hierarchy": hierarchy})
        assert_problem(answer, "invalid_request", "/hierarchy")
    rules = {**TIER, "validation_rules": ["rul_" + "0" * 26]}
    assert_problem(await api.post("/v1/promotion-tiers", rules), "invalid_request", "/validation_rules/0")
    bare = await new_campaign(api)
    answer = await api.post("/v1/promotion-tiers", {"name": "A", "campaign_id": bare})
    assert_problem(answer, "invalid_request", "/discount_value")
    other = await new_campaign(api, "DISCOUNT", discount_value=5)
    answer = await api.post("/v1/promotion-tiers", {"name": "A", "campaign_id": other})
    assert_problem(answer, "invalid_request", "/campaign_id")
    assert ok(await api.get("/v1/promotion-tiers"))["data"] == []


async def test_404_unknown_tiers_and_those_of_others(api: Client, new_tenancy: Any) -> None:
    foreign = created(await (await new_tenancy()).secret.post("/v1/promotion-tiers", TIER))
    for tier_id in (UNKNOWN, foreign["id"], "x", "%00"):
        path = f"/v1/promotion-tiers/{tier_id}"
        assert_problem(await api.get(path), "promotion_tier_not_found")
        assert_problem(await api.patch(path, {}), "promotion_tier_not_found")
        for verb in ("disable", "enable"):
            assert_problem(await api.post(f"{path}/{verb}"), "promotion_tier_not_found")
    answer = await api.post("/v1/promotion-tiers", {**TIER, "campaign_id": "cmp_" + "0" * 26})
    assert_problem(answer, "campaign_not_found")


async def test_g6_a_change_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    made = created(await api.post("/v1/promotion-tiers", {**TIER, "budget": 50}))
    path = f"/v1/promotion-tiers/{made['id']}"
    body = ok(await api.patch(path, {"name": "B", "hierarchy": 7, "discount_value": 12.5, "budget": None}))
    assert (body["name"], body["hierarchy"], body["discount_value"], body["budget"]) == ("B", 7, 12.5, None)
    assert ok(await api.patch(path, {"name": "B"}))["version"] == body["version"] == 2
    tier = await in_redis(scripts, tenancy.project_id, made["id"])
    assert tier is not None
    assert (tier.version, tier.hierarchy, tier.disabled) == (2, 7, False)
    assert_problem(await api.patch(path, {"discount_value": None}), "invalid_request", "/discount_value")
    assert_problem(await api.patch(path, {"campaign_id": "cmp_x"}), "invalid_request", "/campaign_id")
    for verb, status in (("disable", "disabled"), ("enable", "active")):
        body = ok(await api.post(f"{path}/{verb}"))
        assert body["status"] == status
        assert ok(await api.post(f"{path}/{verb}")) == body
        tier = await in_redis(scripts, tenancy.project_id, made["id"])
        assert tier is not None
        assert (tier.disabled, tier.version) == (status == "disabled", body["version"])


async def test_g6_a_change_of_a_tier_moves_the_number_of_all_tiers(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    async def number() -> int:
        _, change, _ = await scripts.peek(f"{tenancy.project_id}:m", [])
        return change

    seen = [await number()]
    made = created(await api.post("/v1/promotion-tiers", TIER))
    seen.append(await number())
    ok(await api.patch(f"/v1/promotion-tiers/{made['id']}", {"hierarchy": 2}))
    seen.append(await number())
    ok(await api.post(f"/v1/promotion-tiers/{made['id']}/disable"))
    seen.append(await number())
    assert seen == sorted(set(seen))


async def test_a_first_limit_of_its_own_keeps_room_for_what_is_on_its_way(api: Client, owner: Any) -> None:
    campaign_id = await new_campaign(api, discount_value=20, max_redemptions_per_code=5)
    tier = created(await api.post("/v1/promotion-tiers", {"name": "A", "campaign_id": campaign_id}))
    path = f"/v1/promotion-tiers/{tier['id']}"
    ok(await api.patch(path, {"max_redemptions_per_code": 2}))
    row = await owner.fetchrow("SELECT * FROM counters WHERE id = $1", redemptions_counter(tier["id"]))
    assert (row["limit_value"], row["parent_id"]) == (2, f"w:{campaign_id}")
    assert_problem(await api.patch(path, {"budget": 5}), "invalid_request", "/budget")


async def test_lists_by_campaign_and_status(api: Client) -> None:
    campaign_id = await new_campaign(api, discount_value=20)
    body = {"name": "A", "campaign_id": campaign_id}
    first, second = [created(await api.post("/v1/promotion-tiers", body)) for _ in range(2)]
    third = created(await api.post("/v1/promotion-tiers", TIER))
    disabled = ok(await api.post(f"/v1/promotion-tiers/{first['id']}/disable"))

    async def listed(query: str) -> list[Any]:
        tiers: list[Any] = ok(await api.get(f"/v1/promotion-tiers?{query}"))["data"]
        return tiers

    assert await listed("") == [third, second, disabled]
    assert await listed(f"campaign_id={campaign_id}") == [second, disabled]
    assert await listed(f"campaign_id={campaign_id}&status=disabled") == [disabled]
    page = ok(await api.get("/v1/promotion-tiers?limit=2"))
    assert await listed(f"limit=2&cursor={page['next_cursor']}") == [disabled]
    assert_problem(await api.get("/v1/promotion-tiers?status=gone"), "invalid_request")


async def test_g3_a_tier_made_twice_with_one_key_is_one(api: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = await api.post("/v1/promotion-tiers", TIER, headers=key)
    again = await api.post("/v1/promotion-tiers", TIER, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert len(ok(await api.get("/v1/promotion-tiers"))["data"]) == 1


async def test_422_more_active_tiers_than_carts_are_held_against(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_ACTIVE", 2)
    first, _ = [created(await api.post("/v1/promotion-tiers", TIER)) for _ in range(2)]
    assert_problem(await api.post("/v1/promotion-tiers", TIER), "invalid_request", "")
    ok(await api.post(f"/v1/promotion-tiers/{first['id']}/disable"))
    created(await api.post("/v1/promotion-tiers", TIER))
    assert_problem(await api.post(f"/v1/promotion-tiers/{first['id']}/enable"), "invalid_request", "")
