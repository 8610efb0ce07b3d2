"""Rows that many want: whoever locks several does so in one order, and one that is deleted meanwhile is made anew."""

import asyncio
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from tests.control_plane.bulk import send
from tests.control_plane.client import Client, created, ok

_WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
_LOCK = "SELECT id FROM customers WHERE id = $1 FOR UPDATE NOWAIT"


async def until_waiting(owner: Any, task: asyncio.Task[Any]) -> None:
    """Until the task waits for a row."""
    while not task.done() and not await owner.fetchval(_WAITS):
        pass
    assert not task.done()


async def import_both(api: Client) -> None:
    await send(api, "/v1/customers/import", "id,name\nz,Z\na,A\n")


async def update_both(api: Client) -> None:
    body = {"customers": [{"id": "z", "name": "Z"}, {"id": "a", "name": "A"}]}
    ok(await api.post("/v1/customers/bulk-update", body), 202)


async def distribute_to_both(api: Client) -> None:
    rules = {"discount_type": "PERCENT", "discount_value": 10}
    made = created(await api.post("/v1/campaigns", {"name": "Vip", "rules": rules, "auto_issue": True}))
    ok(await api.post("/v1/distributions", {"campaign_id": made["id"], "segment_id": "vip"}), 202)


@pytest.mark.parametrize("order", [import_both, update_both, distribute_to_both])
async def test_jobs_lock_customers_by_their_ids(api: Client, context: Context, owner: Any, order: Any) -> None:
    """Else a job and a request that names the same customers would wait for each other."""
    for id_ in ("z", "a"):
        ok(await api.post("/v1/customers", {"id": id_, "segments": ["vip"]}))
    await order(api)
    async with owner.transaction():
        await owner.fetchval(_LOCK, "a")
        job = asyncio.create_task(worker.work_off(context))
        await until_waiting(owner, job)
        assert await owner.fetchval(_LOCK, "z") == "z"
    await job
    shown = ok(await api.get("/v1/async-actions?limit=1"))["data"][0]
    assert (shown["status"], shown["done_count"], shown["failed_count"]) == ("done", 2, 0)


@pytest.mark.parametrize("area", ["customers", "segments", "collections"])
async def test_what_is_deleted_while_it_is_upserted_is_made_anew(api: Client, owner: Any, area: str) -> None:
    ok(await api.post(f"/v1/{area}", {"id": "a", "name": "Old"}))
    async with owner.transaction():
        await owner.fetchval(f"SELECT id FROM {area} WHERE id = 'a' FOR UPDATE")  # noqa: S608 - one of three words
        upsert = asyncio.create_task(api.post(f"/v1/{area}", {"id": "a", "metadata": {"b": 1}}))
        await until_waiting(owner, upsert)
        await owner.execute(f"DELETE FROM {area} WHERE id = 'a'")  # noqa: S608
    made = ok(await upsert)
    assert (made["name"], made["metadata"]) == (None, {"b": 1})


async def test_who_is_deleted_while_put_into_a_segment_is_made_anew(api: Client, owner: Any) -> None:
    for area in ("segments", "customers"):
        ok(await api.post(f"/v1/{area}", {"id": "a"}))
    async with owner.transaction():
        await owner.fetchval(_LOCK, "a")
        change = asyncio.create_task(api.post("/v1/segments/a/customers", {"add": ["a", "b"]}))
        await until_waiting(owner, change)
        await owner.execute("DELETE FROM customers WHERE id = 'a'")
    assert ok(await change) == {"added": 2, "removed": 0}
    assert [row["id"] for row in ok(await api.get("/v1/segments/a/customers"))["data"]] == ["b", "a"]


async def test_g6_a_distribution_gives_nothing_of_what_was_archived_before(
    api: Client, context: Context, owner: Any
) -> None:
    for id_ in ("z", "a"):
        ok(await api.post("/v1/customers", {"id": id_, "segments": ["vip"]}))
    rules = {"discount_type": "PERCENT", "discount_value": 10}
    made = created(await api.post("/v1/campaigns", {"name": "Vip", "rules": rules}))
    for _ in range(2):
        created(await api.post("/v1/vouchers", {"campaign_id": made["id"]}))
    ok(await api.post("/v1/distributions", {"campaign_id": made["id"], "segment_id": "vip"}), 202)
    async with owner.transaction():
        await owner.execute("SELECT FROM campaigns FOR UPDATE")
        await owner.execute("UPDATE campaigns SET status = 'archived'")
        job = asyncio.create_task(worker.work_off(context))
        await until_waiting(owner, job)
    await job
    shown = ok(await api.get("/v1/async-actions?limit=1"))["data"][0]
    assert (shown["status"], shown["done_count"], shown["failed_count"]) == ("done", 0, 2)
    assert await owner.fetchval("SELECT count(*) FROM publications") == 0
