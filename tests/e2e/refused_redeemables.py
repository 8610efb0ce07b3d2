"""Redeemables that cannot be redeemed, of every kind and for every reason: each with the code that says so.

A case makes what it needs in a shop and returns the redeemable as a stack names it, and what the rest of the body
must be. Must never judge: that is the tests'.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from tests.control_plane.client import created, ok

from .provoked_cards import gift_card
from .provoking import NOWHERE, Shop, unique

Case = tuple[dict[str, Any], dict[str, Any]]
Make = Callable[[Shop], Awaitable[Case]]
LAST_YEAR, NEXT_YEAR = "2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"
REWARD = {"id": "mug", "name": "Mug", "points": 90, "discount_type": "AMOUNT", "discount_value": 8}
CLUB = {"name": "Club", "spending": {"points": 10, "amount": 1, "min_points": 20}, "rewards": [REWARD]}


async def _unknown(name: str, object_: str, shop: Shop) -> Case:
    return {"object": object_, "id": name}, {}


async def _voucher_as(object_: str, shop: Shop) -> Case:
    return {"object": object_, "id": await shop.voucher()}, {}


async def _gift(shop: Shop, verb: str = "", asked: dict[str, Any] | None = None, **fields: Any) -> Case:
    code = await gift_card(shop, **fields)
    if verb:
        ok(await shop.post(f"/v1/gift-cards/{code}/{verb}"))
    return {"object": "gift_card", "id": code, **(asked or {})}, {}


async def _spent_gift(shop: Shop) -> Case:
    code = await gift_card(shop)
    ok(await shop.post(f"/v1/vouchers/{code}/redeem", {"order_value": 10}))
    return {"object": "gift_card", "id": code}, {}


async def _gift_of_paused(shop: Shop) -> Case:
    body = {"name": "Cards", "type": "GIFT_CARD", "card_amount": 10}
    campaign = created(await shop.post("/v1/campaigns", body))["id"]
    code = created(await shop.post("/v1/gift-cards", {"campaign_id": campaign}))["code"]
    ok(await shop.post(f"/v1/campaigns/{campaign}/pause"))
    return {"object": "gift_card", "id": code}, {}


async def _points(
    shop: Shop, points: int = 60, block: bool = False, pause: bool = False, asked: Any = None, **terms: Any
) -> Case:
    program = created(await shop.post("/v1/loyalty-programs", {**CLUB, **terms}))["id"]
    path, customer = f"/v1/loyalty-programs/{program}", unique("cust")
    code = created(await shop.post(f"{path}/cards", {"customer_id": customer}))["code"]
    if terms:
        order = {"id": unique("o"), "amount": 10}
        ok(await shop.post("/v1/events", {"type": "order.paid", "customer_id": customer, "order": order}))
    elif points:
        ok(await shop.post(f"/v1/loyalty-cards/{code}/adjust", {"points": points, "reason": "Welcome"}))
    if block:
        ok(await shop.post(f"/v1/loyalty-cards/{code}/block"))
    if pause:
        ok(await shop.post(f"{path}/pause"))
    return {"object": "loyalty_card", "id": code, **(asked or {})}, {}


async def _program(shop: Shop) -> str:
    body = {"name": "Friends", "identity_keys": ["device"], "rules": {"discount_value": 10}}
    return f"/v1/referral-programs/{created(await shop.post('/v1/referral-programs', body))['id']}"


async def _referral(shop: Shop, told: Any = None, says: Any = None, disable: bool = False) -> Case:
    """A code of alice's, to be redeemed by whoever `says` so; by alice herself where nothing is said."""
    path, alice = await _program(shop), unique("alice")
    code = created(await shop.post(f"{path}/codes", {"customer_id": alice, **(told or {})}))["code"]
    if disable:
        ok(await shop.post(f"{path}/codes/{code}/disable"))
    customer = {"id": alice} if says is None else {"id": unique("bob"), **says}
    return {"object": "referral_code", "id": code}, {"customer": customer}


async def _referral_of_nobody(shop: Shop) -> Case:
    return (await _referral(shop))[0], {}


async def _referred(shop: Shop, ring: bool = False, device: bool = False) -> Case:
    path, alice, bob = await _program(shop), unique("alice"), unique("bob")
    first = created(await shop.post(f"{path}/codes", {"customer_id": alice}))["code"]
    customer = {"id": bob, "identity": {"device": bob}}
    ok(await shop.post(f"/v1/vouchers/{first}/redeem", {"order_value": 50, "customer": customer}))
    whose, buyer = (bob, {"id": alice}) if ring else (unique("carol"), customer)
    if device:
        buyer = {**customer, "id": unique("dave")}
    code = created(await shop.post(f"{path}/codes", {"customer_id": whose}))["code"]
    return {"object": "referral_code", "id": code}, {"customer": buyer}


async def _tier(shop: Shop, disable: bool = False, **fields: Any) -> Case:
    if "validation_rules" in fields:
        fields["validation_rules"] = [await shop.rule({"order.amount": {"gte": 500}})]
    wanted = {"name": "Five off", "discount_type": "AMOUNT", "discount_value": 5, **fields}
    tier = created(await shop.post("/v1/promotion-tiers", wanted))["id"]
    if disable:
        ok(await shop.post(f"/v1/promotion-tiers/{tier}/disable"))
    return {"object": "promotion_tier", "id": tier}, {}


PENDING: dict[str, Any] = {"pending_days": 14, "earning_rules": [{"event": "order.paid", "points": 10, "per": 1}]}
CASES: dict[str, tuple[str, Make]] = {
    "no such gift card": ("gift_card_not_found", partial(_unknown, "NOSUCH", "gift_card")),
    "a voucher as gift card": ("gift_card_not_found", partial(_voucher_as, "gift_card")),
    "a gift card not activated": ("card_inactive", partial(_gift, active=False)),
    "a gift card blocked": ("card_blocked", partial(_gift, verb="block")),
    "a gift card expired": ("voucher_expired", partial(_gift, verb="expire")),
    "a gift card of next year": ("voucher_not_started", partial(_gift, starts_at=NEXT_YEAR)),
    "a gift card of a paused campaign": ("campaign_paused", _gift_of_paused),
    "a gift card with too little": ("insufficient_balance", partial(_gift, asked={"amount": 10.01})),
    "a gift card spent": ("insufficient_balance", _spent_gift),
    "no such loyalty card": ("loyalty_card_not_found", partial(_unknown, "NOSUCH", "loyalty_card")),
    "a voucher as loyalty card": ("loyalty_card_not_found", partial(_voucher_as, "loyalty_card")),
    "a loyalty card blocked": ("card_blocked", partial(_points, block=True)),
    "a loyalty card of a paused program": ("campaign_paused", partial(_points, pause=True)),
    "a loyalty card with too few": ("insufficient_points", partial(_points, asked={"points": 61})),
    "a loyalty card without points": ("insufficient_points", partial(_points, points=0)),
    "a loyalty card that has fewer than are taken": ("insufficient_points", partial(_points, points=19)),
    "a loyalty card with points to come": ("insufficient_points", partial(_points, asked={"points": 20}, **PENDING)),
    "too few points": ("too_few_points", partial(_points, asked={"points": 19})),
    "a reward that is too dear": ("insufficient_points", partial(_points, asked={"reward": "mug"})),
    "no such reward": ("reward_unknown", partial(_points, asked={"reward": "cup"})),
    "no such referral code": ("referral_code_not_found", partial(_unknown, "NOSUCH", "referral_code")),
    "a voucher as referral code": ("referral_code_not_found", partial(_voucher_as, "referral_code")),
    "a referral code shut off": ("voucher_disabled", partial(_referral, says={}, disable=True)),
    "a referral code and nobody": ("customer_required", _referral_of_nobody),
    "oneself by id": ("self_referral", _referral),
    "oneself by address": (
        "self_referral",
        partial(_referral, told={"email": "al.ice@gmail.com"}, says={"email": "ALICE+x@googlemail.com"}),
    ),
    "oneself by device": (
        "self_referral",
        partial(_referral, told={"identity": {"device": "d"}}, says={"identity": {"device": "d"}}),
    ),
    "a ring": ("referral_ring", partial(_referred, ring=True)),
    "referred already": ("already_referred", _referred),
    "referred already by device": ("already_referred", partial(_referred, device=True)),
    "no such tier": ("promotion_tier_not_found", partial(_unknown, f"tier_{NOWHERE}", "promotion_tier")),
    "a tier shut off": ("voucher_disabled", partial(_tier, disable=True)),
    "a tier of last year": ("voucher_expired", partial(_tier, starts_at="2019-01-01T00:00:00Z", expires_at=LAST_YEAR)),
    "a tier that does not fit": ("rule_not_met", partial(_tier, validation_rules=[])),
    "a tier for known customers": ("customer_required", partial(_tier, max_redemptions_per_customer=1)),
}
