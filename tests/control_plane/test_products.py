"""Products and SKUs over HTTP: changed, deleted, narrowed and searched, and in force when that is answered."""

import asyncio
from typing import Any

import pytest

from domain.definitions import product_key, sku_key
from domain.orders import Product, Sku
from store.definitions import encode_product, encode_sku
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, ok
from tests.control_plane.conftest import NewTenancy, OpenEpoch
from tests.control_plane.test_shop import hydrate, in_redis
from tests.servers.factory import ServerFactory

TEE: dict[str, Any] = {"id": "tee", "name": "Tee", "price": 19.99, "categories": ["shirts"], "metadata": {"a": 1}}
RED: dict[str, Any] = {
    "id": "tee-red",
    "product_id": "tee",
    "name": "Red tee",
    "price": 21,
    "attributes": {"colour": "red"},
    "metadata": {"dye": "madder"},
}


async def ids(api: Client, path: str) -> list[str]:
    return [row["id"] for row in ok(await api.get(path))["data"]]


async def test_200_what_a_change_leaves_out_stays(api: Client) -> None:
    first = ok(await api.post("/v1/products", TEE))
    changed = ok(await api.patch("/v1/products/tee", {"price": None, "categories": ["tops"]}))
    assert (changed["name"], changed["price"], changed["categories"]) == ("Tee", None, ["tops"])
    assert (changed["metadata"], changed["version"]) == ({"a": 1}, first["version"] + 1)
    assert ok(await api.patch("/v1/products/tee", {"categories": ["tops"]})) == changed
    assert ok(await api.get("/v1/products/tee")) == changed
    assert_problem(await api.patch("/v1/products/tee", {"id": "x", "price": 0.001}), "invalid_request", "/id", "/price")


async def test_200_skus(api: Client) -> None:
    first = ok(await api.post("/v1/skus", RED))
    assert (first["object"], first["version"], first["price"]) == ("sku", 2, 21)
    assert {name: first[name] for name in RED} == RED
    again = ok(await api.post("/v1/skus", {"id": "tee-red", "name": None}))
    assert (again["name"], again["product_id"], again["version"]) == (None, "tee", 3)
    changed = ok(await api.patch("/v1/skus/tee-red", {"product_id": "shirt", "attributes": None}))
    assert (changed["product_id"], changed["attributes"], changed["metadata"]) == ("shirt", {}, {"dye": "madder"})
    assert ok(await api.get("/v1/skus/tee-red")) == changed
    assert_problem(await api.post("/v1/skus", {"id": "blue"}), "invalid_request", "/product_id")
    assert_problem(await api.get("/v1/skus/blue"), "sku_not_found")
    bad: dict[str, Any] = {"id": "", "product_id": None, "price": -1, "attributes": [], "metadata": 1, "size": 3}
    assert_problem(
        await api.post("/v1/skus", bad),
        "invalid_request",
        *("/id", "/product_id", "/price", "/attributes", "/metadata", "/size"),
    )


async def test_g6_a_sku_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    project, key = tenancy.project_id, sku_key(tenancy.project_id, "tee-red")
    await hydrate(scripts, project, encode_sku(project, Sku("tee-red")))
    ok(await api.post("/v1/skus", RED))
    assert await in_redis(scripts, project, key, Sku) == Sku("tee-red", 2, "tee", {"dye": "madder"})
    ok(await api.patch("/v1/skus/tee-red", {"product_id": "shirt"}))
    assert (await in_redis(scripts, project, key, Sku)).product_id == "shirt"
    assert (await api.delete("/v1/skus/tee-red")).status_code == 204
    assert await in_redis(scripts, project, key, Sku) == Sku("tee-red", 4)


async def test_g6_a_product_that_is_gone_is_blank_and_one_that_comes_back_is_newer(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    project, key = tenancy.project_id, product_key(tenancy.project_id, "tee")
    await hydrate(scripts, project, encode_product(project, Product("tee")))
    first = ok(await api.post("/v1/products", TEE))
    gone = await api.delete("/v1/products/tee")
    assert (gone.status_code, gone.content) == (204, b"")
    assert await in_redis(scripts, project, key, Product) == Product("tee", 3)
    for again in (await api.get("/v1/products/tee"), await api.delete("/v1/products/tee")):
        assert_problem(again, "product_not_found")
    assert_problem(await api.patch("/v1/products/tee", {"name": "x"}), "product_not_found")
    for path in ("/v1/products", "/v1/products?id=tee", "/v1/products?search=te", "/v1/products?category=shirts"):
        assert await ids(api, path) == []
    back = ok(await api.post("/v1/products", {"id": "tee", "categories": ["shirts"]}))
    assert (back["version"], back["name"], back["metadata"]) == (4, None, {})
    assert back["created_at"] > first["created_at"]
    assert await in_redis(scripts, project, key, Product) == Product("tee", 4, ("shirts",))
    assert await ids(api, "/v1/products?category=shirts") == ["tee"]


@pytest.mark.parametrize(("area", "body"), [("products", TEE), ("skus", RED)])
async def test_g3_a_deletion_is_made_once_for_its_key(api: Client, area: str, body: dict[str, Any]) -> None:
    ok(await api.post(f"/v1/{area}", body))
    key = {"Idempotency-Key": "k"}
    path = f"/v1/{area}/{body['id']}"
    assert (await api.delete(path, headers=key)).status_code == 204
    ok(await api.post(f"/v1/{area}", body))
    again = await api.delete(path, headers=key)
    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (204, b"", "true")
    ok(await api.get(path))


async def test_g6_redis_away_a_deletion_is_pending(
    server_factory: ServerFactory, open_epoch: OpenEpoch, owner: Any, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    ok(await api.post("/v1/products", TEE))
    valkey.kill()
    assert ok(await api.delete("/v1/products/tee"), 202) == {"pending": True}
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 1


async def test_products_are_narrowed_by_category_and_collection_and_searched_by_id_and_name(api: Client) -> None:
    things = [
        ("tee", "Tee shirt", ["shirts", "sale"], ["summer"]),
        ("Tea", "Teapot", ["pots"], ["kitchen", "sale"]),
        ("polo", "Polo", ["shirts"], ["summer"]),
        ("tent", None, ["sale"], []),
    ]
    for id_, name, categories, collections in things:
        ok(
            await api.post(
                "/v1/products", {"id": id_, "name": name, "categories": categories, "collections": collections}
            )
        )
    assert await ids(api, "/v1/products?category=shirts") == ["polo", "tee"]
    assert await ids(api, "/v1/products?category=sale") == ["tent", "tee"]
    assert await ids(api, "/v1/products?collection=summer") == ["polo", "tee"]
    assert await ids(api, "/v1/products?collection=summer&category=sale") == ["tee"]
    assert await ids(api, "/v1/products?collection=nothing") == []
    assert await ids(api, "/v1/products?search=te") == ["tee", "tent", "Tea"]
    assert await ids(api, "/v1/products?search=te&category=sale") == ["tee", "tent"]
    assert await ids(api, "/v1/products?search=te&collection=kitchen") == ["Tea"]
    assert await ids(api, "/v1/products?id=tee&category=sale&collection=summer") == ["tee"]
    assert await ids(api, "/v1/products?id=tee&category=pots") == []
    assert await ids(api, "/v1/products?id=tee&collection=kitchen") == []
    first = ok(await api.get("/v1/products?category=shirts&limit=1"))
    second = ok(await api.get(f"/v1/products?category=shirts&limit=1&cursor={first['next_cursor']}"))
    assert ([row["id"] for row in second["data"]], second["next_cursor"]) == (["tee"], None)
    ok(await api.patch("/v1/products/tee", {"categories": ["pots"]}))
    assert await ids(api, "/v1/products?category=shirts") == ["polo"]


async def test_skus_are_narrowed_by_product_and_searched_by_id_and_name(api: Client) -> None:
    for id_, product, name in (("tee-s", "tee", "Small"), ("tee-m", "tee", None), ("mug", "mug", "Teacup")):
        ok(await api.post("/v1/skus", {"id": id_, "product_id": product, "name": name}))
    assert await ids(api, "/v1/skus") == ["mug", "tee-m", "tee-s"]
    assert await ids(api, "/v1/skus?product_id=tee") == ["tee-m", "tee-s"]
    assert await ids(api, "/v1/skus?search=te") == ["tee-m", "tee-s", "mug"]
    assert await ids(api, "/v1/skus?search=te&product_id=mug") == ["mug"]
    assert await ids(api, "/v1/skus?id=mug") == await ids(api, "/v1/skus?id=mug&product_id=mug") == ["mug"]
    assert await ids(api, "/v1/skus?id=mug&product_id=tee") == []


@pytest.mark.parametrize(("object_", "body"), [("product", TEE), ("sku", RED)])
async def test_what_comes_back_is_held_to_its_schema_as_new(api: Client, object_: str, body: dict[str, Any]) -> None:
    ok(await api.post(f"/v1/{object_}s", body))
    assert (await api.delete(f"/v1/{object_}s/{body['id']}")).status_code == 204
    required = {"properties": {"origin": {"type": "string", "required": True}}}
    ok(await api("PUT", f"/v1/metadata-schemas/{object_}", required))
    bare = {name: value for name, value in body.items() if name != "metadata"}
    assert_problem(await api.post(f"/v1/{object_}s", bare), "invalid_request", "/metadata/origin")


async def test_changes_of_one_at_the_same_time_lose_nothing(api: Client) -> None:
    for area, body in (("products", TEE), ("skus", RED)):
        ok(await api.post(f"/v1/{area}", body))
        path = f"/v1/{area}/{body['id']}"
        answers = await asyncio.gather(*(api.patch(path, {"name": f"N{i}"}) for i in range(8)))
        shown = [ok(answer) for answer in answers]
        last = ok(await api.get(path))
        assert len({one["version"] for one in shown}) == 8
        assert last == max(shown, key=lambda one: one["version"])


async def test_g5_another_project_has_its_own_skus(new_tenancy: NewTenancy) -> None:
    mine, theirs = await new_tenancy(), await new_tenancy()
    ok(await mine.secret.post("/v1/skus", RED))
    for method in ("GET", "PATCH", "DELETE"):
        assert_problem(
            await theirs.secret(method, "/v1/skus/tee-red", {} if method == "PATCH" else None), "sku_not_found"
        )
    assert await ids(theirs.secret, "/v1/skus") == []
    ok(await mine.secret.get("/v1/skus/tee-red"))
    assert_problem(await mine.publishable.get("/v1/skus/tee-red"), "publishable_key")
    for id_ in ("nobody", "%00", "x" * 200):
        for method in ("GET", "PATCH", "DELETE"):
            answer = await mine.secret(method, f"/v1/skus/{id_}", {} if method == "PATCH" else None)
            assert_problem(answer, "sku_not_found")
