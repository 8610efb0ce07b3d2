"""Customers changed, deleted, found, exported and erased over HTTP."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from control_plane.context import Context
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from control_plane.jobs.registry import KINDS
from control_plane.jobs.sweeping import sweep
from domain.definitions import customer_key
from domain.events import Line, Redeemed, encode
from domain.ledger import CounterState, Position, Record
from domain.orders import Customer
from domain.outcomes import Status
from store.definitions import encode_customer
from store.link import Link
from store.scripts import RECORD_TTL_MS, Scripts, parse_record
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import SHARD, NewTenancy
from tests.control_plane.test_shop import JANE, change_number, hydrate, in_redis

OWN = "u:vch_1:cust_1"


async def redeemed(owner: Any, tenancy: Tenancy, count: int, customer: str = "cust_1", since: int = 0) -> list[str]:
    """Redemptions as the reconciler writes them, each with a move on the customer's own counter."""
    project_id, account_id = tenancy.project_id, tenancy.made.account_id
    line = Line("voucher", "vch_1", None, "SAVE20", 500, (("r:vch_1", 1, ""), (OWN, 1, "u:vch_1")))
    ids = [f"rdm_{since + number:05}" for number in range(count)]
    for redemption_id in ids:
        event = Redeemed(
            *(redemption_id, account_id, project_id, b"f" * 16, "a key", customer, "EUR", 2, 5000, 500, False, (line,))
        )
        await owner.execute(
            """INSERT INTO redemptions (project_id, id, customer_id, currency, order_value_minor, discount_minor,
                total_minor, durability, idempotency_key, fingerprint, created_at, shard, epoch, entry_ms, entry_seq,
                entry_index, body)
            VALUES ($1, $2, $3, 'EUR', 5000, 500, 4500, 'durable', 'a key', $4, now(), $6, 1, 1, 1, 0, $5)""",
            *(project_id, redemption_id, customer, b"f" * 16, encode(event), SHARD),
        )
        await owner.execute(
            """INSERT INTO redemption_lines (project_id, redemption_id, line_no, object, redeemable_id, code,
                discount_minor, moves, created_at) VALUES ($1, $2, 1, 'voucher', 'vch_1', 'SAVE20', 500, $3, now())""",
            *(project_id, redemption_id, line.moves),
        )
    return ids


async def count(owner: Any, customer: str = "cust_1") -> int:
    return int(await owner.fetchval("SELECT count(*) FROM redemptions WHERE customer_id = $1", customer))


async def action_of(api: Client, path: str = "/v1/customers/cust_1/erase") -> str:
    return str(ok(await api.post(path), 202)["async_action_id"])


async def test_patch_changes_what_is_given_and_refuses_who_is_unknown(api: Client) -> None:
    assert_problem(await api.patch("/v1/customers/cust_1", {"name": "J"}), "customer_not_found")
    first = ok(await api.post("/v1/customers", JANE))
    changed = ok(await api.patch("/v1/customers/cust_1", {"name": None, "metadata": {"a": 1}}))
    assert (changed["name"], changed["metadata"], changed["email"]) == (None, {"a": 1}, first["email"])
    assert changed["version"] > first["version"]
    assert ok(await api.patch("/v1/customers/cust_1", {})) == changed
    wrong = {"id": "other", "email": "x", "segments": ["\x00"], "age": 1}
    refused = await api.patch("/v1/customers/cust_1", wrong)
    assert_problem(refused, "invalid_request", "/id", "/email", "/segments/0", "/age")


async def test_g6_a_deleted_customer_is_out_of_force_when_answered(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    key = customer_key(tenancy.project_id, "cust_1")
    await hydrate(scripts, tenancy.project_id, encode_customer(tenancy.project_id, Customer("cust_1")))
    first = ok(await api.post("/v1/customers", JANE))
    assert (await in_redis(scripts, tenancy.project_id, key, Customer)).segments == ("vip", "eu")
    before = await change_number(scripts, tenancy.project_id)
    gone = await api.delete("/v1/customers/cust_1", headers={"Idempotency-Key": "once"})
    assert (gone.status_code, gone.content) == (204, b"")
    assert await in_redis(scripts, tenancy.project_id, key, Customer) is None
    assert await change_number(scripts, tenancy.project_id) > before
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE object = 'customer' AND applied_at IS NULL") == 0
    assert await owner.fetchval("SELECT count(*) FROM customer_segments") == 0
    assert_problem(await api.get("/v1/customers/cust_1"), "customer_not_found")
    assert_problem(await api.delete("/v1/customers/cust_1"), "customer_not_found")
    again = await api.delete("/v1/customers/cust_1", headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (204, "true")
    back = ok(await api.post("/v1/customers", {"id": "cust_1"}))
    assert back["version"] > first["version"]
    assert (back["name"], back["segments"]) == (None, [])


async def test_lists_are_narrowed_by_address_segment_and_time(api: Client, new_tenancy: NewTenancy) -> None:
    other = (await new_tenancy()).secret
    for id_, email, segments in (
        ("a", "A@x.example", ["vip"]),
        ("b", "a@X.example", []),
        ("c", "c@x.example", ["vip"]),
    ):
        ok(await api.post("/v1/customers", {"id": id_, "email": email, "segments": segments}))
        ok(await other.post("/v1/customers", {"id": id_ * 2, "email": email, "segments": segments}))

    async def found(query: str) -> list[str]:
        return [one["id"] for one in ok(await api.get(f"/v1/customers?{query}"))["data"]]

    assert await found("email=a@x.EXAMPLE") == ["b", "a"]
    assert await found("email=a@x") == []
    assert await found("segment=vip") == ["c", "a"]
    assert await found("segment=none") == []
    assert await found("email=a@x.example&segment=vip") == ["a"]
    assert await found("search=c&segment=vip") == ["c"]
    assert await found("search=a&email=c@x.example") == []
    middle = ok(await api.get("/v1/customers/b"))["created_at"].replace("+", "%2B")
    assert await found(f"created_before={middle}") == ["a"]
    assert await found(f"created_from={middle}&segment=vip") == ["c"]
    page = ok(await api.get("/v1/customers?segment=vip&limit=1"))
    assert await found(f"segment=vip&limit=1&cursor={page['next_cursor']}") == ["a"]


async def test_an_erasure_that_is_killed_half_way_goes_on(
    api: Client,
    tenancy: Tenancy,
    owner: Any,
    context: Context,
    scripts: Scripts,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.erasing.MOST_AT_ONCE", 3)
    ids = await redeemed(owner, tenancy, 7)
    await redeemed(owner, tenancy, 2, "cust_2", 10)
    await owner.execute(
        "INSERT INTO counters (project_id, id, kind) VALUES ($1, $2, 'customer')", tenancy.project_id, OWN
    )
    record = Record(b"f" * 16, Position(1, 2), 3, int(datetime.now(UTC).timestamp() * 1000), b"cust_1")
    assert await scripts.restore([(ids[0], record)]) is Status.OK
    change = await change_number(scripts, tenancy.project_id)
    unsettled = CounterState(None, 7, 0, 7, 0, 0, 0)
    assert await scripts.hydrate(tenancy.project_id, change, Position(), [], [(OWN, unsettled)]) is Status.OK

    action_id = await action_of(api)
    assert await action_of(api) == action_id  # while it is under way it is one
    project_id, account_id = tenancy.project_id, tenancy.made.account_id
    half = Action(account_id, project_id, SHARD, action_id)
    async with context.database.tenant_tx(project_id) as tx:
        await tx.execute(worker._TAKE, project_id, action_id, 0.0, list(KINDS))
    tenant = await worker.tenant_of_action(context, half)
    for _ in range(2):
        assert await worker.make_chunk(context, half, tenant)
    assert await count(owner) == 4
    link = Link(redis_url)
    spelled = scripts.keyspace.record(ids[0])
    assert parse_record(await link.command("GET", spelled)) == record  # told with the next part, whoever does it
    await owner.execute("UPDATE async_actions SET locked_until = NULL")  # as when its lease is over
    await worker.work_off(context)
    action = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (action["status"], action["done_count"], action["failed_count"]) == ("done", 7, 0)
    assert (await count(owner), await count(owner, "cust_2")) == (0, 2)
    assert await owner.fetchval("SELECT count(*) FROM counters WHERE id = $1", OWN) == 0
    left = await owner.fetch("SELECT params, position FROM async_actions")
    assert "cust_1" not in str(left)
    assert await owner.fetchval("SELECT count(*) FROM async_action_chunks") == 0
    blank = parse_record(await link.command("GET", spelled))
    assert (blank.fingerprint, blank.position, blank.index, blank.time_ms) == (bytes(16), *structs.astuple(record)[1:4])
    assert b"cust_1" not in blank.payload
    assert 0 < await link.command("PTTL", spelled) <= RECORD_TTL_MS
    assert await link.command("EXISTS", scripts.keyspace.counter(OWN)) == 0
    await link.close()


async def test_an_open_quarantine_entry_is_named_and_the_rest_is_erased(
    api: Client, tenancy: Tenancy, owner: Any, context: Context
) -> None:
    project_id, account_id = tenancy.project_id, tenancy.made.account_id
    event = Redeemed("rdm_q", account_id, project_id, b"f" * 16, None, "cust_1", "EUR", 2, 1, 1, False, ())
    for number, status in enumerate(("open", "void")):
        await owner.execute(
            """INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, redemption_id,
                payload, reason, status, resolved_at)
            VALUES ($1, $2, 1, 1, $3, 0, $4, 'rdm_q', $5, 'integrity', $6, CASE WHEN $6 = 'void' THEN now() END)""",
            *(f"qrn_{number}", SHARD, number, project_id, encode(event), status),
        )
    ok(await api.post("/v1/customers", JANE))
    action_id = await action_of(api)
    await worker.work_off(context)
    action = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (action["status"], action["failed_count"]) == ("done", 1)
    assert action["failures"][0]["code"] == "qrn_0"
    payloads = {row["id"]: row["payload"] for row in await owner.fetch("SELECT id, payload FROM quarantine")}
    assert payloads == {"qrn_0": encode(event), "qrn_1": b""}


async def test_what_was_answered_and_reported_forgets_who_it_was(
    api: Client, tenancy: Tenancy, owner: Any, context: Context
) -> None:
    ok(await api.post("/v1/customers", JANE, headers={"Idempotency-Key": "first"}))
    wrong = {"customers": [{"id": "cust_1", "email": "none"}, {"id": "cust_9", "email": "none"}]}
    ok(await api.post("/v1/customers/bulk-update", wrong), 202)
    await worker.work_off(context)
    assert "cust_1" in str(await owner.fetch("SELECT failures FROM async_actions"))
    await action_of(api)
    await worker.work_off(context)
    await sweep(context)
    failures = str(await owner.fetch("SELECT failures, params FROM async_actions"))
    assert ("cust_1" in failures, "cust_9" in failures) == (False, True)
    retried = await api.post("/v1/customers", JANE, headers={"Idempotency-Key": "first"})
    assert_problem(retried, "idempotency_key_reused")
    entries = await owner.fetch("SELECT action, object_id FROM audit_log WHERE object = 'customer' ORDER BY id")
    assert [row["action"] for row in entries] == ["customer.upsert", "customer.erase"]
    assert entries[0]["object_id"] == "erased"
    assert entries[1]["object_id"].startswith("erased:")
    assert "cust_1" not in str(entries)


async def test_who_is_upserted_anew_while_an_erasure_runs_stays(
    api: Client, owner: Any, tenancy: Tenancy, context: Context
) -> None:
    ok(await api.post("/v1/customers", JANE))
    await redeemed(owner, tenancy, 1)
    await action_of(api)
    assert_problem(await api.get("/v1/customers/cust_1"), "customer_not_found")
    back = ok(await api.post("/v1/customers", {"id": "cust_1", "name": "New"}))
    await worker.work_off(context)
    assert ok(await api.get("/v1/customers/cust_1")) == back
    assert await count(owner) == 0


async def test_g5_nobody_erases_or_exports_anothers(
    api: Client, owner: Any, tenancy: Tenancy, context: Context, new_tenancy: NewTenancy
) -> None:
    ok(await api.post("/v1/customers", JANE))
    await redeemed(owner, tenancy, 3)
    other = await new_tenancy()
    assert_problem(await other.secret.get("/v1/customers/cust_1/export"), "customer_not_found")
    await action_of(other.secret)
    await worker.work_off(context)
    assert await count(owner) == 3
    assert ok(await api.get("/v1/customers/cust_1"))["name"] == "Jane"
    async with context.database.tenant_tx(other.project_id) as tx:
        assert await tx.fetch("SELECT * FROM erase_redemptions($1, 'cust_1', 10)", tenancy.project_id) == []
    for sql in (
        "UPDATE redemptions SET customer_id = NULL",
        "UPDATE receipts SET salt = NULL",
        "SELECT blank_redeemed('')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with context.database.tenant_tx(tenancy.project_id) as tx:
                await tx.execute(sql)


async def test_an_export_goes_over_pages_and_knows_whom_the_ledger_alone_knows(
    api: Client, owner: Any, tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.customers.exporting.ROWS_A_PAGE", 2)
    ids = await redeemed(owner, tenancy, 5)
    for number in range(3):
        created(await api.post("/v1/gift-cards", {"amount": 5, "customer_id": "cust_1", "code": f"GIFT{number}"}))
        ok(await api.post(f"/v1/gift-cards/GIFT{number}/top-up", {"amount": 5}))
        ok(await api.post(f"/v1/gift-cards/GIFT{number}/top-up", {"amount": 5}))
    answer = await api.get("/v1/customers/cust_1/export")
    document = ok(answer)
    assert (document["customer"], document["object"]) == (None, "customer_export")
    assert sorted(one["id"] for one in document["redemptions"]) == ids
    assert sorted(one["code"] for one in document["gift_cards"]) == ["GIFT0", "GIFT1", "GIFT2"]
    assert {len(one["transactions"]) for one in document["gift_cards"]} == {3}
    assert_problem(await api.get("/v1/customers/nobody/export"), "customer_not_found")


async def test_answers_older_than_a_day_are_swept_whatever_key_comes_next(
    api: Client, owner: Any, context: Context
) -> None:
    ok(await api.post("/v1/customers", JANE, headers={"Idempotency-Key": "old"}))
    await owner.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await sweep(context)
    assert await owner.fetchval("SELECT count(*) FROM idempotency_keys WHERE body IS NULL") == 1
    retried = await api.post("/v1/customers", JANE, headers={"Idempotency-Key": "old"})
    assert_problem(retried, "idempotency_key_expired")
