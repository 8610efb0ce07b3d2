"""What is refused of people, and of what they may do."""

import time

import httpx
import pyotp

from control_plane.people.confirming import UNCONFIRMED_INVITATIONS
from tests.control_plane.client import Client, created, ok
from tests.control_plane.people import PASSWORD, Person, log_in, mailed_token, sign_up

from .provoking import NOWHERE, Shop, provokes, unique


async def person(shop: Shop) -> Person:
    """Somebody new."""
    return await sign_up(shop.http, f"{unique('p')}@example.com")


async def confirmed(shop: Shop) -> Person:
    """Somebody new who reads the mail of their address."""
    somebody = await person(shop)
    token = await mailed_token(shop.stack.home.outbox, somebody.email, "confirm-email")
    ok(await somebody.post("/v1/me/email-confirmation/confirm", {"token": token}))
    return somebody


async def with_totp(shop: Shop) -> Person:
    """Somebody new with a second factor."""
    somebody = await person(shop)
    secret = ok(await somebody.post("/v1/me/totp"))["secret"]
    ok(await somebody.post("/v1/me/totp/confirm", {"code": pyotp.TOTP(secret).at(int(time.time()))}))
    return somebody


def email_of(somebody: Person) -> str:
    """The address of somebody."""
    return str(somebody.body["person"]["email"])


@provokes()
async def invalid_session(shop: Shop) -> httpx.Response:
    somebody = await person(shop)
    ok(await somebody.post("/v1/logout"))
    return await somebody.get("/v1/me")


@provokes()
async def invalid_credentials(shop: Shop) -> httpx.Response:
    return await shop.http.post("/v1/login", json={"email": f"{unique('n')}@example.com", "password": "wrong"})


@provokes()
async def totp_required(shop: Shop) -> httpx.Response:
    email = email_of(await with_totp(shop))
    return await shop.http.post("/v1/login", json={"email": email, "password": PASSWORD})


@provokes()
async def invalid_token(shop: Shop) -> httpx.Response:
    body = {"token": "nonsense", "password": PASSWORD}
    return await shop.http.post("/v1/password-resets/confirm", json=body)


@provokes()
async def csrf_failed(shop: Shop) -> httpx.Response:
    return await (await person(shop)).post("/v1/projects", {"name": "B"}, headers={"Vauchflow-CSRF": "guess"})


@provokes()
async def session_required(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/me")


@provokes()
async def email_unconfirmed(shop: Shop) -> httpx.Response:
    claimant, wish = await person(shop), {"email": "b@example.com", "role": "analyst"}
    for _ in range(UNCONFIRMED_INVITATIONS):
        created(await claimant.post("/v1/members", wish))
    return await claimant.post("/v1/members", wish)


@provokes()
async def right_missing(shop: Shop) -> httpx.Response:
    """Of the engine's routes too: a key that may look at vouchers redeems none."""
    made = created(await shop.post("/v1/api-keys", {"scopes": ["vouchers:read"]}))
    key = Client(shop.http, made["key"])
    ok(await key.get("/v1/vouchers"))
    return await key.post("/v1/redemptions", {"redeemables": [{"object": "voucher", "id": "ANY"}]})


@provokes()
async def not_a_member(shop: Shop) -> httpx.Response:
    email = email_of(await person(shop))
    body = {"email": email, "password": PASSWORD, "account_id": f"acc_{NOWHERE}"}
    return await shop.http.post("/v1/login", json=body)


@provokes()
async def member_not_found(shop: Shop) -> httpx.Response:
    return await shop.admin.get(f"/v1/members/mem_{NOWHERE}")


@provokes()
async def session_not_found(shop: Shop) -> httpx.Response:
    return await (await person(shop))("DELETE", f"/v1/me/sessions/ses_{NOWHERE}")


@provokes()
async def email_taken(shop: Shop) -> httpx.Response:
    body = {"email": email_of(await person(shop)), "password": PASSWORD, "account": "Another"}
    return await shop.http.post("/v1/signup", json=body)


@provokes()
async def member_exists(shop: Shop) -> httpx.Response:
    somebody = await confirmed(shop)
    return await somebody.post("/v1/members", {"email": email_of(somebody), "role": "analyst"})


@provokes()
async def last_owner(shop: Shop) -> httpx.Response:
    somebody = await log_in(shop.http, email_of(await person(shop)))
    return await somebody("DELETE", f"/v1/members/{somebody.member_id}")


@provokes()
async def totp_active(shop: Shop) -> httpx.Response:
    return await (await with_totp(shop)).post("/v1/me/totp")


@provokes()
async def totp_inactive(shop: Shop) -> httpx.Response:
    return await (await person(shop))("DELETE", "/v1/me/totp", {"code": "123456"})


@provokes()
async def key_rotated(shop: Shop) -> httpx.Response:
    key_id = created(await shop.post("/v1/api-keys"))["id"]
    created(await shop.post(f"/v1/api-keys/{key_id}/rotate", {"grace_s": 60}))
    return await shop.post(f"/v1/api-keys/{key_id}/rotate")
