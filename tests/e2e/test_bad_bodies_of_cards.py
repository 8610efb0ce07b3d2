"""G7: what no route of cards, programs, tiers, events and qualifications takes is a 4xx that names the field, is
quick and changes nothing; never a 500."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import Client, created, ok
from tests.servers.stack import RunningStack

from . import bad_terms as bad
from .bad_checkouts import OF_CUSTOMERS, OF_QUALIFICATIONS, OF_REDEEMABLES, SPENT
from .census import changed, ledger_census
from .provoked_cards import gift_card
from .provoking import Shop, assert_refused, unique

LONGEST_S = 1.0
"""Of the worst body, on a busy machine."""
NO_JSON = [b"{", b"[]", b"5", b"\xef\xbb\xbf{}", b"NaN", b'{"\\ud800":1}', b'{"\xff":1}']


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


async def assert_spoilt(api: Client, method: str, path: str, body: Any, pointer: str | None) -> None:
    """It is refused, quickly, and says where; `pointer` None: it is no JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    started = time.monotonic()
    answer = await api(method, path, raw, headers={"Idempotency-Key": unique("k")})
    assert time.monotonic() - started < LONGEST_S, (path, body)
    where = (method, path, body if len(raw) < 1000 else raw[:1000], answer.text)
    if pointer is None:
        assert answer.json().get("code") == "malformed_body", where
        assert_refused(answer, "malformed_body")
        return
    assert answer.json().get("code") == "invalid_request", where
    named = [error.get("pointer", "") for error in assert_refused(answer, "invalid_request")["errors"]]
    assert any(one == pointer or one.startswith(f"{pointer}/") for one in named), (pointer, where)
    assert not any("//" in one or one.endswith("/") for one in named), where


async def made(shop: Shop) -> dict[str, tuple[str, dict[str, Any], bad.Faults]]:
    """What each route takes, and what spoils it."""
    gift = f"/v1/gift-cards/{await gift_card(shop)}"
    loyalty = f"/v1/loyalty-programs/{created(await shop.post('/v1/loyalty-programs', {'name': 'Club'}))['id']}"
    star = f"/v1/loyalty-cards/{created(await shop.post(f'{loyalty}/cards', {'customer_id': unique('c')}))['code']}"
    friends = {"name": "Friends", "identity_keys": ["device"]}
    referral = f"/v1/referral-programs/{created(await shop.post('/v1/referral-programs', friends))['id']}"
    tier = f"/v1/promotion-tiers/{created(await shop.post('/v1/promotion-tiers', bad.TIER))['id']}"
    cards = {"name": "Cards", "type": "GIFT_CARD"}
    campaign = created(await shop.post("/v1/campaigns", cards))["id"]
    batch = {"campaign_id": campaign, "count": 5, "amount": 5}
    counts = bad.each("count", 0, -1, 50_001, 1.5, "5", None, 10**40, True)
    top_up = [*bad.each("amount", *bad.AMOUNTS), *bad.each("reason", "", "x" * 501, bad.NUL, 5), *bad.UNKNOWN]
    return {
        "POST /v1/gift-cards": ("POST", bad.CARD, bad.OF_CARDS),
        "POST /v1/gift-cards/batch": ("POST", batch, [*counts, *bad.OF_CARDS[:10], ({"code": "A"}, "/code")]),
        f"PATCH {gift}": ("PATCH", {}, [*bad.OF_CHANGES, *bad.METADATA, ({"amount": 5}, "/amount"), *bad.UNKNOWN]),
        f"POST {gift}/top-up": ("POST", {"amount": 5}, top_up),
        "POST /v1/loyalty-programs": ("POST", {"name": "Club"}, bad.OF_PROGRAMS),
        f"PATCH {loyalty}": ("PATCH", {}, bad.OF_PROGRAMS),
        f"POST {loyalty}/cards": ("POST", {"customer_id": "bad-1"}, bad.OF_LOYALTY_CARDS),
        f"POST {star}/adjust": ("POST", {"points": 5, "reason": "x"}, bad.OF_ADJUSTMENTS),
        "POST /v1/events": ("POST", bad.EVENT, bad.OF_EVENTS),
        "POST /v1/referral-programs": ("POST", {"name": "Friends"}, bad.OF_REFERRALS),
        f"PATCH {referral}": ("PATCH", {}, bad.OF_REFERRALS),
        f"POST {referral}/codes": ("POST", {"customer_id": "bad-1"}, bad.OF_REFERRAL_CODES),
        "POST /v1/promotion-tiers": ("POST", bad.TIER, bad.OF_TIERS),
        f"PATCH {tier}": ("PATCH", {}, [*bad.OF_TIERS, *bad.UNKNOWN]),
    }


async def test_g7_bad_bodies_name_the_field_and_change_nothing(shop: Shop) -> None:
    some = await shop.project()
    routes = await made(some)
    before = await ledger_census(shop)
    faults: list[str] = []
    for route, (method, good, spoilt) in routes.items():
        path = route.split()[1]
        for delta, pointer in spoilt:
            try:
                await assert_spoilt(some.secret, method, path, {**good, **delta}, pointer)
            except AssertionError as error:
                faults.append(str(error)[:600])
        for raw in NO_JSON:
            try:
                await assert_spoilt(some.secret, method, path, raw, None)
            except AssertionError as error:
                faults.append(str(error)[:600])
        for size in (70_000, 1_100_000):
            try:
                answer = await some.secret(method, path, b"[" * size)
            except httpx.TransportError:
                continue  # cut off while it was still sending: what is refused is not read to its end
            assert answer.status_code in (400, 413), (path, size, answer.text)
        assert_refused(await some.publishable(method, path, good), "publishable_key")
        assert_refused(await some.admin(method, path, good), "secret_key_required")
    assert not faults, "\n".join(faults)
    assert not changed(before, await ledger_census(shop))
    for route, (method, good, _) in routes.items():
        answer = await some.secret(method, route.split()[1], good)
        assert answer.status_code in (200, 201, 202), (route, answer.text)


async def test_g7_bad_checkouts_of_cards_name_the_field_and_change_nothing(shop: Shop) -> None:
    code = await gift_card(shop)
    named: dict[str, Any] = {"object": "gift_card", "id": code}
    order: dict[str, Any] = {"order": {"amount": 50}}
    stack = {"redeemables": [{"id": "FIRST"}, named], **order, "session": unique("s")}
    bodies: list[tuple[str, Any, str | None]] = []
    for path in ("/v1/validations", "/v1/redemptions", "/v1/reservations"):
        for delta, at in [*SPENT, *OF_REDEEMABLES]:
            spoilt = [{"id": "FIRST"}, {**named, **delta}]
            bodies.append((path, {**stack, "redeemables": spoilt}, f"/redeemables/1{at}"))
        bodies += [(path, {**stack, **delta}, at) for delta, at in [*OF_CUSTOMERS, *SPENT[:3]]]
        bodies += [(path, {**stack, name: value}, f"/{name}") for name, value in (("points", 5), ("reward", "mug"))]
    for verb in ("redeem", "validate"):
        path = f"/v1/vouchers/{code}/{verb}"
        bodies += [(path, {"order_value": 50, **delta}, at) for delta, at in [*SPENT, *OF_CUSTOMERS]]
    bodies += [("/v1/qualifications", {**order, **delta}, at) for delta, at in OF_QUALIFICATIONS]
    bodies += [("/v1/qualifications", raw, None) for raw in (b"{", *NO_JSON[3:])]
    before, faults = await ledger_census(shop), []
    for path, body, pointer in bodies:
        try:
            await assert_spoilt(shop.secret, "POST", path, body, pointer)
        except AssertionError as error:
            faults.append(str(error)[:600])
    assert not faults, "\n".join(faults)
    assert_refused(await shop.post("/v1/qualifications", b" " * 65_000), "body_too_large")
    foreign = {"order": {"amount": 5, "currency": "USD"}}
    assert_refused(await shop.post("/v1/qualifications", foreign), "currency_mismatch", "/order/currency")
    assert not changed(before, await ledger_census(shop))
    assert ok(await shop.get(f"/v1/gift-cards/{code}"))["balance"] == 10
