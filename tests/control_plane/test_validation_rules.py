"""Validation rules over HTTP: written, kept, shown, in force when that is answered, and named by campaigns."""

from typing import Any

import msgspec
import pytest

from domain.definitions import Campaign, ProjectSettings, ValidationRule, campaign_key, rule_key, settings_key
from domain.ledger import Position
from domain.outcomes import Status
from store.definitions import encode_settings
from store.queries import query
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import NewTenancy, OpenEpoch
from tests.servers.factory import ServerFactory

WEEKEND = {
    "name": "Weekend, from 50",
    "rule": {"all": [{"order.amount": {"gte": 50}}, {"time.weekday": {"in": ["sat", "sun"]}}]},
}
TWICE_A_DAY = {"name": "Twice a day", "rule": {"redemptions.customer.day": {"lte": 2, "tz": "Europe/Paris"}}}
FIRST = {"name": "First order", "rule": {"customer.first_order": {"eq": True}}}


async def in_redis(scripts: Scripts, project_id: str, key: str, type_: Any) -> Any:
    _, _, found = await scripts.peek(project_id, [key])
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=type_)


async def hydrate_settings(scripts: Scripts, project_id: str) -> None:
    """Put what the engine finds of a project without settings."""
    _, change, _ = await scripts.peek(project_id, [])
    blank = encode_settings(ProjectSettings(project_id))
    assert await scripts.hydrate(project_id, change, Position(), [blank], []) is Status.OK


async def families(owner: Any, project_id: str) -> dict[str, Any]:
    rows = await owner.fetch(
        "SELECT id, limit_value, ceiling FROM counters WHERE kind = 'customer_family' AND project_id = $1", project_id
    )
    return {row["id"]: (row["limit_value"], row["ceiling"]) for row in rows}


async def test_201_as_the_issue_writes_it(api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any) -> None:
    body = created(await api.post("/v1/validation-rules", WEEKEND))
    assert body["id"].startswith("rul_")
    assert (body["object"], body["name"], body["version"], body["metadata"]) == (
        *("validation_rule", WEEKEND["name"]),
        *(1, {}),
    )
    assert body["rule"] == WEEKEND["rule"]
    assert ok(await api.get(f"/v1/validation-rules/{body['id']}")) == body
    found = await in_redis(scripts, tenancy.project_id, rule_key(body["id"]), ValidationRule)
    assert found.rule["all"][0] == {"order.amount": {"gte": 5000}}
    assert (found.project_id, found.version, found.counts_since) == (tenancy.project_id, 1, 1)
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_g6_a_changed_rule_is_in_force_when_answered(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    rule = created(await api.post("/v1/validation-rules", TWICE_A_DAY))
    family = f"t:{rule['id']}:customer.day"
    assert await families(owner, tenancy.project_id) == {family: (2, 2)}
    path = f"/v1/validation-rules/{rule['id']}"
    for limit, expected in ((5, (5, 5)), (1, (1, 5))):
        body = ok(await api.patch(path, {"rule": {"redemptions.customer.day": {"lte": limit}}}))
        found = await in_redis(scripts, tenancy.project_id, rule_key(rule["id"]), ValidationRule)
        assert (found.version, found.rule) == (body["version"], {"redemptions.customer.day": {"lte": limit}})
        assert await families(owner, tenancy.project_id) == {family: expected}
    assert ok(await api.patch(path, {"name": "Twice a day"}))["version"] == 3
    assert ok(await api.patch(path, {"metadata": {"a": 1.5}, "name": "Other"}))["metadata"] == {"a": 1.5}


async def test_a_first_order_is_counted_before_the_rule_asks_for_it(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    project_id = tenancy.project_id
    await hydrate_settings(scripts, project_id)
    created(await api.post("/v1/validation-rules", WEEKEND))
    assert (await in_redis(scripts, project_id, settings_key(project_id), ProjectSettings)).orders_counted_since == 0
    ok(await api("PUT", "/v1/stacking-rules", {"max_applied": 3}))
    rule = created(await api.post("/v1/validation-rules", FIRST))
    found = await in_redis(scripts, project_id, settings_key(project_id), ProjectSettings)
    assert (found.version, found.orders_counted_since, found.most_applied) == (3, 1, 3)
    assert await families(owner, project_id) == {f"o:{project_id}": (None, None)}
    # Once and for all: another rule changes nothing, nor does a change of the stacking rules.
    created(await api.post("/v1/validation-rules", FIRST))
    ok(await api.patch(f"/v1/validation-rules/{rule['id']}", {"name": "Other"}))
    assert ok(await api.get("/v1/stacking-rules"))["version"] == 3
    ok(await api("PUT", "/v1/stacking-rules", {}))
    found = await in_redis(scripts, project_id, settings_key(project_id), ProjectSettings)
    assert (found.version, found.orders_counted_since, found.most_applied) == (4, 1, 30)


async def test_a_change_to_first_orders_counts_them_too(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    await hydrate_settings(scripts, tenancy.project_id)
    rule = created(await api.post("/v1/validation-rules", WEEKEND))
    ok(await api.patch(f"/v1/validation-rules/{rule['id']}", {"rule": FIRST["rule"]}))
    found = await in_redis(scripts, tenancy.project_id, settings_key(tenancy.project_id), ProjectSettings)
    assert (found.version, found.orders_counted_since) == (2, 1)


async def test_the_projector_puts_what_a_rule_relies_on_in_force_first(
    server_factory: ServerFactory, open_epoch: OpenEpoch, owner: Any, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    valkey.kill()
    rule = (await api.post("/v1/validation-rules", FIRST)).json()
    assert rule["pending"]
    campaign = {"name": "A", "rules": {"discount_value": 5, "validation_rules": [rule["id"]]}}
    assert (await api.post("/v1/campaigns", campaign)).json()["pending"]
    rows = await owner.fetch(query("unapplied_changes").replace("$1", "1").replace("$2::interval", "interval '0'"))
    assert [row["object"] for row in rows] == ["settings", "rule", "campaign"]


async def test_422_every_fault_of_a_rule_by_its_pointer(api: Client) -> None:
    rule = {"all": [{"order.amount": {"gte": 0.001}}, {"any": [{"redemptions.total.day": {"lte": 1}}]}, {"x": 1}]}
    assert_problem(
        await api.post("/v1/validation-rules", {"name": "", "rule": rule, "metadata": 1}),
        "invalid_request",
        *("/name", "/metadata", "/rule/all/0/order.amount/gte", "/rule/all/2/x"),
        "/rule/all/1/any/0/redemptions.total.day",
    )
    assert_problem(await api.post("/v1/validation-rules", {}), "invalid_request", "/name", "/rule")
    assert_problem(await api.post("/v1/validation-rules", {"name": "x", "rule": []}), "invalid_request", "/rule")
    nul = {"metadata.\x00": {"eq": "\\u0000"}}
    assert_problem(await api.post("/v1/validation-rules", {"name": "x", "rule": nul}), "invalid_request", "/rule")
    created(await api.post("/v1/validation-rules", {"name": "x", "rule": {"metadata.a": {"eq": "\\u0000"}}}))
    long = {"any": [{f"metadata.{i}": {"in": ["é" * 200] * 30}} for i in range(3)]}
    assert_problem(await api.post("/v1/validation-rules", {"name": "x", "rule": long}), "invalid_request", "/rule")


async def test_422_a_faulty_patch_changes_nothing(api: Client) -> None:
    rule = created(await api.post("/v1/validation-rules", WEEKEND))
    path = f"/v1/validation-rules/{rule['id']}"
    assert_problem(await api.patch(path, {"rule": {}, "name": None}), "invalid_request", "/rule", "/name")
    assert ok(await api.get(path)) == rule


async def test_404_unknown_rules(api: Client, new_tenancy: NewTenancy) -> None:
    theirs = created(await (await new_tenancy()).secret.post("/v1/validation-rules", WEEKEND))
    for rule_id in ("rul_" + "0" * 26, "x", "%00", theirs["id"]):
        assert_problem(await api.get(f"/v1/validation-rules/{rule_id}"), "validation_rule_not_found")
        assert_problem(await api.patch(f"/v1/validation-rules/{rule_id}", {}), "validation_rule_not_found")
    assert ok(await api.get("/v1/validation-rules")) == {"data": [], "next_cursor": None}


async def test_lists_are_pages_of_the_newest_first(api: Client) -> None:
    ids = [created(await api.post("/v1/validation-rules", WEEKEND))["id"] for _ in range(3)]
    first = ok(await api.get("/v1/validation-rules?limit=2"))
    assert [row["id"] for row in first["data"]] == [ids[2], ids[1]]
    second = ok(await api.get(f"/v1/validation-rules?limit=2&cursor={first['next_cursor']}"))
    assert [row["id"] for row in second["data"]] == [ids[0]]


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
async def test_amounts_of_a_rule_are_the_projects_currencys(new_tenancy: NewTenancy, currency: str) -> None:
    api = (await new_tenancy(currency)).secret
    rule = {"name": "x", "rule": {"order.amount": {"gte": 1.5}}}
    if currency == "JPY":
        assert_problem(await api.post("/v1/validation-rules", rule), "invalid_request", "/rule/order.amount/gte")
        rule["rule"] = {"order.amount": {"gte": 1500}}
    assert created(await api.post("/v1/validation-rules", rule))["rule"] == rule["rule"]


async def test_campaigns_and_vouchers_name_rules_that_there_are(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    ids = [created(await api.post("/v1/validation-rules", WEEKEND))["id"] for _ in range(2)]
    rules = {"discount_value": 20, "validation_rules": [ids[0], ids[0]]}
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": rules}))
    assert campaign["rules"]["validation_rules"] == [ids[0]]
    found = await in_redis(scripts, tenancy.project_id, campaign_key(campaign["id"]), Campaign)
    assert found.rule_ids == (ids[0],)
    voucher = created(await api.post("/v1/vouchers", {"code": "A", "discount_value": 5, "validation_rules": ids}))
    assert voucher["validation_rules"] == ids
    unknown = "rul_" + "0" * 26
    body = {"validation_rules": [ids[0], unknown, "x\x01"]}
    named = ("/validation_rules/1", "/validation_rules/2")
    assert_problem(await api.patch("/v1/vouchers/A", body), "invalid_request", *named)
    assert_problem(await api.post("/v1/vouchers", {"discount_value": 5, **body}), "invalid_request", *named)
    beside = [f"/rules{pointer}" for pointer in named]
    path = f"/v1/campaigns/{campaign['id']}"
    assert_problem(await api.patch(path, {"rules": body}), "invalid_request", *beside)
    assert_problem(await api.post("/v1/campaigns", {"name": "B", "rules": body}), "invalid_request", *beside)
    assert ok(await api.patch("/v1/vouchers/A", {"validation_rules": None}))["validation_rules"] == []
    many = {"validation_rules": ids * 3}
    assert_problem(await api.patch("/v1/vouchers/A", many), "invalid_request", "/validation_rules")
