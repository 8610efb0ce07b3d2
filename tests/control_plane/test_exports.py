"""Exports: all that a list shows, as a file that says no more than it should and opens in a spreadsheet unharmed."""

import csv
import io
from typing import Any

import msgspec
import pytest

from control_plane.async_actions import results
from control_plane.context import Context
from control_plane.exports import exporting
from control_plane.exports.formats import safe
from control_plane.exports.resources import EXPORTED
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from control_plane.jobs.sweeping import sweep
from tests.control_plane.bulk import action, counts, send, worked_off
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok


async def order(api: Client, resource: str, **more: Any) -> str:
    body = {"resource": resource, **more}
    action_id: str = ok(await api.post("/v1/exports", body), 202)["async_action_id"]
    return action_id


async def file_of(api: Client, shown: dict[str, Any]) -> str:
    """The file behind a finished export's link, fetched without a key."""
    answer = await Client(api._http, "nobody").get(shown["result_url"])
    assert answer.status_code == 200, answer.text
    return answer.text


async def vouchers(api: Client, context: Context, count: int) -> None:
    file = "code,discount_value\n" + "".join(f"E{n:04},20\n" for n in range(count))
    await worked_off(api, context, await send(api, "/v1/vouchers/import", file))


async def test_a_csv_has_every_row_once_over_many_chunks(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_A_CHUNK", 100)
    await vouchers(api, context, 1_000)
    action_id = await order(api, "vouchers", format="csv")
    queued = await action(api, action_id)
    assert (queued["status"], queued["progress"], queued["result_url"]) == ("queued", None, None)
    # What comes after the order is not in it.
    created(await api.post("/v1/vouchers", {"code": "LATER", "discount_value": 1}))
    shown = await worked_off(api, context, action_id)
    assert (*counts(shown), shown["progress"]) == ("done", 1_000, 1_000, 0, 1.0)
    rows = list(csv.DictReader(io.StringIO(await file_of(api, shown))))
    assert {row["code"] for row in rows} == {f"E{n:04}" for n in range(1_000)}
    assert len(rows) == 1_000
    assert (rows[0]["discount_value"], rows[0]["metadata"], rows[0]["campaign_id"]) == ("20", "{}", "")


async def test_a_download_goes_on_where_it_broke_off(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_A_CHUNK", 10)
    await vouchers(api, context, 35)
    shown = await worked_off(api, context, await order(api, "vouchers"))
    nobody = Client(api._http, "nobody")
    whole = await nobody.get(shown["result_url"])
    total = len(whole.content)
    assert (whole.headers["content-length"], whole.headers["accept-ranges"]) == (str(total), "bytes")
    for start in (1, total // 3, total - total // 4, total - 1):
        rest = await nobody.get(shown["result_url"], headers={"Range": f"bytes={start}-"})
        assert (rest.status_code, rest.content) == (206, whole.content[start:])
        assert rest.headers["content-range"] == f"bytes {start}-{total - 1}/{total}"
        assert (rest.headers["content-length"], rest.headers["etag"]) == (str(total - start), whole.headers["etag"])
    for odd in (f"bytes={total}-", "bytes=0-", "bytes=5-9", "bytes=-5", "rows=1-", "bytes=1-,5-", "bytes=x-"):
        answer = await nobody.get(shown["result_url"], headers={"Range": odd})
        assert (answer.status_code, answer.content) == (200, whole.content), odd


async def test_json_lines_are_what_the_list_shows(api: Client, context: Context) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", "discount_value": 20, "metadata": {"x": 1.50}}))
    made = created(await api.post("/v1/campaigns", {"name": "C", "rules": {"discount_value": 20}}))
    created(await api.post("/v1/vouchers", {"code": "B", "campaign_id": made["id"]}))
    filters = {"campaign_id": made["id"], "status": "active"}
    shown = await worked_off(api, context, await order(api, "vouchers", format="jsonl", filters=filters))
    listed = ok(await api.get(f"/v1/vouchers?campaign_id={made['id']}"))["data"]
    assert [msgspec.json.decode(line) for line in (await file_of(api, shown)).splitlines()] == listed


@pytest.mark.parametrize("resource", sorted(set(EXPORTED) - {"audit_log"}))
async def test_everything_can_be_exported_also_nothing(api: Client, context: Context, resource: str) -> None:
    shown = await worked_off(api, context, await order(api, resource))
    assert counts(shown) == ("done", 0, 0, 0)
    text = await file_of(api, shown)
    assert text.startswith(("id,", "number,", "program_id,redemption_id,"))
    assert text.count("\r\n") == 1


async def test_no_cell_is_a_formula_and_imports_read_what_exports_wrote(api: Client, context: Context) -> None:
    name = '=HYPERLINK("http://x","y")'
    ok(await api.post("/v1/customers", {"id": "+c1", "name": name, "metadata": {"a": "=1"}}))
    text = await file_of(api, await worked_off(api, context, await order(api, "customers")))
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["id"], row["name"]) == ("'+c1", f"'{name}")
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    ignored = "?map=version:,created_at:,updated_at:,segments:,rule_segments:"
    shown = await worked_off(api, context, await send(api, f"/v1/customers/import{ignored}", text))
    assert counts(shown) == ("done", 1, 1, 0)
    (only,) = ok(await api.get("/v1/customers"))["data"]
    assert (only["id"], only["name"], only["version"]) == ("+c1", name, int(row["version"]))
    assert [safe(text) for text in ("-1", "@x", "\tx", "a=1", "")] == ["'-1", "'@x", "'\tx", "a=1", ""]


async def test_an_export_killed_half_way_goes_on_without_doubles(
    api: Client, context: Context, owner: Any, tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_A_CHUNK", 100)
    await vouchers(api, context, 450)
    action_id = await order(api, "vouchers")
    half = Action(tenancy.made.account_id, tenancy.project_id, 1, action_id)
    await owner.execute("UPDATE async_actions SET status = 'running' WHERE id = $1", action_id)
    for _ in range(2):
        assert await worker.make_chunk(context, half, await worker.tenant_of_action(context, half))
    await owner.execute("UPDATE async_actions SET locked_until = NULL")
    shown = await worked_off(api, context, action_id)
    assert counts(shown) == ("done", 450, 450, 0)
    codes = [row["code"] for row in csv.DictReader(io.StringIO(await file_of(api, shown)))]
    assert len(codes) == len(set(codes)) == 450


async def test_a_link_ends_cannot_be_forged_and_goes_with_its_result(
    api: Client, context: Context, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await worked_off(api, context, await order(api, "vouchers"))
    url = shown["result_url"]
    payload, _, seal = url.rpartition("/")[2].partition(".")
    for token in ("x", f"{payload}.", f"{payload}.{seal[::-1]}", f"{payload[:-4]}AAAA.{seal}", "é.é", "." * 600):
        assert_problem(await api.get(f"/v1/results/{token}"), "result_not_found")
    with monkeypatch.context() as later:
        later.setattr(results, "now_ms", lambda: 10**13)
        assert_problem(await api.get(url), "result_not_found")
    assert await sweep(context) == 0
    await owner.execute("UPDATE async_actions SET updated_at = now() - interval '8 days'")
    assert await sweep(context) == 1
    assert_problem(await api.get(url), "result_not_found")
    assert (await action(api, shown["id"]))["result_url"] is None
    assert await owner.fetchval("SELECT count(*) FROM async_action_chunks") == 0
    assert await sweep(context) == 0


async def test_an_upload_that_never_ended_is_swept(api: Client, context: Context, owner: Any) -> None:
    action_id = await send(api, "/v1/vouchers/import", "code,discount_value\nA,20\n")
    await owner.execute("UPDATE async_actions SET status = 'receiving'")
    assert_problem(await api.get(f"/v1/async-actions/{action_id}"), "async_action_not_found")
    assert ok(await api.get("/v1/async-actions"))["data"] == []
    assert (await worker.work_off(context), await sweep(context)) == (0, 0)
    await owner.execute("UPDATE async_actions SET updated_at = now() - interval '2 hours'")
    assert await sweep(context) == 1
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 0


async def test_422_of_exports(api: Client) -> None:
    for body, *pointers in (
        ({}, "/resource"),
        ({"resource": "secrets"}, "/resource"),
        ({"resource": "vouchers", "format": "xls"}, "/format"),
        ({"resource": "vouchers", "filters": {"colour": "red", "status": "gone", "campaign_id": 5}},
            "/filters/colour", "/filters/status", "/filters/campaign_id"),
        ({"resource": "redemptions", "filters": {"created_from": "never"}}, "/filters/created_from"),
    ):  # fmt: skip
        assert_problem(await api.post("/v1/exports", body), "invalid_request", *pointers)


async def test_g5_an_export_shows_its_tenants_rows_alone(tenancy: Tenancy, new_tenancy: Any, context: Context) -> None:
    other = await new_tenancy()
    for api, code in ((tenancy.secret, "MINE"), (other.secret, "THEIRS")):
        created(await api.post("/v1/vouchers", {"code": code, "discount_value": 1}))
    shown = await worked_off(other.secret, context, await order(other.secret, "vouchers"))
    text = await file_of(other.secret, shown)
    assert "THEIRS" in text
    assert "MINE" not in text


async def test_entries_of_all_cards_and_of_one_over_many_chunks(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_A_CHUNK", 2)
    club = created(await api.post("/v1/loyalty-programs", {"name": "C"}))["id"]
    gifts, cards = [], []
    for who in ("ann", "bob", "cyd"):
        gifts.append(created(await api.post("/v1/gift-cards", {"amount": 5}))["id"])
        cards.append(created(await api.post(f"/v1/loyalty-programs/{club}/cards", {"customer_id": who}))["id"])
        for amount in (1, 2):
            ok(await api.post(f"/v1/gift-cards/{gifts[-1]}/top-up", {"amount": amount}))
            ok(await api.post(f"/v1/loyalty-cards/{cards[-1]}/adjust", {"points": amount, "reason": "r"}))

    async def exported(resource: str, **filters: str) -> list[dict[str, Any]]:
        shown = await worked_off(api, context, await order(api, resource, format="jsonl", filters=filters))
        return [msgspec.json.decode(line) for line in (await file_of(api, shown)).splitlines()]

    rows = await exported("gift_card_transactions")
    assert [(row["card_id"], row["number"]) for row in rows] == [(id_, n) for id_ in gifts[::-1] for n in (3, 2, 1)]
    assert [row["amount"] for row in await exported("gift_card_transactions", card_id=gifts[1])] == [2, 1, 5]
    rows = await exported("points_entries")
    assert [(row["card_id"], row["id"], row["points"]) for row in rows[:3]] == [
        (cards[2], f"{cards[2]}/2", 2), (cards[2], f"{cards[2]}/1", 1), (cards[1], f"{cards[1]}/2", 2)
    ]  # fmt: skip
    assert len(await exported("points_entries", card_id=cards[0])) == 2
    assert len(await exported("loyalty_cards", program_id=club)) == 3


async def test_403_what_may_not_be_read_is_not_exported_nor_is_its_link_shown(
    api: Client, context: Context, http: Any
) -> None:
    scopes = ["exports:write", "vouchers:read", "async_actions:read"]
    key = Client(http, created(await api.post("/v1/api-keys", {"scopes": scopes}))["key"])
    assert_problem(await key.post("/v1/exports", {"resource": "campaigns"}), "right_missing")
    own = await worked_off(key, context, await order(key, "vouchers"))
    assert own["result_url"] is not None
    action_id = await order(api, "campaigns")
    assert (await worked_off(api, context, action_id))["result_url"] is not None
    assert (await action(key, action_id))["result_url"] is None
    listed = ok(await key.get("/v1/async-actions"))["data"]
    assert [each["result_url"] is not None for each in listed] == [False, True]


async def test_an_audit_log_goes_to_whoever_may_read_it(api: Client, context: Context, tenancy: Tenancy) -> None:
    created(await api.post("/v1/campaigns", {"name": "C"}))
    assert_problem(await api.post("/v1/exports", {"resource": "audit_log"}), "admin_key_required")
    named = {"Vauchflow-Project": tenancy.project_id}
    body = {"resource": "audit_log", "format": "jsonl", "filters": {"action": "campaign.create"}}
    action_id = ok(await tenancy.admin.post("/v1/exports", body, headers=named), 202)["async_action_id"]
    assert (await worked_off(api, context, action_id))["result_url"] is None
    shown = ok(await tenancy.admin.get(f"/v1/async-actions/{action_id}", headers=named))
    (entry,) = [msgspec.json.decode(line) for line in (await file_of(api, shown)).splitlines()]
    assert (entry["action"], entry["project_id"], entry["before"]) == ("campaign.create", tenancy.project_id, None)
