"""Campaigns over HTTP, and G6: the three steps of a change."""

from typing import Any

import msgspec
import pytest

from domain.definitions import Campaign, campaign_key, redemptions_counter
from domain.ledger import Item, Mode, Move
from domain.outcomes import Status, Verdict
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import OpenEpoch
from tests.servers.factory import ServerFactory

SALE = {"name": "Summer Sale", "type": "DISCOUNT", "rules": {"discount_value": 20, "max_redemptions": 500}}


async def in_redis(scripts: Scripts, project_id: str, campaign_id: str) -> Campaign | None:
    status, _, found = await scripts.peek(project_id, [campaign_key(campaign_id)])
    assert status is Status.OK
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=Campaign)


async def counter(owner: Any, counter_id: str) -> Any:
    return await owner.fetchrow("SELECT * FROM counters WHERE id = $1", counter_id)


async def unapplied(owner: Any) -> int:
    count: int = await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL")
    return count


async def test_201_as_the_issue_writes_it(api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any) -> None:
    body = created(await api.post("/v1/campaigns", SALE))
    assert body["id"].startswith("cmp_")
    assert (body["status"], body["version"], body["type"]) == ("active", 1, "DISCOUNT")
    assert body["rules"]["discount_type"] == "PERCENT"
    assert body["redemptions"] == {"used": 0, "limit": 500}
    found = await in_redis(scripts, tenancy.project_id, body["id"])
    assert found is not None
    assert found.limit == 500
    row = await counter(owner, redemptions_counter(body["id"]))
    assert (row["limit_value"], row["ceiling"], row["version"]) == (500, 500, 1)
    assert await unapplied(owner) == 0


async def test_201_a_voucher_inherits_its_campaigns_rules(api: Client) -> None:
    campaign = created(
        await api.post("/v1/campaigns", {**SALE, "rules": {"discount_value": 20, "max_redemptions_per_code": 3}})
    )
    voucher = created(await api.post("/v1/vouchers", {"campaign_id": campaign["id"], "code": "SUMMER"}))
    assert (voucher["campaign_id"], voucher["discount_value"]) == (campaign["id"], None)
    assert voucher["redemptions"] == {"used": 0, "limit": 3}
    own = created(await api.post("/v1/vouchers", {"campaign_id": campaign["id"], "max_redemptions_per_code": 7}))
    assert (own["max_redemptions"], own["redemptions"]["limit"]) == (7, 7)


async def test_422_campaigns(api: Client) -> None:
    rules = {"discount_value": 101, "max_redemptions": 0, "budget": 0.001, "starts_at": 5, "x": 1, "timezone": "No"}
    body = {"type": "GIFT", "rules": rules, "metadata": {"a": "\x00"}, "surprise": True}
    pointers = [f"/rules/{name}" for name in rules]
    assert_problem(
        await api.post("/v1/campaigns", body),
        "invalid_request",
        "/name",
        "/type",
        "/metadata/a",
        "/surprise",
        *pointers,
    )
    assert_problem(await api.post("/v1/campaigns", {"name": "x", "rules": []}), "invalid_request", "/rules")
    twice = {"name": "x", "metadata": {}, "rules": {"metadata": {}}}
    assert_problem(await api.post("/v1/campaigns", twice), "invalid_request", "/rules/metadata")


async def test_404_unknown_campaigns(api: Client) -> None:
    for campaign_id in ("cmp_" + "0" * 26, "x", "%00"):
        path = f"/v1/campaigns/{campaign_id}"
        assert_problem(await api.get(path), "campaign_not_found")
        assert_problem(await api.patch(path, {}), "campaign_not_found")
        assert_problem(await api.post(f"{path}/pause"), "campaign_not_found")
        assert_problem(await api.post(f"{path}/resume"), "campaign_not_found")


async def test_patch_is_partial_and_null_removes(api: Client) -> None:
    campaign = created(await api.post("/v1/campaigns", {**SALE, "metadata": {"a": 1}}))
    path = f"/v1/campaigns/{campaign['id']}"
    body = ok(await api.patch(path, {"rules": {"max_redemptions": 400}}))
    assert (body["version"], body["rules"]["max_redemptions"], body["rules"]["discount_value"]) == (2, 400, 20)
    assert (body["name"], body["metadata"], body["rules"]["metadata"]) == ("Summer Sale", {"a": 1}, {"a": 1})
    assert ok(await api.patch(path, {"rules": {"max_redemptions": 400}, "name": "Summer Sale"}))["version"] == 2
    assert ok(await api.patch(path, {}))["version"] == 2
    body = ok(await api.patch(path, {"rules": {"max_redemptions": None}, "name": "Autumn"}))
    assert (body["version"], body["rules"]["max_redemptions"], body["name"]) == (3, None, "Autumn")
    assert_problem(
        await api.patch(path, {"rules": {"discount_value": None}}), "invalid_request", "/rules/discount_value"
    )


async def test_g6_pause_and_resume_are_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    campaign = created(await api.post("/v1/campaigns", SALE))
    for verb, status, paused in (("pause", "paused", True), ("resume", "active", False)):
        body = ok(await api.post(f"/v1/campaigns/{campaign['id']}/{verb}"))
        assert body["status"] == status
        assert ok(await api.post(f"/v1/campaigns/{campaign['id']}/{verb}")) == body
        found = await in_redis(scripts, tenancy.project_id, campaign["id"])
        assert found is not None
        assert (found.paused, found.version) == (paused, body["version"])


async def redeem(scripts: Scripts, campaign_id: str, units: int) -> None:
    """Units taken in Redis, as the engine takes them; nothing of them is in the ledger."""
    move = Move(redemptions_counter(campaign_id), units, 10**6, 10**6)
    reply = await scripts.commit([Item(Mode.COMMIT, payload=b"\xc0", moves=(move,))])
    assert reply.outcomes[0].verdict is Verdict.GRANTED


async def test_g6_a_limit_lowered_below_what_is_used_keeps_its_ceiling_there(
    api: Client, scripts: Scripts, owner: Any
) -> None:
    campaign = created(await api.post("/v1/campaigns", SALE))
    await redeem(scripts, campaign["id"], 450)
    body = ok(await api.patch(f"/v1/campaigns/{campaign['id']}", {"rules": {"max_redemptions": 400}}))
    assert body["redemptions"] == {"used": 0, "limit": 400}
    row = await counter(owner, redemptions_counter(campaign["id"]))
    assert (row["limit_value"], row["ceiling"], row["version"]) == (400, 450, 2)
    assert await unapplied(owner) == 0
    ok(await api.patch(f"/v1/campaigns/{campaign['id']}", {"rules": {"max_redemptions": 420}}))
    assert (await counter(owner, redemptions_counter(campaign["id"])))["ceiling"] == 450


async def test_g6_redis_away_answers_202_and_keeps_the_change(
    server_factory: ServerFactory, open_epoch: OpenEpoch, owner: Any, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    campaign = created(await api.post("/v1/campaigns", SALE))
    path = f"/v1/campaigns/{campaign['id']}"
    valkey.kill()
    body = ok(await api.patch(path, {"rules": {"max_redemptions": 400}}), 202)
    assert (body["pending"], body["version"], body["rules"]["max_redemptions"]) == (True, 2, 400)
    row = await counter(owner, redemptions_counter(campaign["id"]))
    assert (row["limit_value"], row["ceiling"]) == (400, 500)
    assert await unapplied(owner) == 1
    # Asked again it changes nothing, and still does not say that it is in force.
    assert ok(await api.patch(path, {"rules": {"max_redemptions": 400}}), 202)["version"] == 2
    new = await api.post("/v1/campaigns", SALE)
    assert (new.status_code, new.json()["pending"]) == (201, True)
    # The server is back, as another one: fenced out until an epoch is opened on it.
    valkey.start()
    assert ok(await api.post(f"{path}/pause"), 202)["pending"]
    scripts = await open_epoch(valkey.url)
    body = ok(await api.post(f"{path}/pause"))
    assert (body["status"], body["version"]) == ("paused", 3)
    assert (await scripts.peek("x", []))[0] is Status.OK
    row = await counter(owner, redemptions_counter(campaign["id"]))
    assert (row["limit_value"], row["ceiling"]) == (400, 400)
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 1  # the other campaign


async def test_a_replay_of_a_pending_creation_says_what_was_answered_last(
    server_factory: ServerFactory, open_epoch: OpenEpoch, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    key = {"Idempotency-Key": "k"}
    first = await api.post("/v1/campaigns", SALE, headers=key)
    assert "pending" not in created(first)
    again = await api.post("/v1/campaigns", SALE, headers=key)
    assert (again.status_code, again.content) == (201, first.content)


async def test_customers_are_counted_from_the_epoch_in_which_they_are_first_limited(
    api: Client, scripts: Scripts, owner: Any, open_epoch: OpenEpoch, redis_url: str
) -> None:
    async def since(campaign_id: str) -> int:
        number: int = await owner.fetchval("SELECT counts_customers_since FROM campaigns WHERE id = $1", campaign_id)
        return number

    limited = created(await api.post("/v1/campaigns", {"name": "A", "rules": {"max_redemptions_per_customer": 1}}))
    later = created(await api.post("/v1/campaigns", {"name": "B"}))
    assert (await since(limited["id"]), await since(later["id"])) == (1, 0)
    assert await counter(owner, f"u:{later['id']}") is None
    await open_epoch(redis_url)
    path = f"/v1/campaigns/{later['id']}"
    for limit, expected in ((2, 2), (None, 2), (3, 2)):
        ok(await api.patch(path, {"rules": {"max_redemptions_per_customer": limit}}))
        assert await since(later["id"]) == expected
        assert (await counter(owner, f"u:{later['id']}"))["limit_value"] == limit
    ok(await api.patch(f"/v1/campaigns/{limited['id']}", {"rules": {"max_redemptions_per_customer": 5}}))
    assert await since(limited["id"]) == 1


async def test_a_first_limit_of_its_own_keeps_room_for_what_is_on_its_way(api: Client, owner: Any) -> None:
    rules = {"discount_value": 20, "max_redemptions_per_code": 5}
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": rules}))
    voucher = created(await api.post("/v1/vouchers", {"campaign_id": campaign["id"], "code": "A"}))
    assert await counter(owner, redemptions_counter(voucher["id"])) is None
    ok(await api.patch("/v1/vouchers/A", {"max_redemptions": 2}))
    row = await counter(owner, redemptions_counter(voucher["id"]))
    assert (row["limit_value"], row["parent_id"]) == (2, f"w:{campaign['id']}")
    assert ok(await api.patch("/v1/vouchers/A", {"max_redemptions": None}))["redemptions"]["limit"] == 5


@pytest.mark.parametrize("rules", [{}, {"budget": 5}])
async def test_a_campaigns_voucher_has_a_budget_from_its_creation_or_never(api: Client, rules: dict[str, Any]) -> None:
    campaign = created(await api.post("/v1/campaigns", SALE))
    created(await api.post("/v1/vouchers", {"campaign_id": campaign["id"], "code": "A", **rules}))
    answer = await api.patch("/v1/vouchers/A", {"budget": 6})
    if rules:
        assert ok(answer)["budget"] == 6
    else:
        assert_problem(answer, "invalid_request", "/budget")


async def test_a_voucher_needs_a_discount_from_somewhere(api: Client) -> None:
    bare = created(await api.post("/v1/campaigns", {"name": "Bare"}))
    body = {"campaign_id": bare["id"], "code": "A"}
    assert_problem(await api.post("/v1/vouchers", body), "invalid_request", "/discount_value")
    created(await api.post("/v1/vouchers", {**body, "discount_value": 5}))
    assert_problem(await api.patch("/v1/vouchers/A", {"discount_value": None}), "invalid_request", "/discount_value")
    ok(await api.patch(f"/v1/campaigns/{bare['id']}", {"rules": {"discount_value": 7}}))
    assert ok(await api.patch("/v1/vouchers/A", {"discount_value": None}))["discount_value"] is None


async def test_201_each_type_of_campaign_and_the_list_of_one(api: Client) -> None:
    sale = created(await api.post("/v1/campaigns", SALE))
    cards = created(await api.post("/v1/campaigns", {"name": "Cards", "type": "GIFT_CARD", "card_amount": 50}))
    tiers = created(await api.post("/v1/campaigns", {"name": "Tiers", "type": "PROMOTION"}))
    assert [made["card_amount"] for made in (sale, cards, tiers)] == [None, 50.0, None]
    assert [made["id"] for made in ok(await api.get("/v1/campaigns"))["data"]] == [tiers["id"], cards["id"], sale["id"]]
    for made in (sale, cards, tiers):
        assert ok(await api.get(f"/v1/campaigns?type={made['type']}"))["data"] == [made]
    assert_problem(await api.get("/v1/campaigns?type=LOYALTY"), "invalid_request")
    path = f"/v1/campaigns/{cards['id']}"
    assert ok(await api.patch(path, {"card_amount": 25.5}))["card_amount"] == 25.5
    assert ok(await api.patch(path, {"name": "Gifts"}))["card_amount"] == 25.5
    assert ok(await api.patch(path, {"card_amount": None}))["card_amount"] is None


async def test_422_what_does_not_go_with_a_campaigns_type(api: Client) -> None:
    gifts = {"name": "Cards", "type": "GIFT_CARD"}
    rules = {"discount_value": 5, "budget": 5, "max_redemptions_per_code": 5}
    answer = await api.post("/v1/campaigns", {**gifts, "rules": rules})
    assert_problem(answer, "invalid_request", *[f"/rules/{name}" for name in rules])
    for amount in (0, -1, 1.001, 10**11, "5"):
        assert_problem(
            await api.post("/v1/campaigns", {**gifts, "card_amount": amount}), "invalid_request", "/card_amount"
        )
    assert_problem(await api.post("/v1/campaigns", {**SALE, "card_amount": 5}), "invalid_request", "/card_amount")
    for type_ in ("LOYALTY", "REFERRAL"):
        assert_problem(await api.post("/v1/campaigns", {**SALE, "type": type_}), "invalid_request", "/type")
    made = created(await api.post("/v1/campaigns", gifts))
    path = f"/v1/campaigns/{made['id']}"
    answer = await api.patch(path, {"rules": {"discount_value": 5}})
    assert_problem(answer, "invalid_request", "/rules/discount_value")
    voucher = {"campaign_id": made["id"], "discount_value": 5}
    assert_problem(await api.post("/v1/vouchers", voucher), "invalid_request", "/campaign_id")
    batch = {"campaign_id": made["id"], "count": 5}
    assert_problem(await api.post("/v1/vouchers/bulk", batch), "invalid_request", "/campaign_id")


async def test_404_programs_are_no_campaigns_here(api: Client, owner: Any, tenancy: Tenancy) -> None:
    program = "lty_" + "0" * 26
    await owner.execute(
        "INSERT INTO campaigns (project_id, id, account_id, name, type, rules) "
        "VALUES ($1, $2, $3, 'Points', 'LOYALTY', '{}')",
        tenancy.project_id,
        program,
        tenancy.made.account_id,
    )
    assert_problem(await api.get(f"/v1/campaigns/{program}"), "campaign_not_found")
    assert ok(await api.get("/v1/campaigns"))["data"] == []
