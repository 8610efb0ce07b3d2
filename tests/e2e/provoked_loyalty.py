"""What is refused of loyalty programs, their cards and points."""

from typing import Any

import httpx

from tests.control_plane.client import created

from .provoking import NOWHERE, Shop, provokes, unique

PROGRAMS = "/v1/loyalty-programs"
SPENDING = {"points": 100, "amount": 1, "min_points": 50}


async def new_card(shop: Shop, points: int = 0) -> str:
    """The code of a new card with these points."""
    program = created(await shop.post(PROGRAMS, {"name": "Club", "spending": SPENDING}))
    path = f"{PROGRAMS}/{program['id']}/cards"
    code = str(created(await shop.post(path, {"customer_id": unique("cust")}))["code"])
    if points:
        await shop.post(f"/v1/loyalty-cards/{code}/adjust", {"points": points, "reason": "Welcome"})
    return code


async def spend(shop: Shop, code: str, **wanted: Any) -> httpx.Response:
    return await shop.post(f"/v1/vouchers/{code}/redeem", {"order_value": 50, **wanted})


@provokes()
async def loyalty_program_not_found(shop: Shop) -> httpx.Response:
    return await shop.post(f"{PROGRAMS}/lty_{NOWHERE}/cards", {"customer_id": "alice"})


@provokes()
async def loyalty_card_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/loyalty-cards/NOBODY")


@provokes()
async def insufficient_points(shop: Shop) -> httpx.Response:
    return await spend(shop, await new_card(shop, 60), points=61)


@provokes()
async def too_few_points(shop: Shop) -> httpx.Response:
    return await spend(shop, await new_card(shop, 60), points=49)


@provokes()
async def reward_unknown(shop: Shop) -> httpx.Response:
    return await spend(shop, await new_card(shop, 60), reward="mug")
