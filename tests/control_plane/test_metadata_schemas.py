"""Metadata schemas: what does not hold is refused with its pointer, wherever metadata are stated."""

from typing import Any

import pytest

from control_plane.context import Context
from tests.control_plane.bulk import counts, send, worked_off
from tests.control_plane.client import Client, assert_problem, created, ok

PROPERTIES = {
    "size": {"type": "string", "required": True, "enum": ["s", "m", "l"]},
    "rank": {"type": "number"},
    "vip": {"type": "boolean"},
    "born": {"type": "date"},
    "seen": {"type": "datetime"},
    "tags": {"type": "array", "items": "string", "max_length": 3},
}
SCHEMA = {"properties": PROPERTIES, "allow_undefined": False}


async def put(api: Client, thing: str, body: Any = SCHEMA) -> dict[str, Any]:
    return ok(await api("PUT", f"/v1/metadata-schemas/{thing}", body))


async def test_a_schema_is_put_shown_changed_and_deleted(api: Client) -> None:
    made = await put(api, "customer")
    assert (made["id"], made["object"], made["allow_undefined"]) == ("customer", "metadata_schema", False)
    assert made["properties"]["size"] == {
        "type": "string", "items": None, "required": True, "enum": ["s", "m", "l"], "max_length": None,
    }  # fmt: skip
    assert await put(api, "customer") == made
    assert ok(await api.get("/v1/metadata-schemas/customer")) == made
    await put(api, "voucher", {})
    listed = ok(await api.get("/v1/metadata-schemas"))["data"]
    assert [each["id"] for each in listed] == ["voucher", "customer"]
    change = {"properties": {"rank": None, "age": {"type": "number", "enum": [1, 2.5]}}, "allow_undefined": True}
    changed = ok(await api.patch("/v1/metadata-schemas/customer", change))
    assert set(changed["properties"]) == {*PROPERTIES, "age"} - {"rank"}
    assert (changed["properties"]["age"]["enum"], changed["allow_undefined"]) == ([1, 2.5], True)
    answer = await api.delete("/v1/metadata-schemas/customer")
    assert (answer.status_code, answer.content) == (204, b"")
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {})):
        assert_problem(await api(method, "/v1/metadata-schemas/customer", body), "metadata_schema_not_found")
    assert_problem(await api("PUT", "/v1/metadata-schemas/coupon", {}), "metadata_schema_not_found")


@pytest.mark.parametrize(
    ("properties", "pointers"),
    [
        ({"a": 5}, ("/a",)),
        ({"a": None}, ("/a",)),
        ({"a": {}}, ("/a/type",)),
        ({"a": {"type": "money"}}, ("/a/type",)),
        ({"a": {"type": "array"}}, ("/a/items",)),
        ({"a": {"type": "string", "items": "string"}}, ("/a/items",)),
        ({"a": {"type": "number", "max_length": 5}}, ("/a/max_length",)),
        ({"a": {"type": "number", "enum": [1, "2", True]}}, ("/a/enum/1", "/a/enum/2")),
        ({"a": {"type": "string", "enum": []}}, ("/a/enum",)),
        ({"a": {"type": "string", "max_length": 0, "unique": True}}, ("/a/max_length", "/a/unique")),
        ({"": {"type": "string"}}, ("/",)),
        ({"n" * 101: {"type": "string"}}, (f"/{'n' * 100}",)),
        ({str(n): {"type": "string"} for n in range(101)}, ("",)),
    ],
)
async def test_bad_schemas(api: Client, properties: Any, pointers: tuple[str, ...]) -> None:
    at = tuple(f"/properties{pointer}" for pointer in pointers)
    answer = await api("PUT", "/v1/metadata-schemas/customer", {"properties": properties})
    assert_problem(answer, "invalid_request", *at)
    assert_problem(await api.get("/v1/metadata-schemas/customer"), "metadata_schema_not_found")


@pytest.mark.parametrize(
    ("metadata", "pointers"),
    [
        ({"size": "s"}, ()),
        ({"size": "m", "rank": 1.5, "vip": False, "born": "2001-02-28", "seen": "2026-01-01T10:00:00Z"}, ()),
        ({"size": "l", "tags": ["a", "bcd"], "rank": None}, ()),
        ({}, ("/size",)),
        ({"size": None}, ("/size",)),
        ({"size": "xl"}, ("/size",)),
        ({"size": "s", "rank": "1"}, ("/rank",)),
        ({"size": "s", "rank": True}, ("/rank",)),
        ({"size": "s", "vip": 1}, ("/vip",)),
        ({"size": "s", "born": "2001-02-30"}, ("/born",)),
        ({"size": "s", "born": "20010228"}, ("/born",)),
        ({"size": "s", "born": "2001-02-28T00:00:00Z"}, ("/born",)),
        ({"size": "s", "seen": "2001-02-28"}, ("/seen",)),
        ({"size": "s", "tags": "a"}, ("/tags",)),
        ({"size": "s", "tags": ["a", 5, "long"]}, ("/tags/1", "/tags/2")),
        ({"size": "s", "a/b": 1}, ("/a~1b",)),
    ],
)
async def test_what_holds_and_what_does_not(api: Client, metadata: Any, pointers: tuple[str, ...]) -> None:
    await put(api, "customer")
    answer = await api.post("/v1/customers", {"id": "ann", "metadata": metadata})
    if pointers:
        assert_problem(answer, "invalid_request", *(f"/metadata{pointer}" for pointer in pointers))
        assert_problem(await api.get("/v1/customers/ann"), "customer_not_found")
    else:
        assert ok(answer)["metadata"] == metadata


PERCENT = {"discount_type": "PERCENT", "discount_value": 20}
MADE: list[tuple[str, str, dict[str, Any]]] = [
    ("campaign", "/v1/campaigns", {"name": "A"}),
    ("collection", "/v1/collections", {"id": "summer"}),
    ("customer", "/v1/customers", {"id": "ann"}),
    ("gift_card", "/v1/gift-cards", {"amount": 5}),
    ("loyalty_program", "/v1/loyalty-programs", {"name": "Club"}),
    ("order", "/v1/orders", {"id": "ord"}),
    ("product", "/v1/products", {"id": "shoe"}),
    ("promotion_tier", "/v1/promotion-tiers", {"name": "T", **PERCENT}),
    ("referral_program", "/v1/referral-programs", {"name": "Friends", "rules": PERCENT}),
    ("segment", "/v1/segments", {"id": "vip"}),
    ("sku", "/v1/skus", {"id": "shoe-42", "product_id": "shoe"}),
    ("validation_rule", "/v1/validation-rules", {"name": "R", "rule": {"order.amount": {"gte": 5}}}),
    ("voucher", "/v1/vouchers", PERCENT),
]
UPSERTED = {"collection", "customer", "order", "product", "segment", "sku"}


@pytest.mark.parametrize(("thing", "path", "body"), MADE, ids=[each[0] for each in MADE])
async def test_each_thing_is_held_to_its_schema(api: Client, thing: str, path: str, body: dict[str, Any]) -> None:
    """Made and changed; what does not touch metadata is not judged by them, what is there already neither."""
    before = (await api.post(path, body)).json()
    await put(api, thing)
    assert_problem(await api.post(path, {**body, "metadata": {"size": 1}}), "invalid_request", "/metadata/size")
    if thing in UPSERTED:
        ok(await api.post(path, body))
        assert_problem(await api.post(path, {**body, "id": "new"}), "invalid_request", "/metadata/size")
        assert ok(await api.post(path, {**body, "id": "new", "metadata": {"size": "s"}}))["metadata"] == {"size": "s"}
        return
    assert_problem(await api.post(path, body), "invalid_request", "/metadata/size")
    made = created(await api.post(path, {**body, "metadata": {"size": "s"}}))
    assert made["metadata"] == {"size": "s"}
    one = f"{path}/{before['id']}"
    assert_problem(await api.patch(one, {"metadata": {"other": 1}}), "invalid_request", *_pointers("size", "other"))
    ok(await api.patch(one, {"metadata": {"size": "m"}}))


def _pointers(*names: str) -> tuple[str, ...]:
    return tuple(f"/metadata/{name}" for name in names)


async def test_cards_and_publications_are_held_as_well(api: Client) -> None:
    club = created(await api.post("/v1/loyalty-programs", {"name": "Club"}))["id"]
    await put(api, "loyalty_card")
    await put(api, "publication")
    cards = f"/v1/loyalty-programs/{club}/cards"
    assert_problem(await api.post(cards, {"customer_id": "ann"}), "invalid_request", "/metadata/size")
    created(await api.post(cards, {"customer_id": "ann", "metadata": {"size": "s"}}))
    given = {"campaign_id": club, "customer_id": "ann"}
    assert_problem(await api.post("/v1/publications", given), "invalid_request", "/metadata/size")
    created(await api.post("/v1/publications", {**given, "metadata": {"size": "s"}}))
    to_all = {"campaign_id": club, "segment_id": "vip", "metadata": {"size": 5}}
    assert_problem(await api.post("/v1/distributions", to_all), "invalid_request", "/metadata/size")


async def test_files_and_bulk_updates_name_the_rows(api: Client, context: Context) -> None:
    await put(api, "voucher")
    await put(api, "customer")
    file = 'code,discount_type,discount_value,metadata\nGOOD,AMOUNT,5,"{""size"":""s""}"\nBAD,AMOUNT,5,\n'
    shown = await worked_off(api, context, await send(api, "/v1/vouchers/import", file))
    assert counts(shown) == ("done", 2, 1, 1)
    assert shown["failures"] == [{"row": 3, "code": "BAD", "reason": "metadata/size: is required"}]
    file = 'id,metadata\nann,"{""size"":""m""}"\nbob,"{""size"":""xl""}"\n'
    shown = await worked_off(api, context, await send(api, "/v1/customers/import", file))
    assert counts(shown) == ("done", 2, 1, 1)
    assert shown["failures"][0]["code"] == "bob"
    body = {"vouchers": [{"code": "GOOD", "metadata": {"size": "l"}}, {"code": "GOOD", "metadata": {"x": 1}}]}
    ordered = ok(await api.post("/v1/vouchers/bulk-update", body), 202)
    shown = await worked_off(api, context, ordered["async_action_id"])
    assert counts(shown) == ("done", 2, 1, 1)
    assert ok(await api.get("/v1/vouchers/GOOD"))["metadata"] == {"size": "l"}


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "1" * 41, "1e-41"])
async def test_422_a_number_that_no_metadata_can_be(api: Client, number: str) -> None:
    body = '{"properties": {"a": {"type": "number", "enum": [1, NUMBER]}}}'.replace("NUMBER", number)
    answer = await api("PUT", "/v1/metadata-schemas/order", body.encode())
    assert_problem(answer, "invalid_request", "/properties/a/enum/1")


async def test_422_a_schema_that_is_too_long_at_once_or_by_and_by(api: Client) -> None:
    path, options = "/v1/metadata-schemas/order", [f"{n:03}{'x' * 490}" for n in range(100)]
    long = {"type": "string", "enum": options}
    answer = await api("PUT", path, {"properties": {"a": long, "b": long, "c": long}})
    assert_problem(answer, "invalid_request", "/properties")
    ok(await api("PUT", path, {"properties": {"a": long, "b": long}}))
    assert_problem(await api.patch(path, {"properties": {"c": long}}), "invalid_request", "/properties")
    most = ok(await api.patch(path, {"properties": {"c": {**long, "enum": options[:62]}}}))["properties"]
    assert len(most["c"]["enum"]) == 62
