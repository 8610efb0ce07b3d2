"""Vouchers over HTTP, by route and status."""

from typing import Any

import msgspec
import pytest

from domain.definitions import Redeemable, voucher_key
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

PERCENT = {"discount_type": "PERCENT", "discount_value": 20}


async def test_201_as_the_issue_writes_it(api: Client) -> None:
    body = created(await api.post("/v1/vouchers", {"code": "SAVE20", **PERCENT}))
    assert body["id"].startswith("vch_")
    assert (body["object"], body["code"], body["status"], body["version"]) == ("voucher", "SAVE20", "active", 1)
    assert (body["discount_type"], body["discount_value"], body["campaign_id"]) == ("PERCENT", 20, None)
    assert body["redemptions"] == {"used": 0, "limit": None}
    assert body["created_at"].endswith("Z")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_201_whatever_the_content_type_says(api: Client, content_type: str) -> None:
    raw = b'{"code":"SAVE20","discount_type":"PERCENT","discount_value":20}'
    created(await api.post("/v1/vouchers", raw, headers={"Content-Type": content_type}))


async def test_201_a_code_is_normalised_and_found_by_any_spelling(api: Client) -> None:
    body = created(await api.post("/v1/vouchers", {"code": " save 20 ", **PERCENT}))
    assert body["code"] == "SAVE20"
    for reference in ("SAVE20", "save20", "sa%20ve20", body["id"]):
        assert ok(await api.get(f"/v1/vouchers/{reference}"))["id"] == body["id"]


async def test_201_a_code_is_drawn_where_it_is_left_out(api: Client) -> None:
    codes = {created(await api.post("/v1/vouchers", PERCENT))["code"] for _ in range(3)}
    assert len(codes) == 3
    assert {len(code) for code in codes} == {12}


async def test_201_stands_in_redis_with_its_limit(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    body = created(await api.post("/v1/vouchers", {"code": "A", "max_redemptions": 5, **PERCENT}))
    key = voucher_key(tenancy.project_id, "A")
    _, _, found = await scripts.peek(tenancy.project_id, [key])
    assert found[0] is not None
    voucher = msgspec.msgpack.decode(found[0].body, type=Redeemable)
    assert (voucher.id, voucher.version, voucher.limit) == (body["id"], 1, 5)
    assert body["redemptions"] == {"used": 0, "limit": 5}


async def test_409_a_code_that_is_taken(api: Client) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", **PERCENT}))
    assert_problem(await api.post("/v1/vouchers", {"code": " a", **PERCENT}), "code_taken", "/code")


async def test_409_a_code_that_something_else_has(api: Client, owner: Any, tenancy: Tenancy) -> None:
    await owner.execute("INSERT INTO codes VALUES ($1, 'A', 'gift_card')", tenancy.project_id)
    assert_problem(await api.post("/v1/vouchers", {"code": "A", **PERCENT}), "code_taken", "/code")
    # By nothing that the statement could have seen: so it is where both are made in the same moment.
    await owner.execute("DELETE FROM codes")
    await owner.execute(
        "CREATE FUNCTION made_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN INSERT INTO codes VALUES (NEW.project_id, NEW.code, 'gift_card'); RETURN NEW; END $$; "
        "CREATE TRIGGER made_first BEFORE INSERT ON vouchers FOR EACH ROW EXECUTE FUNCTION made_first()"
    )
    try:
        assert_problem(await api.post("/v1/vouchers", {"code": "A", **PERCENT}), "code_taken", "/code")
    finally:
        await owner.execute("DROP TRIGGER made_first ON vouchers; DROP FUNCTION made_first()")


async def test_a_voucher_is_given_to_a_customer(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", **PERCENT}))
    body = created(await api.post("/v1/vouchers", {"code": "B", "customer_id": "cust_1", **PERCENT}))
    assert body["customer_id"] == "cust_1"
    listed = ok(await api.get("/v1/vouchers?customer_id=cust_1&status=active"))["data"]
    assert [voucher["code"] for voucher in listed] == ["B"]
    assert ok(await api.get("/v1/vouchers?customer_id=cust_1&campaign_id=cmp_x"))["data"] == []
    body = ok(await api.patch("/v1/vouchers/A", {"customer_id": "cust_1"}))
    assert (body["customer_id"], body["version"]) == ("cust_1", 2)
    _, _, found = await scripts.peek(tenancy.project_id, [voucher_key(tenancy.project_id, "A")])
    assert found[0] is not None
    assert msgspec.msgpack.decode(found[0].body, type=Redeemable).customer_id == "cust_1"
    first = ok(await api.get("/v1/vouchers?customer_id=cust_1&limit=1"))
    again = ok(await api.get(f"/v1/vouchers?customer_id=cust_1&cursor={first['next_cursor']}"))
    assert [voucher["code"] for voucher in first["data"] + again["data"]] == ["B", "A"]
    assert ok(await api.patch("/v1/vouchers/B", {"customer_id": None}))["customer_id"] is None
    assert_problem(
        await api.post("/v1/vouchers", {"customer_id": "c" * 129, **PERCENT}), "invalid_request", "/customer_id"
    )


BAD_FIELDS: list[tuple[dict[str, Any], list[str]]] = [
    ({"code": "A"}, ["/discount_value"]),
    ({"code": "A", "discount_value": 0}, ["/discount_value"]),
    ({"code": "A", "discount_value": -1}, ["/discount_value"]),
    ({"code": "A", "discount_value": 100.0001}, ["/discount_value"]),
    ({"code": "A", "discount_value": 1.00001}, ["/discount_value"]),
    ({"code": "A", "discount_value": "20"}, ["/discount_value"]),
    ({"code": "A", "discount_value": True}, ["/discount_value"]),
    ({"code": "A", "discount_type": "AMOUNT", "discount_value": 1.001}, ["/discount_value"]),
    ({"code": "A", "discount_type": "AMOUNT", "discount_value": 1e300}, ["/discount_value"]),
    ({"code": "A", "discount_type": "AMOUNT"}, ["/discount_value", "/discount_value"]),
    ({"code": "A", "discount_type": "PRESENT", "discount_value": 1}, ["/discount_type"]),
    ({"code": "", **PERCENT}, ["/code"]),
    ({"code": "..", **PERCENT}, ["/code"]),
    ({"code": "A/B", **PERCENT}, ["/code"]),
    ({"code": "A\x00", **PERCENT}, ["/code"]),
    ({"code": "Ä", **PERCENT}, ["/code"]),
    ({"code": "A" * 65, **PERCENT}, ["/code"]),
    ({"code": 5, **PERCENT}, ["/code"]),
    ({**PERCENT, "max_redemptions": 0}, ["/max_redemptions"]),
    ({**PERCENT, "max_redemptions": 10**12 + 1}, ["/max_redemptions"]),
    ({**PERCENT, "max_redemptions": 10**30}, ["/max_redemptions"]),
    ({**PERCENT, "max_redemptions": 1.5}, ["/max_redemptions"]),
    ({**PERCENT, "max_redemptions": 2, "max_redemptions_per_code": 3}, ["/max_redemptions_per_code"]),
    ({**PERCENT, "max_redemptions_per_customer": "1"}, ["/max_redemptions_per_customer"]),
    ({**PERCENT, "budget": 0}, ["/budget"]),
    ({**PERCENT, "max_discount": 0.001}, ["/max_discount"]),
    ({**PERCENT, "starts_at": "tomorrow"}, ["/starts_at"]),
    ({**PERCENT, "starts_at": "1969-01-01"}, ["/starts_at"]),
    ({**PERCENT, "starts_at": "2026-02-01", "expires_at": "2026-01-01"}, ["/expires_at"]),
    ({**PERCENT, "timezone": "Mars/Olympus"}, ["/timezone"]),
    ({**PERCENT, "timezone": "../../etc/passwd"}, ["/timezone"]),
    ({**PERCENT, "durability": "fast"}, ["/durability"]),
    ({**PERCENT, "metadata": []}, ["/metadata"]),
    ({**PERCENT, "metadata": {"a": {"b": "\x00"}}}, ["/metadata/a/b"]),
    ({**PERCENT, "metadata": {"a": "x" * 16_384}}, ["/metadata"]),
    ({**PERCENT, "surprise": 1, "a/b~c": 2}, ["/surprise", "/a~1b~0c"]),
    (
        {"code": 1, "discount_value": "x", "max_redemptions": 0, "budget": [], "nonsense": 1},
        ["/code", "/discount_value", "/max_redemptions", "/budget", "/nonsense"],
    ),
]


async def test_422_names_every_bad_field(api: Client) -> None:
    for body, pointers in BAD_FIELDS:
        answer = assert_problem(await api.post("/v1/vouchers", body), "invalid_request")
        assert {error["pointer"] for error in answer["errors"]} == set(pointers), body
    assert ok(await api.get("/v1/vouchers"))["data"] == []


async def test_a_number_that_only_just_fits(api: Client) -> None:
    body = created(
        await api.post("/v1/vouchers", {"max_redemptions": 10**12, "max_redemptions_per_customer": 5.0, **PERCENT})
    )
    assert (body["max_redemptions"], body["max_redemptions_per_customer"]) == (10**12, 5)


async def test_400_what_is_no_json_object(api: Client) -> None:
    scalars = [b"[]", b"5", b"null", b'"x"']
    broken = [b"{", b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"]
    for raw in scalars + broken:
        assert_problem(await api.post("/v1/vouchers", raw), "malformed_body")


async def test_413_a_body_of_more_than_a_megabyte(api: Client) -> None:
    assert_problem(await api.post("/v1/vouchers", b" " * 1_000_001), "body_too_large")


async def test_404_unknown_vouchers_and_campaigns(api: Client) -> None:
    unknown = "0" * 26
    for path in ("/v1/vouchers/NOPE", f"/v1/vouchers/vch_{unknown}", "/v1/vouchers/%00", "/v1/vouchers/%C3%84"):
        assert_problem(await api.get(path), "voucher_not_found")
    for verb in ("disable", "enable"):
        assert_problem(await api.post(f"/v1/vouchers/NOPE/{verb}"), "voucher_not_found")
    assert_problem(await api.patch("/v1/vouchers/NOPE", {}), "voucher_not_found")
    for campaign in (f"cmp_{unknown}", "x"):
        assert_problem(await api.post("/v1/vouchers", {"campaign_id": campaign}), "campaign_not_found")


async def test_patch_changes_what_is_named_and_null_removes(api: Client) -> None:
    made = created(
        await api.post(
            "/v1/vouchers", {"code": "A", "max_redemptions": 5, "budget": 10, "max_discount": 2.5, **PERCENT}
        )
    )
    body = ok(await api.patch("/v1/vouchers/A", {"max_redemptions": None, "discount_value": 12.5}))
    assert (body["max_redemptions"], body["discount_value"], body["budget"], body["version"]) == (None, 12.5, 10, 2)
    assert body["max_discount"] == 2.5
    assert ok(await api.patch("/v1/vouchers/A", {"metadata": {"a": 1}}))["version"] == 3
    assert ok(await api.patch(f"/v1/vouchers/{made['id']}", {"metadata": {"a": 1}}))["version"] == 3
    body = ok(await api.patch("/v1/vouchers/A", {"discount_type": "AMOUNT", "discount_value": 3.1}))
    assert (body["discount_type"], body["discount_value"]) == ("AMOUNT", 3.1)
    assert (await api.get("/v1/vouchers/A")).text.count('"discount_value":3.10') == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"discount_type": "AMOUNT"}, "/discount_value"),
        ({"discount_value": None}, "/discount_value"),
        ({"discount_type": None}, "/discount_type"),
        ({"code": "B"}, "/code"),
        ({"status": "disabled"}, "/status"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, "/expires_at"),
    ],
)
async def test_422_what_a_patch_may_not(api: Client, body: dict[str, Any], pointer: str) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", "starts_at": "2026-06-01T00:00:00Z", **PERCENT}))
    assert_problem(await api.patch("/v1/vouchers/A", body), "invalid_request", pointer)
    assert ok(await api.get("/v1/vouchers/A"))["version"] == 1


async def test_disable_and_enable(api: Client) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", **PERCENT}))
    body = ok(await api.post("/v1/vouchers/A/disable"))
    assert (body["status"], body["version"]) == ("disabled", 2)
    assert ok(await api.post("/v1/vouchers/a/disable", {}))["version"] == 2
    assert ok(await api.post("/v1/vouchers/A/enable"))["status"] == "active"
    assert_problem(await api.post("/v1/vouchers/A/enable", {"x": 1}), "invalid_request", "/x")


async def test_times_are_read_in_their_time_zone(api: Client) -> None:
    body = created(
        await api.post(
            "/v1/vouchers",
            {
                "starts_at": "2026-07-01T00:00:00",
                "expires_at": "2026-12-24T18:00:00+05:30",
                "timezone": "Europe/Berlin",
                **PERCENT,
            },
        )
    )
    assert body["starts_at"] == "2026-06-30T22:00:00.000Z"
    assert (body["expires_at"], body["timezone"]) == ("2026-12-24T12:30:00.000Z", "Europe/Berlin")


async def test_a_time_that_utc_cannot_show_is_refused(api: Client) -> None:
    last = "9999-12-31T23:59:59.999"
    assert created(await api.post("/v1/vouchers", {"expires_at": f"{last}Z", **PERCENT}))["expires_at"] == f"{last}Z"
    for path, body in (("/v1/vouchers", PERCENT), ("/v1/gift-cards", {"amount": 5})):
        response = await api.post(path, {"expires_at": f"{last}-00:01", **body})
        assert_problem(response, "invalid_request", "/expires_at")


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [("JPY", 500, "500"), ("KWD", 1.125, "1.125"), ("KWD", 0.5, "0.500"), ("EUR", 18, "18.00"), ("EUR", 0.01, "0.01")],
)
async def test_money_has_its_currencys_decimals(new_tenancy: Any, currency: str, amount: float, shown: str) -> None:
    api = (await new_tenancy(currency)).secret
    response = await api.post("/v1/vouchers", {"discount_type": "AMOUNT", "discount_value": amount, "budget": amount})
    created(response)
    assert f'"discount_value":{shown},' in response.text
    assert f'"budget":{shown},' in response.text


async def test_422_more_decimals_than_the_currency_has(new_tenancy: Any) -> None:
    for currency, amount in (("JPY", 0.5), ("KWD", 0.0005), ("EUR", 0.005)):
        api = (await new_tenancy(currency)).secret
        body = {"discount_type": "AMOUNT", "discount_value": amount}
        assert_problem(await api.post("/v1/vouchers", body), "invalid_request", "/discount_value")


async def test_metadata_comes_back_to_the_digit(api: Client) -> None:
    metadata = b'{"n":1.10,"big":12345678901234567890.5,"t":"\\u00e9 \\"x\\"","l":[null,true]}'
    raw = b'{"code":"A","discount_value":20,"metadata":' + metadata + b"}"
    assert (await api.post("/v1/vouchers", raw)).status_code == 201
    text = (await api.get("/v1/vouchers/A")).text
    assert '"n": 1.10' in text
    assert '"big": 12345678901234567890.5' in text
    assert ok(await api.get("/v1/vouchers/A"))["metadata"]["t"] == 'é "x"'
