"""Imports of CSV: every row is in or is reported, once, whatever is killed, sent twice or written badly."""

from decimal import Decimal
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.imports import receiving
from control_plane.jobs import worker
from control_plane.jobs.kinds import Action
from tests.control_plane.bulk import action, counts, send, worked_off
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

HEADER = "code,discount_type,discount_value,max_redemptions,expires_at\n"
VOUCHERS = "/v1/vouchers/import"


async def test_a_file_becomes_vouchers_with_their_rules_and_counters(api: Client, context: Context, owner: Any) -> None:
    file = HEADER + "save-1,PERCENT,20,5,2030-01-01T00:00:00Z\nSAVE-2,AMOUNT,3.50,,\n"
    shown = await worked_off(api, context, await send(api, VOUCHERS, file))
    assert counts(shown) == ("done", 2, 2, 0)
    assert (shown["progress"], shown["failures"], shown["result_url"], shown["dry_run"]) == (1.0, [], None, False)
    one, two = ok(await api.get("/v1/vouchers/SAVE-1")), ok(await api.get("/v1/vouchers/SAVE-2"))
    assert (one["discount_type"], one["discount_value"], one["expires_at"]) == (
        "PERCENT",
        20,
        "2030-01-01T00:00:00.000Z",
    )
    assert (one["redemptions"], two["redemptions"]) == ({"used": 0, "limit": 5}, {"used": 0, "limit": None})
    assert two["discount_value"] == 3.5
    rows = await owner.fetch("SELECT limit_value, ceiling FROM counters WHERE kind = 'redemptions' ORDER BY 1")
    assert [tuple(row) for row in rows] == [(5, 5), (None, None)]
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_bad_rows_are_reported_by_row_and_reason_and_the_others_are_in(
    api: Client, context: Context, owner: Any
) -> None:
    created(await api.post("/v1/vouchers", {"code": "TAKEN", "discount_value": 1}))
    bad = {
        3: ("TAKEN,PERCENT,20,,", "TAKEN", "code_taken"),
        4: ("B4,PERCENT,101,,", "B4", "discount_value"),
        5: ("B5,PERCENT,x,,", "B5", "discount_value: must be a number"),
        6: ("B6,SHARE,1,,", "B6", "discount_type"),
        7: ("B7,PERCENT,1,0,", "B7", "max_redemptions"),
        8: ("B8,PERCENT,1,,never", "B8", "expires_at: is not a time"),
        9: ("B9,PERCENT,1", "", "row: has 3 cells where the header has 5"),
        10: (",PERCENT,1,,", "", "code: is required"),
        11: ("GOOD,PERCENT,1,,", "GOOD", "code_taken: It is in row 2 already"),
        12: ("B€,PERCENT,1,,", "B€", "code: takes"),
        13: ("B13,,,,", "B13", "discount_value: is required"),
    }
    file = HEADER + "good,PERCENT,20,,\n" + "".join(f"{line}\n" for line, _, _ in bad.values()) + "LAST,AMOUNT,1,,"
    shown = await worked_off(api, context, await send(api, VOUCHERS, file))
    assert counts(shown) == ("done", 13, 2, 11)
    found = {failure["row"]: failure for failure in shown["failures"]}
    assert found.keys() == bad.keys()
    for row, (_, code, reason) in bad.items():
        assert found[row]["code"] == code
        assert found[row]["reason"].startswith(reason), found[row]
    assert {row["code"] for row in await owner.fetch("SELECT code FROM vouchers")} == {"TAKEN", "GOOD", "LAST"}
    assert await owner.fetchval("SELECT count(*) FROM async_action_chunks") == 1
    listed = ok(await api.get("/v1/async-actions?status=done"))["data"][0]
    assert "failures" not in listed


async def test_a_dry_run_says_the_same_and_makes_nothing(api: Client, context: Context, owner: Any) -> None:
    created(await api.post("/v1/vouchers", {"code": "TAKEN", "discount_value": 1}))
    file = HEADER + "A,PERCENT,20,,\nTAKEN,PERCENT,20,,\nC,PERCENT,0,,\n"
    shown = await worked_off(api, context, await send(api, VOUCHERS + "?dry_run=true", file))
    assert (*counts(shown), shown["dry_run"]) == ("done", 3, 1, 2, True)
    assert [failure["row"] for failure in shown["failures"]] == [3, 4]
    for resource in ("customers", "products"):
        shown = await worked_off(api, context, await send(api, f"/v1/{resource}/import?dry_run=true", "id\nx\n"))
        assert counts(shown) == ("done", 1, 1, 0)
        assert await owner.fetchval(f"SELECT count(*) FROM {resource}") == 0  # noqa: S608
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 1


async def test_5000_rows_killed_half_way_are_in_once_each(
    api: Client, context: Context, owner: Any, tenancy: Tenancy
) -> None:
    rows = [f"K{n},PERCENT,{20 if n % 50 else 200},1," for n in range(5_000)]
    action_id = await send(api, VOUCHERS, HEADER + "\n".join(rows))
    half = Action(tenancy.made.account_id, tenancy.project_id, 1, action_id)
    # A worker took it, made five chunks and was killed: its lease still runs.
    await owner.execute("UPDATE async_actions SET status = 'running', locked_until = now() + interval '1 minute'")
    for _ in range(5):
        assert await worker.make_chunk(context, half, await worker.tenant_of_action(context, half))
    assert await worker.work_off(context) == 0
    shown = await action(api, action_id)
    assert (*counts(shown), shown["progress"]) == ("running", 5_000, 2_450, 50, 0.5)
    await owner.execute("UPDATE async_actions SET locked_until = now() - interval '1 second'")
    shown = await worked_off(api, context, action_id)
    assert counts(shown) == ("done", 5_000, 4_900, 100)
    assert [failure["row"] for failure in shown["failures"]] == [2 + n for n in range(0, 5_000, 50)]
    assert await owner.fetchval("SELECT count(DISTINCT code) FROM vouchers") == 4_900
    assert await owner.fetchval("SELECT count(*) FROM counters WHERE id LIKE 'r:vch_%'") == 4_900


async def test_a_cancelled_import_stops_and_keeps_what_is_done(
    api: Client, context: Context, owner: Any, tenancy: Tenancy
) -> None:
    action_id = await send(api, VOUCHERS, HEADER + "".join(f"C{n},PERCENT,20,,\n" for n in range(1_200)))
    part = Action(tenancy.made.account_id, tenancy.project_id, 1, action_id)
    await owner.execute("UPDATE async_actions SET status = 'running'")
    tenant = await worker.tenant_of_action(context, part)
    assert await worker.make_chunk(context, part, tenant)
    path = f"/v1/async-actions/{action_id}/cancel"
    assert counts(ok(await api.post(path))) == ("cancelled", 1_200, 500, 0)
    assert counts(ok(await api.post(path))) == ("cancelled", 1_200, 500, 0)
    assert await worker.make_chunk(context, part, tenant) is None
    assert await worker.work_off(context) == 0
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 500
    done = await worked_off(api, context, await send(api, VOUCHERS, HEADER + "D,PERCENT,20,,\n"))
    assert_problem(await api.post(f"/v1/async-actions/{done['id']}/cancel"), "async_action_over")


@pytest.mark.parametrize(
    "file",
    [
        "\ufeffcode;discount_value;metadata.shop\r\nM1;20;Graz\r\n",
        'code,discount_value,metadata\n\nM1,20,"{""shop"": ""Graz""}"\n',
        'discount_value\tcode\tmetadata.shop\n20\tM1\t"Graz"',
    ],
)
async def test_files_as_programs_write_them(api: Client, context: Context, file: str) -> None:
    assert counts(await worked_off(api, context, await send(api, VOUCHERS, file))) == ("done", 1, 1, 0)
    assert ok(await api.get("/v1/vouchers/M1"))["metadata"] == {"shop": "Graz"}


async def test_columns_are_mapped_and_left_out(api: Client, context: Context) -> None:
    path = VOUCHERS + "?map=Gutschein:code,Wert:discount_value,Notiz:"
    file = 'Gutschein,Wert,Notiz\nM1,20,"two\nlines, and ""quotes"""\n'
    assert counts(await worked_off(api, context, await send(api, path, file))) == ("done", 1, 1, 0)


async def test_a_form_with_a_file_is_taken(api: Client, context: Context) -> None:
    form = (
        '--xyz\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        '--xyz\r\nContent-Disposition: form-data; name="file"; filename="v.csv"\r\nContent-Type: text/csv\r\n\r\n'
        f"{HEADER}F1,PERCENT,20,,\r\n--xyz--\r\n"
    )
    action_id = await send(api, VOUCHERS, form, "multipart/form-data; boundary=xyz")
    assert counts(await worked_off(api, context, action_id)) == ("done", 1, 1, 0)
    for broken, kind in ((form[:-20], "multipart/form-data; boundary=xyz"), (form, "multipart/form-data; boundary=a")):
        answer = await api.post(VOUCHERS, broken.encode(), headers={"Content-Type": kind})
        assert_problem(answer, "malformed_body")


@pytest.mark.parametrize(
    ("query", "file", "pointers"),
    [
        ("", "", [""]),
        ("", "discount_value\n20\n", ["/0"]),
        ("", "code,colour,code\nA,red,B\n", ["/0/1", "/0/2"]),
        ("", "code,\nA,B\n", ["/0/1"]),
        ("", b"code,discount_value\nA\xff,20\n", [""]),
        ("", 'code,discount_value\n"A,20\n', [""]),
        ("", "code,discount_value\nA\x00,20\n", [""]),
        ("?map=Shop:code", "code\nA\n", [""]),
        ("?map=nonsense", "code\nA\n", [""]),
        ("?dry_run=maybe", "code\nA\n", [""]),
    ],
)
async def test_a_file_that_is_none_leaves_nothing(
    api: Client, owner: Any, query: str, file: str | bytes, pointers: list[str]
) -> None:
    raw = file.encode() if isinstance(file, str) else file
    assert_problem(await api.post(VOUCHERS + query, raw), "invalid_request", *pointers)
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 0
    assert await owner.fetchval("SELECT count(*) FROM async_action_chunks") == 0


async def test_too_many_rows_are_refused_and_leave_nothing(
    api: Client, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_ROWS", 1_000)
    file = "code,discount_value\n" + "A,1\n" * 1_001
    assert_problem(await api.post(VOUCHERS, file.encode()), "body_too_large")
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 0


async def test_g3_a_file_sent_twice_with_one_key_is_taken_in_once(api: Client, context: Context, owner: Any) -> None:
    file, key = HEADER + "A,PERCENT,20,,\n", {"Idempotency-Key": "k"}
    first = await api.post(VOUCHERS, file.encode(), headers=key)
    again = await api.post(VOUCHERS, file.encode(), headers=key)
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await api.post(VOUCHERS, (file + "B,PERCENT,20,,\n").encode(), headers=key)
    assert_problem(other, "idempotency_key_reused")
    assert await owner.fetchval("SELECT count(*) FROM async_actions") == 1
    assert counts(await worked_off(api, context, first.json()["async_action_id"])) == ("done", 1, 1, 0)


async def test_customers_and_products_are_upserted(api: Client, context: Context) -> None:
    customers = "id,name,email,segments,metadata.tier\nc1,Ann,ann@example.com,vip|gold,1\nc2,,nonsense,,\n"
    shown = await worked_off(api, context, await send(api, "/v1/customers/import", customers))
    assert counts(shown) == ("done", 2, 1, 1)
    assert (shown["failures"][0]["row"], shown["failures"][0]["code"]) == (3, "c2")
    one = ok(await api.get("/v1/customers/c1"))
    assert (one["name"], one["segments"], one["metadata"]) == ("Ann", ["vip", "gold"], {"tier": "1"})
    await worked_off(api, context, await send(api, "/v1/customers/import", "id,name\nc1,Anna\n"))
    one = ok(await api.get("/v1/customers/c1"))
    assert (one["name"], one["email"]) == ("Anna", "ann@example.com")
    products = 'id,name,price,categories\np1,Shirt,19.90,"[""a|b""]"\np2,Hat,19.999,\n'
    shown = await worked_off(api, context, await send(api, "/v1/products/import", products))
    assert (counts(shown), shown["failures"][0]["code"]) == (("done", 2, 1, 1), "p2")
    assert ok(await api.get("/v1/products/p1"))["categories"] == ["a|b"]


async def test_rows_name_campaigns_and_rules_that_must_be_there(api: Client, context: Context) -> None:
    campaign = created(await api.post("/v1/campaigns", {"name": "C", "rules": {"discount_value": 20}}))["id"]
    cards = created(await api.post("/v1/campaigns", {"name": "G", "type": "GIFT_CARD"}))["id"]
    file = (
        "code,campaign_id,validation_rules,max_redemptions_per_customer\n"
        f"A,{campaign},,2\nB,cmp_x,,\nC,{cards},,\nD,{campaign},rul_x,\n"
    )
    shown = await worked_off(api, context, await send(api, VOUCHERS, file))
    assert [failure["reason"].partition(":")[0] for failure in shown["failures"]] == [
        "campaign_not_found",
        "campaign_id",
        "validation_rules/0",
    ]
    assert ok(await api.get("/v1/vouchers/A"))["campaign_id"] == campaign


async def test_the_greatest_numbers_of_failures_are_counted_and_a_thousand_kept(api: Client, context: Context) -> None:
    file = "code,discount_value\n" + "".join(f"F{n},200\n" for n in range(1_300))
    shown = await worked_off(api, context, await send(api, VOUCHERS, file))
    assert counts(shown) == ("done", 1_300, 0, 1_300)
    assert [failure["row"] for failure in shown["failures"]] == list(range(2, 1_002))


async def test_g5_an_import_is_its_tenants_alone(api: Client, new_tenancy: Any, context: Context) -> None:
    action_id = await send(api, VOUCHERS, HEADER + "A,PERCENT,20,,\n")
    other = (await new_tenancy()).secret
    assert_problem(await other.get(f"/v1/async-actions/{action_id}"), "async_action_not_found")
    assert_problem(await other.post(f"/v1/async-actions/{action_id}/cancel"), "async_action_not_found")
    await worked_off(api, context, action_id)
    assert_problem(await other.get("/v1/vouchers/A"), "voucher_not_found")
    assert Decimal(ok(await api.get("/v1/vouchers/A"))["discount_value"]) == 20
