"""Segments and collections over HTTP: put into and taken out of, by rule, and in force when that is answered."""

import asyncio
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.groups.belonging import rules_in_force
from control_plane.groups.kinds import SEGMENTS
from control_plane.jobs import worker
from domain.definitions import customer_key, product_key
from domain.orders import Customer, Product
from store.definitions import encode_customer, encode_product
from store.scripts import Scripts
from tests.control_plane.bulk import action, send, worked_off
from tests.control_plane.client import Client, Tenancy, assert_problem, ok
from tests.control_plane.conftest import NewTenancy
from tests.control_plane.test_shop import hydrate, in_redis

KINDS = (("segments", "customers"), ("collections", "products"))
BIG = {"customer.metadata.spent": {"gte": 1000}}
DEAR = {"price": {"gte": 100}}


async def groups_of(api: Client, id_: str, members: str = "customers") -> tuple[list[str], list[str]]:
    """What a member is in by what was said, and by rule."""
    body, name = ok(await api.get(f"/v1/{members}/{id_}")), "segments" if members == "customers" else "collections"
    return body[name], body[f"rule_{name}"]


async def members_of(api: Client, group: str, members: str = "customers") -> list[str]:
    name = "segments" if members == "customers" else "collections"
    return [row["id"] for row in ok(await api.get(f"/v1/{name}/{group}/{members}"))["data"]]


async def test_200_who_is_put_into_a_segment_is_in_it_and_who_is_taken_out_is_not(api: Client) -> None:
    ok(await api.post("/v1/segments", {"id": "vip"}))
    ok(await api.post("/v1/customers", {"id": "a", "segments": ["eu"]}))
    said = ok(await api.post("/v1/segments/vip/customers", {"add": ["a", "b", "a"]}))
    assert said == {"added": 2, "removed": 0}
    assert await groups_of(api, "a") == (["eu", "vip"], [])
    assert sorted(await members_of(api, "vip")) == ["a", "b"]
    assert ok(await api.post("/v1/segments/vip/customers", {"add": ["a"]})) == {"added": 0, "removed": 0}
    said = ok(await api.post("/v1/segments/vip/customers", {"add": ["c"], "remove": ["a", "nobody"]}))
    assert said == {"added": 1, "removed": 1}
    assert await groups_of(api, "a") == (["eu"], [])
    assert sorted(await members_of(api, "vip")) == ["b", "c"]


async def test_g6_membership_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    project, key = tenancy.project_id, customer_key(tenancy.project_id, "a")
    ok(await api.post("/v1/segments", {"id": "vip"}))
    await hydrate(scripts, project, encode_customer(project, Customer("a")))
    ok(await api.post("/v1/segments/vip/customers", {"add": ["a"]}))
    assert (await in_redis(scripts, project, key, Customer)).segments == ("vip",)
    ok(await api.post("/v1/segments/vip/customers", {"remove": ["a"]}))
    assert (await in_redis(scripts, project, key, Customer)).segments == ()


async def test_g6_a_customer_who_comes_to_meet_a_rule_is_in_its_segment_when_that_is_answered(
    api: Client, context: Context, scripts: Scripts, tenancy: Tenancy
) -> None:
    project, key = tenancy.project_id, customer_key(tenancy.project_id, "a")
    body = ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}), 202)
    assert body["rule"] == BIG
    await worked_off(api, context, body["async_action_id"])
    await hydrate(scripts, project, encode_customer(project, Customer("a")))
    made = ok(await api.post("/v1/customers", {"id": "a", "segments": ["eu"], "metadata": {"spent": 1000}}))
    assert (made["segments"], made["rule_segments"]) == (["eu"], ["big"])
    assert (await in_redis(scripts, project, key, Customer)).segments == ("eu", "big")
    assert await members_of(api, "big") == ["a"]
    less = ok(await api.post("/v1/customers", {"id": "a", "metadata": {"spent": 999}}))
    assert (less["segments"], less["rule_segments"]) == (["eu"], [])
    assert (await in_redis(scripts, project, key, Customer)).segments == ("eu",)
    assert await members_of(api, "big") == []


async def test_202_a_rule_that_changes_is_walked_over_all_who_are_kept_here(
    api: Client, context: Context, scripts: Scripts, tenancy: Tenancy, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.groups.walking.MEMBERS_A_CHUNK", 3)
    project, key = tenancy.project_id, customer_key(tenancy.project_id, "c5")
    await owner.execute("INSERT INTO customers (project_id, id) VALUES ($1, 'met')", project)
    for number in range(8):
        ok(await api.post("/v1/customers", {"id": f"c{number}", "metadata": {"n": number}}))
    await hydrate(scripts, project, encode_customer(project, Customer("c5")))
    rule = {"customer.metadata.n": {"gte": 4}}
    body = ok(await api.post("/v1/segments", {"id": "late", "rule": rule}), 202)
    assert await members_of(api, "late") == []
    done = await worked_off(api, context, body["async_action_id"])
    assert (done["type"], done["status"], done["done_count"], done["progress"]) == ("group_change", "done", 8, 1.0)
    assert sorted(await members_of(api, "late")) == ["c4", "c5", "c6", "c7"]
    assert (await in_redis(scripts, project, key, Customer)).segments == ("late",)
    # Another rule: some leave, some come.
    other = {"not": {"customer.metadata.n": {"gte": 5}}}
    body = ok(await api.patch("/v1/segments/late", {"rule": other}), 202)
    await worked_off(api, context, body["async_action_id"])
    assert sorted(await members_of(api, "late")) == ["c0", "c1", "c2", "c3", "c4"]  # whom only the ledger met is not
    assert (await in_redis(scripts, project, key, Customer)).segments == ()
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0
    # None: whoever was put into it stays.
    ok(await api.post("/v1/segments/late/customers", {"add": ["c7"]}))
    body = ok(await api.patch("/v1/segments/late", {"rule": None}), 202)
    await worked_off(api, context, body["async_action_id"])
    assert (await members_of(api, "late"), body["rule"]) == (["c7"], None)


async def test_a_rule_stated_again_is_walked_again_and_sent_again_is_not(api: Client, context: Context) -> None:
    first = ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}), 202)
    await worked_off(api, context, first["async_action_id"])
    assert "async_action_id" not in ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}))
    assert "async_action_id" not in ok(await api.patch("/v1/segments/big", {"name": "Big"}))
    again = ok(await api.patch("/v1/segments/big", {"rule": BIG}), 202)
    assert again["async_action_id"] != first["async_action_id"]


async def test_a_walk_that_was_killed_goes_on_without_a_double(
    api: Client, context: Context, tenancy: Tenancy, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.groups.walking.MEMBERS_A_CHUNK", 2)
    monkeypatch.setattr(worker, "TURN_S", 0.0)
    for number in range(5):
        ok(await api.post("/v1/customers", {"id": f"c{number}", "metadata": {"spent": 2000}}))
    before = {row["id"]: row["version"] for row in await owner.fetch("SELECT id, version FROM customers")}
    body = ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}), 202)
    assert await worker.do_due_actions(context) == 1
    assert len(await members_of(api, "big")) == 2
    # A worker that was killed leaves the lease behind; when it is over another goes on from the row.
    await owner.execute("UPDATE async_actions SET status = 'running', locked_until = now() - interval '1 second'")
    done = await worked_off(api, context, body["async_action_id"])
    assert (done["status"], done["done_count"]) == ("done", 5)
    assert len(await members_of(api, "big")) == 5
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE object = 'customer'") == 10
    after = await owner.fetch("SELECT id, version FROM customers")
    assert all(row["version"] > before[row["id"]] for row in after)


async def test_upserts_during_a_change_of_the_rule_are_judged_by_the_newer_one(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes first: when all is walked, everybody is where the rule in force puts them."""
    monkeypatch.setattr("control_plane.groups.walking.MEMBERS_A_CHUNK", 3)
    for number in range(12):
        ok(await api.post("/v1/customers", {"id": f"c{number:02}", "metadata": {"n": number}}))

    async def change(rounds: int) -> None:
        for turn in range(rounds):
            ok(await api.patch("/v1/segments/low", {"rule": {"customer.metadata.n": {"lt": turn}}}), 202)

    async def upsert(number: int) -> None:
        for turn in range(4):
            ok(await api.post("/v1/customers", {"id": f"c{number:02}", "name": f"{turn}"}))
            ok(await api.post("/v1/customers", {"id": f"new{number}{turn}", "metadata": {"n": number}}))

    ok(await api.post("/v1/segments", {"id": "low"}))
    await asyncio.gather(change(7), *(upsert(number) for number in range(12)), worker.work_off(context))
    await worker.work_off(context)
    known = [f"c{number:02}" for number in range(6)] + [
        f"new{number}{turn}" for number in range(6) for turn in range(4)
    ]
    found, path = [], "/v1/segments/low/customers?limit=7"
    while path:
        page = ok(await api.get(path))
        found += [row["id"] for row in page["data"]]
        path = page["next_cursor"] and f"/v1/segments/low/customers?limit=7&cursor={page['next_cursor']}"
    assert sorted(found) == sorted(known)


async def test_a_rule_waits_for_who_is_being_written_by_the_older_one(
    api: Client, context: Context, tenancy: Tenancy, owner: Any
) -> None:
    """Else a row that the walk has passed, or did not see yet, could stay where the older rule has put it."""
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
    async with context.database.tenant_tx(tenancy.project_id) as tx:
        assert await rules_in_force(tx, SEGMENTS, tenancy.project_id) == ()
        change = asyncio.create_task(api.post("/v1/segments", {"id": "big", "rule": BIG}))
        while not change.done() and not await owner.fetchval(waiting):
            pass
        assert not change.done()
        # What has no rule to change need not wait.
        ok(await api.post("/v1/segments", {"id": "plain"}))
    ok(await change, 202)


async def test_204_a_group_without_members_is_gone_at_once(api: Client) -> None:
    for groups, _ in KINDS:
        ok(await api.post(f"/v1/{groups}", {"id": "g"}))
        answer = await api.delete(f"/v1/{groups}/g")
        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(await api.get(f"/v1/{groups}/g"), f"{groups[:-1]}_not_found")
        assert_problem(await api.delete(f"/v1/{groups}/g"), f"{groups[:-1]}_not_found")


async def test_202_a_group_with_members_is_taken_from_each(
    api: Client, context: Context, scripts: Scripts, tenancy: Tenancy
) -> None:
    project, key = tenancy.project_id, customer_key(tenancy.project_id, "a")
    await hydrate(scripts, project, encode_customer(project, Customer("a")))
    body = ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}), 202)
    await worked_off(api, context, body["async_action_id"])
    ok(await api.post("/v1/customers", {"id": "a", "segments": ["eu", "big"], "metadata": {"spent": 1000}}))
    ok(await api.post("/v1/customers", {"id": "b", "segments": ["eu"], "metadata": {"spent": 1000}}))
    gone = ok(await api.delete("/v1/segments/big"), 202)
    done = await worked_off(api, context, gone["async_action_id"])
    assert (done["status"], done["done_count"]) == ("done", 2)
    assert (await groups_of(api, "a"), await groups_of(api, "b")) == ((["eu"], []), (["eu"], []))
    assert (await in_redis(scripts, project, key, Customer)).segments == ("eu",)
    assert await members_of(api, "big") == []


async def test_collections_are_what_segments_are_of_products(
    api: Client, context: Context, scripts: Scripts, tenancy: Tenancy
) -> None:
    project, key = tenancy.project_id, product_key(tenancy.project_id, "tee")
    await hydrate(scripts, project, encode_product(project, Product("tee")))
    ok(await api.post("/v1/products", {"id": "tee", "price": 120}))
    ok(await api.post("/v1/products", {"id": "cap", "price": 12}))
    body = ok(await api.post("/v1/collections", {"id": "dear", "name": "Dear", "rule": DEAR}), 202)
    done = await worked_off(api, context, body["async_action_id"])
    assert (done["status"], done["done_count"]) == ("done", 2)
    assert (await members_of(api, "dear", "products"), body["rule"]) == (["tee"], DEAR)
    assert (await in_redis(scripts, project, key, Product)).collections == ("dear",)
    ok(await api.patch("/v1/products/tee", {"price": 20}))
    assert await groups_of(api, "tee", "products") == ([], [])
    assert (await in_redis(scripts, project, key, Product)).collections == ()
    ok(await api.post("/v1/collections", {"id": "summer"}))
    assert ok(await api.post("/v1/collections/summer/products", {"add": ["tee"]})) == {"added": 1, "removed": 0}
    assert await groups_of(api, "tee", "products") == (["summer"], [])
    refused = await api.post("/v1/collections/summer/products", {"add": ["cap", "nothing"]})
    assert_problem(refused, "invalid_request", "/add/1")
    assert await groups_of(api, "cap", "products") == ([], [])


async def test_imports_and_bulk_updates_write_groups_by_rule(api: Client, context: Context) -> None:
    body = ok(await api.post("/v1/segments", {"id": "old", "rule": {"customer.metadata.age": {"eq": "old"}}}), 202)
    await worked_off(api, context, body["async_action_id"])
    imported = await send(api, "/v1/customers/import", "id,segments,metadata.age\na,eu,old\nb,eu,new\n")
    assert (await worked_off(api, context, imported))["done_count"] == 2
    assert await members_of(api, "old") == ["a"]
    update = {"customers": [{"id": "a", "metadata": {}}, {"id": "b", "metadata": {"age": "old"}}]}
    updated = ok(await api.post("/v1/customers/bulk-update", update), 202)["async_action_id"]
    assert (await worked_off(api, context, updated))["done_count"] == 2
    assert (await groups_of(api, "a"), await groups_of(api, "b")) == ((["eu"], []), (["eu"], ["old"]))


@pytest.mark.parametrize(("groups", "members"), KINDS)
async def test_lists_are_searched_and_members_are_pages_of_the_newest_first(
    api: Client, groups: str, members: str
) -> None:
    for id_, name in (("sun", "Summer"), ("win", "Winter"), ("sum", None)):
        ok(await api.post(f"/v1/{groups}", {"id": id_, "name": name}))
    assert [row["id"] for row in ok(await api.get(f"/v1/{groups}?search=su"))["data"]] == ["sum", "sun"]
    assert [row["id"] for row in ok(await api.get(f"/v1/{groups}?search=SUMM"))["data"]] == ["sun"]
    for id_ in ("x", "y", "z"):
        ok(await api.post(f"/v1/{members}", {"id": id_, groups: ["sun"]}))
    first = ok(await api.get(f"/v1/{groups}/sun/{members}?limit=2"))
    assert first["data"] == [
        {"id": id_, "object": members[:-1], "stated": True, "by_rule": False} for id_ in ("z", "y")
    ]
    second = ok(await api.get(f"/v1/{groups}/sun/{members}?limit=2&cursor={first['next_cursor']}"))
    assert ([row["id"] for row in second["data"]], second["next_cursor"]) == (["x"], None)


@pytest.mark.parametrize(("groups", "members"), KINDS)
async def test_422_what_does_not_hold_is_named(api: Client, groups: str, members: str) -> None:
    rule = {"all": [{"order.amount": {"gte": 5}}, {"nonsense": {"eq": 1}}]}
    pointers = ("/rule/all/0/order.amount", "/rule/all/1/nonsense")
    assert_problem(await api.post(f"/v1/{groups}", {"id": "g", "rule": rule}), "invalid_request", *pointers)
    ok(await api.post(f"/v1/{groups}", {"id": "g"}))
    assert_problem(await api.patch(f"/v1/{groups}/g", {"rule": {}, "id": "x"}), "invalid_request", "/rule", "/id")
    many = {"add": [str(number) for number in range(101)], "remove": ["a", ""]}
    path = f"/v1/{groups}/g/{members}"
    assert_problem(await api.post(path, many), "invalid_request", "/add", "/remove/1")
    assert_problem(await api.post(path, {"add": ["a"], "remove": ["b", "a"]}), "invalid_request", "/remove/1")
    for id_ in ("nobody", "%00", "x" * 200):
        missing = f"{groups[:-1]}_not_found"
        assert_problem(await api.patch(f"/v1/{groups}/{id_}", {"name": "x"}), missing)
        assert_problem(await api.delete(f"/v1/{groups}/{id_}"), missing)
        assert_problem(await api.post(f"/v1/{groups}/{id_}/{members}", {"add": []}), missing)
        assert ok(await api.get(f"/v1/{groups}/{id_}/{members}"))["data"] == []


async def test_422_a_project_has_a_hundred_rules_of_a_kind_at_most(api: Client, owner: Any, tenancy: Tenancy) -> None:
    await owner.execute(
        "INSERT INTO segments (project_id, id, rule)"
        """ SELECT $1, 's' || n, '{"customer.id": {"eq": "x"}}' FROM generate_series(1, 100) AS n""",
        tenancy.project_id,
    )
    assert_problem(await api.post("/v1/segments", {"id": "more", "rule": BIG}), "invalid_request", "/rule")
    assert_problem(await api.get("/v1/segments/more"), "segment_not_found")


@pytest.mark.parametrize(("groups", "members"), KINDS)
async def test_g5_another_project_has_its_own_groups_and_members(
    new_tenancy: NewTenancy, context: Context, groups: str, members: str
) -> None:
    mine, theirs = await new_tenancy(), await new_tenancy()
    for one in (mine, theirs):
        ok(await one.secret.post(f"/v1/{groups}", {"id": "g"}))
        ok(await one.secret.post(f"/v1/{members}", {"id": "m"}))
    ok(await mine.secret.post(f"/v1/{groups}/g/{members}", {"add": ["m"]}))
    assert ok(await theirs.secret.get(f"/v1/{groups}/g/{members}"))["data"] == []
    gone = ok(await mine.secret.delete(f"/v1/{groups}/g"), 202)
    assert_problem(await theirs.secret.get(f"/v1/async-actions/{gone['async_action_id']}"), "async_action_not_found")
    ok(await theirs.secret.get(f"/v1/{groups}/g"))
    assert (await theirs.secret.delete(f"/v1/{groups}/g")).status_code == 204


async def test_the_audit_log_says_what_was_changed_and_nobodys_id(api: Client, owner: Any, context: Context) -> None:
    ok(await api.post("/v1/segments", {"id": "g", "name": "One"}))
    ok(await api.post("/v1/segments/g/customers", {"add": ["secretly"]}))
    ok(await api.patch("/v1/segments/g", {"name": "Two"}))
    ok(await api.delete("/v1/segments/g"), 202)
    rows = await owner.fetch("SELECT action, before, after FROM audit_log WHERE object = 'segment' ORDER BY id")
    assert [row["action"] for row in rows] == [
        *("segment.upsert", "segment.members", "segment.update", "segment.delete")
    ]
    assert "secretly" not in str([dict(row) for row in rows])


async def test_a_cancelled_walk_stays_where_it_is(api: Client, context: Context) -> None:
    ok(await api.post("/v1/customers", {"id": "a", "metadata": {"spent": 2000}}))
    body = ok(await api.post("/v1/segments", {"id": "big", "rule": BIG}), 202)
    ok(await api.post(f"/v1/async-actions/{body['async_action_id']}/cancel"))
    await worker.work_off(context)
    assert (await action(api, body["async_action_id"]))["status"] == "cancelled"
    assert await members_of(api, "big") == []
    again = ok(await api.patch("/v1/segments/big", {"rule": BIG}), 202)
    await worked_off(api, context, again["async_action_id"])
    assert await members_of(api, "big") == ["a"]
