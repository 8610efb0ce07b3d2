"""G7: what no route takes is a 4xx that points at the field, costs little and changes nothing; never a 500."""

import json
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import Client, ok
from tests.servers.stack import RunningStack

from .provoked_checkouts import judged
from .provoking import NOWHERE, Shop, assert_refused, unique, wish

ITEM = {"sku": "TEE", "quantity": 1, "price": 10}
DEEP = b"[" * 20_000 + b"]" * 20_000
NINES = b"9" * 30_000
LONGEST_S = 1.0
"""Of the worst body, on a busy machine: they take about a millisecond."""


def of_items(*items: Any) -> dict[str, Any]:
    return {"order": {"items": list(items)}}


def item(**fields: Any) -> dict[str, Any]:
    return of_items({**ITEM, **fields})


def metadata(value: Any) -> dict[str, Any]:
    return {"order": {"amount": 5, "metadata": {"a/b": value}}}


STACKS: list[tuple[str, Any, str]] = [
    ("unknown-field", {"coupon": "x"}, "/coupon"),
    ("unknown-field-of-item", item(colour="red"), "/order/items/0/colour"),
    ("no-redeemables", {"redeemables": []}, "/redeemables"),
    ("31-redeemables", {"redeemables": [{"id": f"C{n}"} for n in range(31)]}, "/redeemables"),
    ("a-code-twice", {"redeemables": [{"id": "SAVE"}, {"id": " save"}]}, "/redeemables/1/id"),
    ("no-code", {"redeemables": [{"id": "a\0b"}]}, "/redeemables/0/id"),
    ("no-id", {"redeemables": [{"object": "voucher"}]}, "/redeemables/0/id"),
    ("object", {"redeemables": [{"object": "coupon", "id": "A"}]}, "/redeemables/0/object"),
    ("redeemables-no-list", {"redeemables": {"id": "A"}}, "/redeemables"),
    ("101-items", of_items(*[ITEM] * 101), "/order/items"),
    ("no-items", of_items(), "/order/items"),
    ("item-of-nothing", of_items({"price": 1}), "/order/items/0"),
    ("no-price", of_items({"sku": "TEE"}), "/order/items/0/price"),
    ("negative", item(price=-1), "/order/items/0/price"),
    ("over-precise", item(price=1.999), "/order/items/0/price"),
    ("price-bool", item(price=True), "/order/items/0/price"),
    ("price-nan", item(price="NaN"), "/order/items/0/price"),
    ("price-huge", item(price=10**15), "/order/items/0/price"),
    ("sum-huge", item(price=9_999_999, quantity=1_000_000), "/order/items"),
    ("quantity-0", item(quantity=0), "/order/items/0/quantity"),
    ("quantity-half", item(quantity=1.5), "/order/items/0/quantity"),
    ("quantity-text", item(quantity="1"), "/order/items/0/quantity"),
    ("quantity-huge", item(quantity=10**40), "/order/items/0/quantity"),
    ("nul-sku", item(sku="a\0"), "/order/items/0/sku"),
    ("nul-product", item(product_id="a\0"), "/order/items/0/product_id"),
    ("nul-customer", {"customer": {"id": "a\0"}}, "/customer/id"),
    ("nul-session", {"session": "a\0"}, "/session"),
    ("nul-order", {"order": {"id": "a\0", "amount": 1}}, "/order/id"),
    ("not-the-sum", {"order": {"items": [ITEM], "amount": 9}}, "/order/amount"),
    ("customer-text", {"customer": "bob"}, "/customer"),
    ("two-customers", {"customer_id": "eve", "customer": {"id": "bob"}}, "/customer_id"),
    ("customer-attributes", {"customer": {"id": "bob", "segments": ["vip"]}}, "/customer"),
    ("metadata-object", metadata({"x": 1}), "/order/metadata/a~1b"),
    ("metadata-null", metadata(None), "/order/metadata/a~1b"),
    ("metadata-huge", metadata(10**17), "/order/metadata/a~1b"),
    ("metadata-of-objects", metadata([{}]), "/order/metadata/a~1b"),
    ("metadata-51", {"metadata": {str(n): 1 for n in range(51)}}, "/metadata"),
    ("body-list", [], ""),
    ("deep", b'{"order":{"items":' + DEEP + b"}}", "/order/items/0"),
    ("amount-digits", b'{"redeemables":[{"id":"A"}],"session":"s","order":{"amount":' + NINES + b"}}", "/order/amount"),
    ("decimals", b'{"redeemables":[{"id":"A"}],"session":"s","order":{"amount":0.' + NINES + b"}}", "/order/amount"),
    ("exponent", b'{"redeemables":[{"id":"A"}],"session":"s","order":{"amount":1e999999999}}', "/order/amount"),
]
TTL = [("0", 0), ("negative", -1), ("huge", 10**30), ("half", 1.5), ("text", "60"), ("null", None)]
RETURNS: list[tuple[str, Any, str]] = [
    ("no-items", {"items": []}, "/items"),
    ("201-items", {"items": [{"sku": "TEE", "quantity": 1}] * 201}, "/items"),
    ("of-nothing", {"items": [{"quantity": 1}]}, "/items/0"),
    ("no-quantity", {"items": [{"sku": "TEE"}]}, "/items/0/quantity"),
    ("negative", {"items": [{"sku": "TEE", "quantity": -1}]}, "/items/0/quantity"),
    ("huge", {"items": [{"sku": "TEE", "quantity": 10**40}]}, "/items/0/quantity"),
    ("half", {"items": [{"sku": "TEE", "quantity": 0.5}]}, "/items/0/quantity"),
    ("line", {"items": [{"line": -1, "quantity": 1}]}, "/items/0/line"),
    ("unknown-field", {"items": [{"sku": "TEE", "quantity": 1}], "all": True}, "/all"),
]
ROLLBACKS: list[tuple[str, Any, str]] = [
    *RETURNS,
    ("both", {"redeemables": ["A"], "items": [{"sku": "TEE", "quantity": 1}]}, "/items"),
    ("no-redeemables", {"redeemables": []}, "/redeemables"),
    ("31-redeemables", {"redeemables": ["A"] * 31}, "/redeemables"),
    ("not-its-own", {"redeemables": ["OTHER"]}, "/redeemables/0"),
    ("nul", {"redeemables": ["\0"]}, "/redeemables/0"),
    ("number", {"redeemables": [1]}, "/redeemables/0"),
    ("reason", {"reason": "x" * 501}, "/reason"),
]
NO_JSON = [b"{", b"\xef\xbb\xbf{}", b"NaN", b'{"\\ud800":1}', b'{"\xff":1}', b" "]


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The demo project of the session's stack."""
    state = stack.state
    keys = state.secret_key, state.publishable_key, state.admin_key
    async with (
        httpx.AsyncClient(base_url=state.api_url, timeout=30) as http,
        owner_connection(state.database_url, "tests") as owner,
    ):
        yield Shop(http, stack, keys, owner)


async def refuse(api: Client, path: str, body: Any, pointer: str | None, method: str = "POST") -> None:
    """It is refused, quickly, and says where."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    started = time.monotonic()
    answer = await api(method, path, raw)
    took_s = time.monotonic() - started
    assert took_s < LONGEST_S, (path, body, took_s)
    if pointer is None:
        assert_refused(answer, "malformed_body")
    else:
        assert_refused(answer, "invalid_request", pointer)


async def effects(shop: Shop) -> tuple[int, ...]:
    """How much has happened, as the ledger has it."""
    row = await shop.owner.fetchrow(
        "SELECT (SELECT count(*) FROM redemptions), (SELECT count(*) FROM redemption_rollbacks),"
        " (SELECT count(*) FROM reservations), (SELECT count(*) FROM customers), (SELECT count(*) FROM quarantine)"
    )
    return tuple(row)


@pytest.mark.parametrize("path", ["/v1/validations", "/v1/redemptions", "/v1/reservations"])
async def test_g7_bad_orders_point_at_the_field_and_change_nothing(shop: Shop, path: str) -> None:
    code = await shop.voucher(validation_rules=[await shop.rule({"order.items": {"any": {"sku": {"eq": "TEE"}}}})])
    before = await effects(shop)
    for name, body, pointer in STACKS:
        whole = {**wish(code), "session": unique("s"), **body} if isinstance(body, dict) else body
        try:
            await refuse(shop.secret, path, whole, pointer)
        except AssertionError as error:
            raise AssertionError(name) from error
    for raw in NO_JSON:
        await refuse(shop.secret, path, raw, None)
    assert await effects(shop) == before


QUESTIONS: list[tuple[str, Any, str]] = [
    *[each for each in STACKS if isinstance(each[1], dict) and "redeemables" not in each[1]],
    ("redeemables", {"redeemables": []}, "/redeemables"),
    ("limit", {"limit": 101}, "/limit"),
    ("cursor", {"cursor": "W10"}, "/cursor"),
    ("cursor-long", {"cursor": "A" * 513}, "/cursor"),
    ("cursor-no-ascii", {"cursor": "é"}, "/cursor"),
    ("time", {"best_stack": {"time_ms": 0}}, "/best_stack/time_ms"),
    ("include", {"best_stack": {"include": ["voucher"]}}, "/best_stack/include/0"),
    ("best-stack", {"best_stack": 1}, "/best_stack"),
    ("amount", {"amount": 1}, "/amount"),
]


async def test_g7_bad_questions_point_at_the_field(shop: Shop) -> None:
    for name, body, pointer in QUESTIONS:
        try:
            await refuse(shop.secret, "/v1/qualifications", {"order": {"amount": 5}, **body}, pointer)
        except AssertionError as error:
            raise AssertionError(name) from error
    for raw in NO_JSON:
        await refuse(shop.secret, "/v1/qualifications", raw, None)


async def test_g7_bad_returns_point_at_the_field_and_change_nothing(shop: Shop) -> None:
    redeemed = ok(await shop.redeem(await shop.voucher(), **item(quantity=3)))["id"]
    path = f"/v1/redemptions/{redeemed}"
    for _, body, pointer in ROLLBACKS:
        await refuse(shop.secret, f"{path}/rollback", body, pointer)
    for _, body, pointer in RETURNS:
        await refuse(shop.secret, "/v1/returns/quote", {"redemption_id": redeemed, **body}, pointer)
    await refuse(shop.secret, "/v1/returns/quote", {"items": [{"sku": "TEE", "quantity": 1}]}, "/redemption_id")
    for raw in NO_JSON:
        await refuse(shop.secret, f"{path}/rollback", raw, None)
        await refuse(shop.secret, "/v1/returns/quote", raw, None)
    for suffix in ("-0", "-9", "-1-1", "%00", "-%C2%B2", "-%D9%A1"):
        assert_refused(await shop.post(f"{path}{suffix}/rollback"), "redemption_not_found")
    assert ok(await shop.get(path))["status"] == "redeemed"


async def test_g7_bad_calls_of_a_reservation_change_nothing(shop: Shop) -> None:
    path = await shop.held(await shop.voucher(max_redemptions=1))
    before = ok(await shop.get(path))
    for _, ttl_s in TTL:
        await refuse(shop.secret, f"{path}/extend", {"ttl_s": ttl_s}, "/ttl_s")
        if ttl_s is not None:
            await refuse(shop.secret, "/v1/reservations", {**wish("A"), "session": "s", "ttl_s": ttl_s}, "/ttl_s")
    await refuse(shop.secret, f"{path}/extend", {}, "/ttl_s")
    await refuse(shop.secret, "/v1/reservations", wish("A"), "/session")
    for verb in ("capture", "release", "extend"):
        await refuse(
            shop.secret, f"{path}/{verb}", {"ttl_s": 60, "force": True}, "/force" if verb == "extend" else "/ttl_s"
        )
        await refuse(shop.secret, f"{path}/{verb}", [], "")
        await refuse(shop.secret, f"{path}/{verb}", b"{", None)
        for unknown in ("x", f"rsv_{NOWHERE}", "%00", "%FF"):
            body = {"ttl_s": 60} if verb == "extend" else None
            assert_refused(await shop.post(f"/v1/reservations/{unknown}/{verb}", body), "reservation_not_found")
    assert ok(await shop.get(path)) == before


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_g7_what_is_no_idempotency_key_is_named_by_its_header(shop: Shop, key: str) -> None:
    for path in ("redemptions", "reservations", f"redemptions/rdm_{NOWHERE}/rollback", "vouchers/A/redeem"):
        answer = await shop.post(f"/v1/{path}", {}, headers={"Idempotency-Key": key})
        assert assert_refused(answer, "invalid_request")["errors"][0]["header"] == "Idempotency-Key"


NEW_ROUTES = {
    "/v1/redemptions": "GET POST",
    f"/v1/redemptions/rdm_{NOWHERE}": "GET",
    f"/v1/redemptions/rdm_{NOWHERE}/rollback": "POST",
    "/v1/validations": "POST",
    "/v1/returns/quote": "POST",
    "/v1/reservations": "POST",
    f"/v1/reservations/rsv_{NOWHERE}": "GET",
    f"/v1/reservations/rsv_{NOWHERE}/capture": "POST",
    f"/v1/reservations/rsv_{NOWHERE}/extend": "POST",
    f"/v1/reservations/rsv_{NOWHERE}/release": "POST",
    "/v1/validation-rules": "GET POST",
    f"/v1/validation-rules/rul_{NOWHERE}": "GET PATCH DELETE",
    "/v1/customers": "GET POST",
    "/v1/segments": "GET POST",
    "/v1/segments/x": "GET PATCH DELETE",
    "/v1/segments/x/customers": "GET POST",
    "/v1/collections": "GET POST",
    "/v1/collections/x": "GET PATCH DELETE",
    "/v1/collections/x/products": "GET POST",
    "/v1/products": "GET POST",
    "/v1/products/x": "GET PATCH DELETE",
    "/v1/skus": "GET POST",
    "/v1/skus/x": "GET PATCH DELETE",
    "/v1/stacking-rules": "GET PUT",
    "/v1/qualifications": "POST",
    "/v1/events": "POST",
    "/v1/gift-cards": "GET POST",
    "/v1/gift-cards/batch": "POST",
    "/v1/gift-cards/A": "GET PATCH DELETE",
    "/v1/gift-cards/A/transactions": "GET",
    **{f"/v1/gift-cards/A/{verb}": "POST" for verb in ("activate", "block", "unblock", "expire", "top-up")},
    "/v1/loyalty-programs": "GET POST",
    f"/v1/loyalty-programs/lty_{NOWHERE}": "GET PATCH DELETE",
    f"/v1/loyalty-programs/lty_{NOWHERE}/pause": "POST",
    f"/v1/loyalty-programs/lty_{NOWHERE}/cards": "GET POST",
    "/v1/loyalty-cards/A": "GET PATCH",
    "/v1/loyalty-cards/A/transactions": "GET",
    **{f"/v1/loyalty-cards/A/{verb}": "POST" for verb in ("adjust", "block", "unblock")},
    "/v1/referral-programs": "GET POST",
    f"/v1/referral-programs/ref_{NOWHERE}": "GET PATCH DELETE",
    f"/v1/referral-programs/ref_{NOWHERE}/pause": "POST",
    f"/v1/referral-programs/ref_{NOWHERE}/codes": "GET POST",
    f"/v1/referral-programs/ref_{NOWHERE}/codes/A/disable": "POST",
    f"/v1/referral-programs/ref_{NOWHERE}/attributions": "GET",
    "/v1/promotion-tiers": "GET POST",
    f"/v1/promotion-tiers/tier_{NOWHERE}": "GET PATCH DELETE",
    f"/v1/promotion-tiers/tier_{NOWHERE}/disable": "POST",
    "/v1/customers/a": "GET PATCH DELETE",
    "/v1/customers/a/wallet": "GET",
    "/v1/customers/a/erase": "POST",
    "/v1/customers/a/export": "GET",
}
PUBLIC = ("/v1/validations", "/v1/qualifications")


@pytest.mark.parametrize("path", NEW_ROUTES)
async def test_g7_other_methods_and_too_large_bodies_are_refused(shop: Shop, path: str) -> None:
    taken = NEW_ROUTES[path].split()
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"}.difference(taken):
        answer = await shop.secret(method, path)
        assert_refused(answer, "method_not_allowed")
        assert answer.headers["allow"]
    head = await shop.secret("HEAD", path)
    assert (head.status_code, head.content) == (405, b"")
    for method in set(taken) - {"GET", "DELETE"}:  # what takes no body does not read one
        for size in (70_000, 1_100_000):
            try:
                answer = await shop.secret(method, path, b"[" * size)
            except httpx.TransportError:
                continue  # cut off while it was still sending: what is refused is not read to its end
            assert answer.status_code in (400, 413), (path, size, answer.text)
    after = await shop.post("/v1/validations", wish("A"))
    assert after.status_code == 200, (after.headers, after.text)


async def test_g7_a_publishable_key_validates_and_sees_one_refusal(shop: Shop) -> None:
    """How a code could be made to apply is not for everybody: neither conditions nor what counts."""
    public = shop.publishable
    for path, methods in NEW_ROUTES.items():
        for method in methods.split():
            if path not in PUBLIC:
                assert_refused(await public(method, path, {} if method != "GET" else None), "publishable_key")
    counted = await shop.rule({"redemptions.total.day": {"lte": 1}})
    spent = await shop.voucher(validation_rules=[counted])
    ok(await shop.redeem(spent))
    dear = await shop.voucher(validation_rules=[await shop.rule({"order.amount": {"gte": 500}})])

    async def seen(code: str) -> list[dict[str, Any]]:
        stack = ok(await public.post("/v1/validations", wish(code)))
        alone = ok(await public.post(f"/v1/vouchers/{code}/validate", {"order_value": 100}))
        return [
            {**stack, "redeemables": [{**each, "id": "x"} for each in stack["redeemables"]]},
            {**alone, "voucher": "x"},
        ]

    await judged(partial(shop.redeem, spent))
    assert await seen(spent) == await seen(dear)
    assert "conditions" not in json.dumps(await seen(dear))
    with_more = wish(dear, customer={"id": "bob", "segments": ["vip"]})
    assert_refused(await public.post("/v1/validations", with_more), "invalid_request", "/customer")
