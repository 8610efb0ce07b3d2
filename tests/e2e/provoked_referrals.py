"""What is refused of referrals."""

import httpx

from tests.control_plane.client import created, ok

from .provoking import NOWHERE, Shop, provokes, unique

PROGRAMS = "/v1/referral-programs"


async def new_program(shop: Shop) -> str:
    """The path of a new program."""
    body = {"name": "Friends", "rules": {"discount_value": 10}}
    return f"{PROGRAMS}/{created(await shop.post(PROGRAMS, body))['id']}"


async def code_of(shop: Shop, path: str, customer_id: str) -> str:
    return str(created(await shop.post(f"{path}/codes", {"customer_id": customer_id}))["code"])


async def buy(shop: Shop, code: str, customer_id: str, email: str | None = None) -> httpx.Response:
    customer = {"id": customer_id} if email is None else {"id": customer_id, "email": email}
    return await shop.post(f"/v1/vouchers/{code}/redeem", {"order_value": 50, "customer": customer})


@provokes()
async def referral_program_not_found(shop: Shop) -> httpx.Response:
    return await shop.post(f"{PROGRAMS}/ref_{NOWHERE}/codes", {"customer_id": "alice"})


@provokes()
async def referral_code_not_found(shop: Shop) -> httpx.Response:
    return await shop.post(f"{await new_program(shop)}/codes/NOBODY/disable")


@provokes()
async def self_referral(shop: Shop) -> httpx.Response:
    path, email = await new_program(shop), f"{unique('alice')}@shop.example"
    body = {"customer_id": unique("alice"), "email": email}
    code = created(await shop.post(f"{path}/codes", body))["code"]
    return await buy(shop, code, unique("other"), email.upper())


@provokes()
async def referral_ring(shop: Shop) -> httpx.Response:
    path, alice, bob = await new_program(shop), unique("alice"), unique("bob")
    ok(await buy(shop, await code_of(shop, path, alice), bob))
    return await buy(shop, await code_of(shop, path, bob), alice)


@provokes()
async def already_referred(shop: Shop) -> httpx.Response:
    path, bob = await new_program(shop), unique("bob")
    ok(await buy(shop, await code_of(shop, path, unique("alice")), bob))
    return await buy(shop, await code_of(shop, path, unique("carol")), bob)
