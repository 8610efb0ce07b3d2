"""Bulk updates: up to a hundred records in a request, each put in force or reported."""

from typing import Any

from control_plane.context import Context
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from tests.control_plane.bulk import action, counts, worked_off
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok


async def update(api: Client, resource: str, records: Any) -> str:
    answer = await api.post(f"/v1/{resource}/bulk-update", {resource: records})
    action_id: str = ok(answer, 202)["async_action_id"]
    return action_id


async def test_vouchers_are_changed_each_on_its_own(api: Client, context: Context, owner: Any) -> None:
    for n in range(50):
        created(await api.post("/v1/vouchers", {"code": f"U{n}", "discount_value": 20}))
    records: list[dict[str, Any]] = [{"code": f"u{n}", "metadata": {"n": n}, "max_redemptions": 3} for n in range(50)]
    records[7] = {"code": "NOBODY", "metadata": {}}
    records[8] = {"code": "U8", "colour": "red"}
    records[9] = {"code": "U9", "discount_value": None}
    shown = await worked_off(api, context, await update(api, "vouchers", records))
    assert counts(shown) == ("done", 50, 47, 3)
    assert [(failure["row"], failure["code"]) for failure in shown["failures"]] == [
        (8, "NOBODY"),
        (9, "U8"),
        (10, "U9"),
    ]
    assert shown["failures"][0]["reason"].startswith("voucher_not_found")
    assert shown["failures"][1]["reason"] == "colour: there is no such field here"
    changed = ok(await api.get("/v1/vouchers/U49"))
    assert (changed["metadata"], changed["redemptions"]["limit"], changed["version"]) == ({"n": 49}, 3, 2)
    assert ok(await api.get("/v1/vouchers/U9"))["version"] == 1
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_what_cannot_be_kept_is_reported_all_the_same(api: Client, context: Context) -> None:
    """A report is kept as it is told: a NUL in a name would keep the whole update from ever being over."""
    records: list[dict[str, Any]] = [{"id": "a\0"}, {"id": "b", "c\0": 1}, {"id": "d", "metadata": {"e\0": 1}}]
    shown = await worked_off(api, context, await update(api, "customers", [*records, {"id": "f"}]))
    assert counts(shown) == ("done", 4, 1, 3)
    assert [(failure["row"], failure["code"]) for failure in shown["failures"]] == [(1, "a\ufffd"), (2, "b"), (3, "d")]
    assert shown["failures"][1]["reason"] == "c\ufffd: there is no such field here"


async def test_a_bulk_update_killed_half_way_changes_nothing_twice(
    api: Client, context: Context, owner: Any, tenancy: Tenancy
) -> None:
    for n in range(60):
        created(await api.post("/v1/vouchers", {"code": f"K{n}", "discount_value": 20}))
    action_id = await update(api, "vouchers", [{"code": f"K{n}", "discount_value": 30} for n in range(60)])
    half = Action(tenancy.made.account_id, tenancy.project_id, 1, action_id)
    await owner.execute("UPDATE async_actions SET status = 'running'")
    assert await worker.make_chunk(context, half, await worker.tenant_of_action(context, half))
    assert (await action(api, action_id))["done_count"] == 20
    await owner.execute("UPDATE async_actions SET locked_until = NULL")
    assert counts(await worked_off(api, context, action_id)) == ("done", 60, 60, 0)
    assert await owner.fetchval("SELECT count(*) FROM vouchers WHERE version = 2") == 60
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'voucher.update'") == 60


async def test_customers_and_products(api: Client, context: Context) -> None:
    records = [{"id": "c1", "name": "Ann"}, {"id": "c2", "email": "no"}]
    assert counts(await worked_off(api, context, await update(api, "customers", records))) == ("done", 2, 1, 1)
    assert ok(await api.get("/v1/customers/c1"))["name"] == "Ann"
    products: list[dict[str, Any]] = [{"id": "p1", "price": 9.99, "metadata": {"big": 12345678901234567890.5}}]
    assert counts(await worked_off(api, context, await update(api, "products", products))) == ("done", 1, 1, 0)
    assert ok(await api.get("/v1/products/p1"))["price"] == 9.99


async def test_422_of_bulk_updates(api: Client) -> None:
    many = [{"code": "A"}] * 101
    for body, *pointers in (
        ({}, "/vouchers"),
        ({"vouchers": []}, "/vouchers"),
        ({"vouchers": many}, "/vouchers"),
        ({"vouchers": {"code": "A"}}, "/vouchers"),
        ({"vouchers": [{"code": "A"}, 5, {"metadata": {}}]}, "/vouchers/1", "/vouchers/2"),
        ({"vouchers": [{"code": "A"}], "more": 1}, "/more"),
    ):
        assert_problem(await api.post("/v1/vouchers/bulk-update", body), "invalid_request", *pointers)
    assert_problem(await api.post("/v1/vouchers/bulk-update", b"[]"), "malformed_body")


async def test_g3_a_bulk_update_sent_twice_with_one_key_is_one(api: Client, owner: Any) -> None:
    body, key = {"customers": [{"id": "c1"}]}, {"Idempotency-Key": "k"}
    first = await api.post("/v1/customers/bulk-update", body, headers=key)
    assert (await api.post("/v1/customers/bulk-update", body, headers=key)).content == first.content
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 1


async def test_what_no_row_can_hold_is_reported_and_the_others_go_on(api: Client, context: Context) -> None:
    created(await api.post("/v1/vouchers", {"code": "GOOD", "discount_value": 20}))
    records = [{"code": "A\x00B"}, {"code": "GOOD", "a\x00b": 1}, {"code": "GOOD", "metadata": {"n": 1}}]
    shown = await worked_off(api, context, await update(api, "vouchers", records))
    assert counts(shown) == ("done", 3, 1, 2)
    assert [failure["code"] for failure in shown["failures"]] == ["A\ufffdB", "GOOD"]
    assert shown["failures"][1]["reason"] == "a\ufffdb: there is no such field here"
    shown = await worked_off(api, context, await update(api, "customers", [{"id": "c\x00"}, {"id": "c"}]))
    assert counts(shown) == ("done", 2, 1, 1)
