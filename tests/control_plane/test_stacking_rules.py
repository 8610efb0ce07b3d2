"""Stacking rules over HTTP: read, put as a whole, in force when that is answered."""

from typing import Any

import msgspec

from domain.definitions import ProjectSettings, settings_key
from domain.ledger import Position
from domain.outcomes import Status
from store.definitions import encode_settings
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, ok
from tests.control_plane.conftest import NewTenancy

RULES: dict[str, Any] = {
    "application_mode": "PARTIAL",
    "max_applied": 5,
    "exclusive_categories": ["staff"],
    "joint_categories": ["shipping"],
    "category_order": ["staff", "shipping"],
    "percent_of": "INITIAL",
    "no_effect": "REFUSE",
    "once_per_order": False,
    "request_attributes": True,
}
DEFAULTS: dict[str, Any] = {
    "application_mode": "ALL",
    "max_applied": 30,
    "exclusive_categories": [],
    "joint_categories": [],
    "category_order": [],
    "percent_of": "DISCOUNTED",
    "no_effect": "SKIP",
    "once_per_order": True,
    "request_attributes": False,
}


async def put(api: Client, body: dict[str, Any], **more: Any) -> Any:
    return await api("PUT", "/v1/stacking-rules", body, **more)


async def test_g6_they_are_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    first = ok(await api.get("/v1/stacking-rules"))
    assert first == {"object": "stacking_rules", **DEFAULTS, "version": 1, "updated_at": None}
    _, change, _ = await scripts.peek(tenancy.project_id, [])
    blank = encode_settings(ProjectSettings(tenancy.project_id))
    assert await scripts.hydrate(tenancy.project_id, change, Position(), [blank], []) is Status.OK
    body = ok(await put(api, RULES))
    assert {name: body[name] for name in RULES} == RULES
    assert body["version"] == 2
    assert ok(await api.get("/v1/stacking-rules")) == body
    _, _, found = await scripts.peek(tenancy.project_id, [settings_key(tenancy.project_id)])
    assert found[0] is not None
    assert msgspec.msgpack.decode(found[0].body, type=ProjectSettings) == ProjectSettings(
        tenancy.project_id, 2, "PARTIAL", 5, ("staff",), ("shipping",), ("staff", "shipping"), "INITIAL", "REFUSE",
        once_per_order=False, request_attributes=True,
    )  # fmt: skip


async def test_put_is_the_whole_of_them(api: Client) -> None:
    ok(await put(api, RULES))
    body = ok(await put(api, {"max_applied": 2}))
    assert {name: body[name] for name in DEFAULTS} == {**DEFAULTS, "max_applied": 2}
    assert body["version"] == 3
    assert ok(await put(api, {"max_applied": 2})) == body


async def test_422_every_field_is_named(api: Client) -> None:
    body = {
        "application_mode": "SOME",
        "max_applied": 31,
        "exclusive_categories": ["a", "b"],
        "joint_categories": ["c", "b"],
        "category_order": [""],
        "percent_of": None,
        "no_effect": 1,
        "once_per_order": "yes",
        "orders_counted_since": 1,
    }
    named = [name for name in body if not name.endswith("_categories") and name != "category_order"]
    assert_problem(
        await put(api, body),
        "invalid_request",
        *(f"/{name}" for name in named),
        *("/joint_categories/1", "/category_order/0"),
    )


async def test_g5_each_project_has_its_own(new_tenancy: NewTenancy) -> None:
    mine, theirs = await new_tenancy(), await new_tenancy()
    ok(await put(mine.secret, RULES))
    assert ok(await theirs.secret.get("/v1/stacking-rules"))["version"] == 1
    assert_problem(await put(mine.publishable, RULES), "publishable_key")
    assert_problem(await put(mine.admin, RULES), "secret_key_required")


async def test_g3_put_once_for_its_key(api: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = await put(api, RULES, headers=key)
    ok(await put(api, {}))
    again = await put(api, RULES, headers=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert ok(await api.get("/v1/stacking-rules"))["version"] == 3
