"""G7, G1: what cannot be redeemed is refused by the same code wherever it is asked for, and nothing comes of it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from domain.outcomes import PROBLEMS
from store.database import owner_connection
from tests.control_plane.client import ok
from tests.servers.stack import RunningStack

from .census import changed, ledger_census, redis_census
from .provoking import Shop, assert_refused, unique
from .refused_redeemables import CASES

OF_POINTS = ("points", "reward")


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
    no_key: dict[str, str] = {}
    for headers in (no_key, keyed, keyed):
        assert_refused(await shop.post("/v1/redemptions", alone, headers=headers), code)
    keyed = {"Idempotency-Key": unique("k")}
    for headers in (no_key, keyed, keyed):
        refused = assert_refused(await shop.post("/v1/redemptions", stack, headers=headers), code)
        assert [part.get("code") for part in refused["redeemables"]] == ["stack_refused", code]
    for body in (alone, stack):
        assert_refused(await shop.post("/v1/reservations", {**body, "session": unique("s")}), code)
        seen = ok(await shop.post("/v1/validations", body))
        assert (seen["valid"], seen["code"]) == (False, code)
    if wanted["object"] != "promotion_tier" and not code.endswith("_not_found"):
        spent: dict[str, Any] = {name: wanted[name] for name in ("amount", "points", "reward") if name in wanted}
        short: dict[str, Any] = {"order_value": 100, **more, **spent}
        path = f"/v1/vouchers/{wanted['id']}"
        keyed = {"Idempotency-Key": unique("k")}
        for headers in (no_key, keyed, keyed):
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


@pytest.mark.parametrize("name", CASES)
async def test_g7_what_is_left_out_of_a_stack_takes_nothing(shop: Shop, name: str) -> None:
    """PARTIAL: the rest is granted, and of what is refused nothing is spent, held or counted."""
    code, make = CASES[name]
    some = await shop.project(application_mode="PARTIAL")
    wanted, more = await make(some)
    body = body_of(more, wanted, {"object": "voucher", "id": await some.voucher()})
    before = await ledger_census(shop)
    seen = ok(await some.post("/v1/validations", body))
    assert [part.get("code") for part in seen["redeemables"]] == [code, None]
    headers = {"Idempotency-Key": unique("k")}
    granted = ok(await some.post("/v1/redemptions", body, headers=headers))
    assert [part["redeemable_object"] for part in granted["redemptions"]] == ["voucher"]
    codes = {part["id"]: part.get("code") for part in granted["redeemables"]}
    assert codes == {wanted["id"]: code, body["redeemables"][1]["id"]: None}
    assert ok(await some.post("/v1/redemptions", body, headers=headers)) == granted
    written = changed(before, await ledger_census(shop))
    assert "redemptions" in written
    assert written <= {"redemptions", "redemption_lines", "counters", "usage_daily", "customers"}, written
    nothing = await some.post("/v1/redemptions", body_of(more, wanted, {"object": "voucher", "id": "NOBODY"}))
    refused = assert_refused(nothing, "nothing_applicable")
    assert [part["code"] for part in refused["redeemables"]] == [code, "voucher_not_found"]


async def seen_by_all(shop: Shop, wanted: dict[str, Any], more: dict[str, Any]) -> list[dict[str, Any]]:
    """What a publishable key is told of a redeemable, without its name."""
    stack = ok(await shop.publishable.post("/v1/validations", body_of(more, wanted)))
    answers = [{**stack, "redeemables": [{**part, "id": "x"} for part in stack["redeemables"]]}]
    if wanted["object"] != "promotion_tier":
        spent: dict[str, Any] = {name: wanted[name] for name in ("amount", "points", "reward") if name in wanted}
        path = f"/v1/vouchers/{wanted['id']}/validate"
        alone = ok(await shop.publishable.post(path, {"order_value": 100, **more, **spent}))
        # Whose campaign it is and what the code is called are no secrets to who has the code.
        answers.append({**alone, "voucher": "x", "campaign_id": "x", "redeemable_id": "x"})
    return answers


@pytest.mark.parametrize("name", [name for name, (code, _) in CASES.items() if PROBLEMS[code].status == 409])
async def test_g7_a_publishable_key_learns_nothing_of_anybody(shop: Shop, name: str) -> None:
    """Of points not even that they are there; of a referral not who has referred whom, nor whose address is known."""
    code, make = CASES[name]
    wanted, more = await make(shop)
    before = await ledger_census(shop)
    seen = await seen_by_all(shop, wanted, more)
    assert "conditions" not in json.dumps(seen)
    codes = {answer.get("code") for answer in seen}
    if wanted["object"] == "loyalty_card":
        nobody = {"object": "loyalty_card", "id": "NOSUCH"}
        assert seen == await seen_by_all(shop, nobody | {n: v for n, v in wanted.items() if n in OF_POINTS}, more)
        assert codes == {"loyalty_card_not_found", "voucher_not_found"}
    elif wanted["object"] == "referral_code" and code != "voucher_disabled":
        stranger = {"customer": {"id": unique("new"), "email": f"{unique('new')}@shop.example"}}
        assert seen == await seen_by_all(shop, wanted, stranger)
        assert codes == {None}
    else:
        assert codes == {code}
    assert not changed(before, await ledger_census(shop))


async def test_g7_a_publishable_key_cannot_tell_points_from_nothing_by_the_limit_on_guessing_either(shop: Shop) -> None:
    """A card that is there costs a guess as one that is not: else who may still ask would know that it is there."""
    small = shop.account("free")
    wanted, _ = await CASES["a loyalty card with too few"][1](small)
    path = f"/v1/vouchers/{wanted['id']}"
    assert ok(await small.post(f"{path}/validate", {"order_value": 100}))["valid"]
    for _ in range(200):
        answer = await small.publishable.post(f"{path}/validate", {"order_value": 100})
        if answer.status_code != 200:
            break
        assert answer.json()["code"] == "voucher_not_found"
    assert_refused(answer, "rate_limited")
    assert ok(await small.post(f"{path}/validate", {"order_value": 100}))["valid"]
