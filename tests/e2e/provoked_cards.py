"""What is refused of gift cards and promotion tiers."""

from typing import Any

import httpx

from tests.control_plane.client import created, ok

from .provoking import NOWHERE, Shop, provokes, wish


async def gift_card(shop: Shop, amount: float = 10, **more: Any) -> str:
    """The code of a new card."""
    return str(created(await shop.post("/v1/gift-cards", {"amount": amount, **more}))["code"])


async def pay(shop: Shop, code: str, **wanted: Any) -> httpx.Response:
    return await shop.post(f"/v1/vouchers/{code}/redeem", {"order_value": 50, **wanted})


@provokes()
async def gift_card_not_found(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/gift-cards/NOBODY/top-up", {"amount": 5})


@provokes()
async def card_inactive(shop: Shop) -> httpx.Response:
    return await pay(shop, await gift_card(shop, active=False))


@provokes()
async def card_blocked(shop: Shop) -> httpx.Response:
    code = await gift_card(shop)
    ok(await shop.post(f"/v1/gift-cards/{code}/block"))
    return await pay(shop, code)


@provokes()
async def insufficient_balance(shop: Shop) -> httpx.Response:
    return await pay(shop, await gift_card(shop), amount=10.01)


@provokes()
async def promotion_tier_not_found(shop: Shop) -> httpx.Response:
    wanted = [{"object": "promotion_tier", "id": f"tier_{NOWHERE}"}]
    return await shop.post("/v1/redemptions", {**wish(), "redeemables": wanted})
