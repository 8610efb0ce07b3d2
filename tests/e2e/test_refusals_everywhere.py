"""G7, G1: what cannot be redeemed is refused by the same code wherever it is asked for, and nothing comes of it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import ok
from tests.servers.stack import RunningStack

from .census import changed, ledger_census, redis_census
from .provoking import Shop, assert_refused, unique
from .refused_redeemables import CASES


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


def body_of(more: dict[str, Any], *wanted: dict[str, Any]) -> dict[str, Any]:
    return {"redeemables": list(wanted), "order": {"amount": 100}, **more}


async def ask_everywhere(
    shop: Shop, wanted: dict[str, Any], more: dict[str, Any], other: dict[str, Any], code: str
) -> None:
    """Alone and in a stack, keyed and keyless, for good, for a while and only to see."""
    alone, stack = body_of(more, wanted), body_of(more, other, wanted)
    keyed = {"Idempotency-Key": unique("k")}
    for headers in ({}, keyed, keyed):
        assert_refused(await shop.post("/v1/redemptions", alone, headers=headers), code)
    keyed = {"Idempotency-Key": unique("k")}
    for headers in ({}, keyed, keyed):
        refused = assert_refused(await shop.post("/v1/redemptions", stack, headers=headers), code)
        assert [part.get("code") for part in refused["redeemables"]] == ["stack_refused", code]
    for body in (alone, stack):
        assert_refused(await shop.post("/v1/reservations", {**body, "session": unique("s")}), code)
        seen = ok(await shop.post("/v1/validations", body))
        assert (seen["valid"], seen["code"]) == (False, code)
    if wanted["object"] != "promotion_tier" and not code.endswith("_not_found"):
        spent = {name: wanted[name] for name in ("amount", "points", "reward") if name in wanted}
        short = {"order_value": 100, **more, **spent}
        path = f"/v1/vouchers/{wanted['id']}"
        for headers in ({}, {"Idempotency-Key": unique("k")}):
            assert_refused(await shop.post(f"{path}/redeem", short, headers=headers), code)
        seen = ok(await shop.post(f"{path}/validate", short))
        assert (seen["valid"], seen["code"]) == (False, code)


@pytest.mark.parametrize("name", CASES)
async def test_g7_it_is_refused_by_its_code_wherever_it_is_asked_for_and_nothing_changes(shop: Shop, name: str) -> None:
    code, make = CASES[name]
    wanted, more = await make(shop)
    other = {"object": "voucher", "id": await shop.voucher(max_redemptions=5)}
    ledger = await ledger_census(shop)
    await ask_everywhere(shop, wanted, more, other, code)
    redis = await redis_census(shop)  # the engine knows by now what it is asked for, and has read its counters
    await ask_everywhere(shop, wanted, more, other, code)
    assert not changed(redis, await redis_census(shop))
    assert not changed(ledger, await ledger_census(shop))
    ok(await shop.redeem(other["id"]))
