"""Customers, segments and products over HTTP: upserted, read, listed, and in force when that is answered."""

import asyncio
from typing import Any

import msgspec
import pytest

from domain.definitions import customer_key, product_key
from domain.ledger import Definition, Position
from domain.orders import Customer, Product
from domain.outcomes import Status
from store.definitions import encode_customer, encode_product
from store.erasing import erase_customer
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, ok
from tests.control_plane.conftest import NewTenancy, OpenEpoch
from tests.servers.factory import ServerFactory

JANE: dict[str, Any] = {"id": "cust_1", "name": "Jane", "email": "jane@shop.example", "segments": ["vip", "eu", "vip"]}
TEE: dict[str, Any] = {
    "id": "TEE/red",
    "name": "Tee",
    "price": 19.99,
    "categories": ["shirts"],
    "collections": ["summer"],
}
AREAS = ("customers", "segments", "products")


async def hydrate(scripts: Scripts, project_id: str, definition: Definition) -> None:
    """Put what the engine would find in PostgreSQL."""
    _, change, _ = await scripts.peek(project_id, [])
    assert await scripts.hydrate(project_id, change, Position(), [definition], []) is Status.OK


async def change_number(scripts: Scripts, project_id: str) -> int:
    _, change, _ = await scripts.peek(project_id, [])
    return change


async def in_redis(scripts: Scripts, project_id: str, key: str, type_: Any) -> Any:
    _, _, found = await scripts.peek(project_id, [key])
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=type_)


async def test_200_a_customer_is_upserted_field_by_field(api: Client) -> None:
    first = ok(await api.post("/v1/customers", {**JANE, "metadata": {"tier": 2}}))
    assert (first["id"], first["object"], first["segments"]) == ("cust_1", "customer", ["vip", "eu"])
    assert first["version"] > 1
    again = ok(await api.post("/v1/customers", {"id": "cust_1", "segments": ["eu"], "email": None}))
    assert (again["name"], again["email"], again["segments"]) == ("Jane", None, ["eu"])
    assert again["metadata"] == {"tier": 2}
    assert again["version"] > first["version"]
    assert ok(await api.get("/v1/customers/cust_1")) == again
    assert ok(await api.post("/v1/customers", {"id": "cust_1", "name": "Jane"})) == again


async def test_g6_a_customer_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    key = customer_key(tenancy.project_id, "cust_1")
    await hydrate(scripts, tenancy.project_id, encode_customer(tenancy.project_id, Customer("cust_1")))
    body = ok(await api.post("/v1/customers", {**JANE, "metadata": {"tier": 2}}))
    found = await in_redis(scripts, tenancy.project_id, key, Customer)
    assert found == Customer("cust_1", body["version"], ("vip", "eu"), {"tier": 2})


async def test_g6_numbers_that_redis_cannot_hold_whole_are_in_force_all_the_same(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    long = {"n": 10**30, "in": {"list": [-(2**63) - 1, 2**63]}}
    for area, body in (("customers", JANE), ("products", TEE)):
        assert ok(await api.post(f"/v1/{area}", {**body, "metadata": long}))["metadata"] == long
    blank = encode_customer(tenancy.project_id, Customer("cust_1"))
    await hydrate(scripts, tenancy.project_id, blank)
    ok(await api.post("/v1/customers", {**JANE, "metadata": {**long, "more": 1}}))
    found = await in_redis(scripts, tenancy.project_id, blank.key, Customer)
    assert found.metadata == {"n": 1e30, "in": {"list": [-(2.0**63), 2.0**63]}, "more": 1}


async def test_a_catalogue_sent_again_tells_redis_nothing(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    for area, body in (("customers", JANE), ("products", TEE)):
        first = ok(await api.post(f"/v1/{area}", body))
        before = await change_number(scripts, tenancy.project_id)
        assert ok(await api.post(f"/v1/{area}", body)) == first
        assert await change_number(scripts, tenancy.project_id) == before


async def test_a_customer_whom_the_ledger_has_met_is_blank_until_upserted(
    api: Client, tenancy: Tenancy, owner: Any
) -> None:
    await owner.execute("INSERT INTO customers (project_id, id) VALUES ($1, 'met')", tenancy.project_id)
    met = ok(await api.get("/v1/customers/met"))
    assert (met["version"], met["segments"], met["updated_at"]) == (1, [], None)
    assert ok(await api.post("/v1/customers", {"id": "met"}))["version"] > 1


async def test_one_who_was_erased_and_comes_back_is_newer_than_what_redis_has(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    key = customer_key(tenancy.project_id, "cust_1")
    await hydrate(scripts, tenancy.project_id, encode_customer(tenancy.project_id, Customer("cust_1")))
    ok(await api.post("/v1/customers", JANE))
    ok(await api.post("/v1/customers", {"id": "cust_1", "segments": ["other"]}))
    async with owner.transaction():
        await erase_customer(owner, tenancy.project_id, "cust_1")
    assert_problem(await api.get("/v1/customers/cust_1"), "customer_not_found")
    for table in ("audit_log", "outbox"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table} WHERE object_id = 'cust_1'") == 0  # noqa: S608
    ok(await api.post("/v1/customers", {"id": "cust_1", "segments": ["new"]}))
    assert (await in_redis(scripts, tenancy.project_id, key, Customer)).segments == ("new",)


async def test_the_audit_log_does_not_say_who_a_customer_is(api: Client, owner: Any) -> None:
    ok(await api.post("/v1/customers", JANE))
    entry = await owner.fetchrow("SELECT * FROM audit_log WHERE object = 'customer'")
    assert list(entry["after"]) == ["version"]


async def test_g6_a_product_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    key = product_key(tenancy.project_id, TEE["id"])
    await hydrate(scripts, tenancy.project_id, encode_product(tenancy.project_id, Product(TEE["id"])))
    first = ok(await api.post("/v1/products", TEE))
    assert (first["version"], first["price"], first["categories"]) == (2, 19.99, ["shirts"])
    again = ok(await api.post("/v1/products", {"id": TEE["id"], "collections": None, "price": None}))
    assert (again["version"], again["price"], again["collections"]) == (3, None, [])
    assert await in_redis(scripts, tenancy.project_id, key, Product) == Product(TEE["id"], 3, ("shirts",))


async def test_200_segments(api: Client) -> None:
    first = ok(await api.post("/v1/segments", {"id": "vip", "name": "Very important"}))
    again = ok(await api.post("/v1/segments", {"id": "vip", "metadata": {"a": 1}}))
    assert (first["name"], again["name"], again["metadata"]) == ("Very important", "Very important", {"a": 1})
    assert ok(await api.get("/v1/segments/vip")) == again


@pytest.mark.parametrize("area", AREAS)
async def test_lists_are_pages_of_the_newest_first(api: Client, area: str) -> None:
    longest = "x" * 128
    for id_ in ("a", longest, "c"):
        ok(await api.post(f"/v1/{area}", {"id": id_}))
    first = ok(await api.get(f"/v1/{area}?limit=2"))
    assert [row["id"] for row in first["data"]] == ["c", longest]
    second = ok(await api.get(f"/v1/{area}?limit=2&cursor={first['next_cursor']}"))
    assert ([row["id"] for row in second["data"]], second["next_cursor"]) == (["a"], None)


@pytest.mark.parametrize("area", AREAS)
async def test_an_id_that_no_path_can_spell_is_found_by_the_list(api: Client, area: str) -> None:
    for id_ in ("a/b", "b"):
        ok(await api.post(f"/v1/{area}", {"id": id_}))
    found = ok(await api.get(f"/v1/{area}?id=a%2Fb"))
    assert ([row["id"] for row in found["data"]], found["next_cursor"]) == (["a/b"], None)
    assert ok(await api.get(f"/v1/{area}?id=c"))["data"] == []
    assert_problem(await api.get(f"/v1/{area}?id={'x' * 129}"), "invalid_request")


@pytest.mark.parametrize("area", AREAS)
async def test_upserts_of_one_at_the_same_time_lose_nothing(api: Client, area: str) -> None:
    answers = await asyncio.gather(*(api.post(f"/v1/{area}", {"id": "one", "name": f"N{i}"}) for i in range(8)))
    shown = [ok(answer) for answer in answers]
    last = ok(await api.get(f"/v1/{area}/one"))
    assert last in shown
    if area != "segments":
        assert len({body["version"] for body in shown}) == 8
        assert last["version"] == max(body["version"] for body in shown)


@pytest.mark.parametrize("area", AREAS)
async def test_g5_another_project_has_its_own(new_tenancy: NewTenancy, area: str) -> None:
    mine, theirs = await new_tenancy(), await new_tenancy()
    ok(await mine.secret.post(f"/v1/{area}", {"id": "one", "name": "Mine"}))
    assert_problem(await theirs.secret.get(f"/v1/{area}/one"), f"{area[:-1]}_not_found")
    assert ok(await theirs.secret.get(f"/v1/{area}"))["data"] == []
    assert ok(await theirs.secret.post(f"/v1/{area}", {"id": "one"}))["name"] is None
    assert_problem(await mine.publishable.get(f"/v1/{area}/one"), "publishable_key")


@pytest.mark.parametrize("area", AREAS)
async def test_404_unknown_ids(api: Client, area: str) -> None:
    for id_ in ("nobody", "%00", "x" * 200):
        assert_problem(await api.get(f"/v1/{area}/{id_}"), f"{area[:-1]}_not_found")


async def test_422_every_field_is_named(api: Client) -> None:
    customer = {"id": "", "name": 1, "email": "x", "segments": ["a", "b\x00"], "metadata": [], "age": 3}
    assert_problem(
        await api.post("/v1/customers", customer),
        "invalid_request",
        *("/id", "/name", "/email", "/segments/1", "/metadata", "/age"),
    )
    product = {"price": 0.001, "categories": ["x" * 129], "collections": [str(i) for i in range(101)]}
    assert_problem(
        await api.post("/v1/products", product), "invalid_request", "/id", "/price", "/categories/0", "/collections"
    )
    assert_problem(await api.post("/v1/segments", {"id": "x" * 129, "name": ""}), "invalid_request", "/id", "/name")


async def test_g6_redis_away_answers_202_and_the_same_again_puts_it_in_force(
    server_factory: ServerFactory, open_epoch: OpenEpoch, owner: Any, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    valkey.kill()
    assert ok(await api.post("/v1/customers", JANE), 202)["pending"]
    assert ok(await api.post("/v1/customers", JANE), 202)["pending"]
    valkey.start()
    await open_epoch(valkey.url)
    assert "pending" not in ok(await api.post("/v1/customers", JANE))
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_g3_an_upsert_is_made_once_for_its_key(api: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = await api.post("/v1/products", TEE, headers=key)
    ok(await api.post("/v1/products", {"id": TEE["id"], "name": "Other"}))
    again = await api.post("/v1/products", TEE, headers=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert ok(await api.get("/v1/products"))["data"][0]["name"] == "Other"
