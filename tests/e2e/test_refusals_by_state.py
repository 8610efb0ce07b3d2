"""G7, G1: what the state of a card, a program or an order forbids is refused by its code, again with the same key, and
nothing changes by it; and what was reserved is not captured when it may not be spent any more."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import created, ok
from tests.servers.stack import RunningStack

from .census import changed, ledger_census
from .provoked_cards import gift_card
from .provoking import Shop, assert_refused, unique
from .refused_redeemables import CLUB

Refused = tuple[str, Any, str, str | None]
"""A path, what is sent there, the code, and the field that is to blame."""


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


async def star_of(shop: Shop, program: str, customer_id: str, points: int) -> str:
    """The code of a customer's card with these points."""
    code = str(created(await shop.post(f"{program}/cards", {"customer_id": customer_id}))["code"])
    ok(await shop.post(f"/v1/loyalty-cards/{code}/adjust", {"points": points, "reason": "Welcome"}))
    return code


async def of_gift_cards(shop: Shop) -> list[Refused]:
    inactive, blocked, expired = await gift_card(shop, active=False), await gift_card(shop), await gift_card(shop)
    ok(await shop.post(f"/v1/gift-cards/{blocked}/block"))
    ok(await shop.post(f"/v1/gift-cards/{expired}/expire"))
    full = await gift_card(shop, 10**10)
    cards = "/v1/gift-cards"
    campaign = created(await shop.post("/v1/campaigns", {"name": "Cards", "type": "GIFT_CARD"}))["id"]
    return [
        (f"{cards}/{inactive}/block", None, "card_inactive", None),
        (f"{cards}/{blocked}/activate", None, "card_blocked", None),
        (f"{cards}/{blocked}/top-up", {"amount": 5}, "card_blocked", None),
        (f"{cards}/{expired}/top-up", {"amount": 5}, "voucher_expired", None),
        (f"{cards}/{full}/top-up", {"amount": 0.01}, "invalid_request", "/amount"),
        (cards, {"amount": 5, "code": blocked}, "code_taken", "/code"),
        (cards, {"campaign_id": campaign}, "invalid_request", "/amount"),
        (f"{cards}/batch", {"campaign_id": campaign, "count": 5}, "invalid_request", "/amount"),
        ("/v1/vouchers", {"code": blocked.lower(), "discount_value": 5}, "code_taken", "/code"),
    ]


async def of_points(shop: Shop) -> list[Refused]:
    body = {**CLUB, "earning_rules": [{"event": "order.paid", "points": 10, "per": 1}]}
    program = f"/v1/loyalty-programs/{created(await shop.post('/v1/loyalty-programs', body))['id']}"
    customer, order = unique("cust"), unique("order")
    star = await star_of(shop, program, customer, 60)
    gift, voucher = await gift_card(shop), await shop.voucher()
    paid = {"type": "order.paid", "customer_id": customer, "order": {"id": order, "amount": 5}}
    ok(await shop.post("/v1/events", paid))
    back = {"type": "order.refunded", "customer_id": "somebody", "order": {"id": order}}
    foreign = {**paid, "order": {"id": order, "amount": 5, "currency": "USD"}}
    adjust = f"/v1/loyalty-cards/{star}/adjust"
    return [
        (adjust, {"points": -111, "reason": "A mistake"}, "insufficient_points", None),
        *[
            (f"{program}/cards", {"customer_id": unique("new"), "code": code}, "code_taken", "/code")
            for code in (gift, voucher, star)
        ],
        ("/v1/events", {**paid, "customer_id": "somebody"}, "invalid_request", "/customer_id"),
        ("/v1/events", back, "invalid_request", "/customer_id"),
        ("/v1/events", foreign, "currency_mismatch", "/order/currency"),
        ("/v1/gift-cards", {"amount": 5, "code": star}, "code_taken", "/code"),
    ]


async def of_referrals_and_tiers(shop: Shop) -> list[Refused]:
    programs = "/v1/referral-programs"
    keys = [f"k{number}" for number in range(8)]
    program = f"{programs}/{created(await shop.post(programs, {'name': 'Friends', 'identity_keys': keys}))['id']}"
    for number in range(6):
        told = {key: f"{key}-{number}" for key in keys}
        answer = await shop.post(f"{program}/codes", {"customer_id": "alice", "identity": told})
        assert answer.status_code in (200, 201), answer.text
    code = answer.json()["code"]
    plain = created(await shop.post("/v1/campaigns", {"name": "Bare", "rules": {}}))["id"]
    cards = created(await shop.post("/v1/campaigns", {"name": "Cards", "type": "GIFT_CARD"}))["id"]
    more = {"customer_id": "alice", "identity": {key: f"{key}-more" for key in keys}}
    reward = {"name": "Friends", "referrer_reward": {"type": "voucher", "campaign_id": plain}}
    tier = {"name": "Tier", "discount_value": 5}
    return [
        (f"{program}/codes", more, "invalid_request", "/identity"),
        (programs, reward, "invalid_request", "/referrer_reward/campaign_id"),
        ("/v1/gift-cards", {"amount": 5, "code": code}, "code_taken", "/code"),
        ("/v1/promotion-tiers", {**tier, "campaign_id": plain}, "invalid_request", "/campaign_id"),
        ("/v1/promotion-tiers", {**tier, "campaign_id": cards}, "invalid_request", "/campaign_id"),
        ("/v1/gift-cards", {"amount": 5, "campaign_id": plain}, "invalid_request", "/campaign_id"),
    ]


@pytest.mark.parametrize("make", [of_gift_cards, of_points, of_referrals_and_tiers])
async def test_g7_what_a_state_forbids_changes_nothing(shop: Shop, make: Any) -> None:
    some = await shop.project()
    refused: list[Refused] = await make(some)
    before = await ledger_census(shop)
    for path, body, code, pointer in refused:
        pointers = () if pointer is None else (pointer,)
        key = {"Idempotency-Key": unique("k")}
        for headers in (key, key, {"Idempotency-Key": unique("k")}):
            assert_refused(await some.post(path, body, headers=headers), code, *pointers)
        assert_refused(await some.post(path, body), code, *pointers)
    assert changed(before, await ledger_census(shop)) <= {"idempotency_keys"}


async def reserved(shop: Shop, wanted: dict[str, Any], **more: Any) -> str:
    body = {"redeemables": [wanted], "order": {"amount": 50}, "session": unique("s"), **more}
    return f"/v1/reservations/{created(await shop.post('/v1/reservations', body))['id']}"


async def test_g1_what_may_not_be_spent_any_more_is_not_captured(shop: Shop) -> None:
    some = await shop.project()
    program = f"/v1/loyalty-programs/{created(await some.post('/v1/loyalty-programs', CLUB))['id']}"
    star, gift, late = await star_of(some, program, "cust", 60), await gift_card(some), await gift_card(some)
    tier = created(await some.post("/v1/promotion-tiers", {"name": "Tier", "discount_value": 5}))["id"]
    held = {
        "blocked points": await reserved(some, {"object": "loyalty_card", "id": star, "points": 50}),
        "blocked money": await reserved(some, {"object": "gift_card", "id": gift}),
        "expired money": await reserved(some, {"object": "gift_card", "id": late}),
        "a tier shut off": await reserved(some, {"object": "promotion_tier", "id": tier}),
    }
    # What is held by one is not there for another.
    other = {"object": "gift_card", "id": gift, "amount": 1}
    body = {"redeemables": [other], "order": {"amount": 50}}
    assert_refused(await some.post("/v1/redemptions", body), "limit_held")
    ok(await some.post(f"/v1/loyalty-cards/{star}/block"))
    ok(await some.post(f"/v1/gift-cards/{gift}/block"))
    ok(await some.post(f"/v1/gift-cards/{late}/expire"))
    ok(await some.post(f"/v1/promotion-tiers/{tier}/disable"))
    before = await ledger_census(shop)
    for name, code in (
        ("blocked points", "card_blocked"),
        ("blocked money", "card_blocked"),
        ("expired money", "voucher_expired"),
        ("a tier shut off", "voucher_disabled"),
    ):
        for _ in range(2):
            answer = await some.post(f"{held[name]}/capture")
            assert_refused(answer, code)
        assert ok(await some.get(held[name]))["status"] == "held", name
    assert not changed(before, await ledger_census(shop))
    for path in held.values():
        ok(await some.post(f"{path}/release"))
    assert ok(await some.get(f"/v1/gift-cards/{gift}"))["balance"] == 10


async def test_g1_what_is_reserved_of_a_referral_is_captured_only_where_it_is_still_the_first(shop: Shop) -> None:
    some = await shop.project()
    body = {"name": "Friends", "identity_keys": ["device"], "rules": {"discount_value": 5}}
    path = f"/v1/referral-programs/{created(await some.post('/v1/referral-programs', body))['id']}/codes"
    alice, carol = [created(await some.post(path, {"customer_id": name}))["code"] for name in ("alice", "carol")]
    bob = {"customer": {"id": "bob", "identity": {"device": "d-1"}}}
    held = await reserved(some, {"object": "referral_code", "id": alice}, **bob)
    wanted = {"redeemables": [{"object": "referral_code", "id": carol}], "order": {"amount": 50}}
    assert_refused(await some.post("/v1/redemptions", {**wanted, **bob}), "limit_held")
    dave = {"customer": {"id": "dave", "identity": {"device": "d-1"}}}
    ok(await some.post("/v1/redemptions", {**wanted, **dave}))
    before = await ledger_census(shop)
    for _ in range(2):
        assert_refused(await some.post(f"{held}/capture"), "already_referred")
    ok(await some.post(f"{held}/release"))
    written = changed(before, await ledger_census(shop))
    assert written <= {"reservations", "reservation_holds"}, written
    assert_refused(await some.post("/v1/redemptions", {**wanted, **bob}), "already_referred")
