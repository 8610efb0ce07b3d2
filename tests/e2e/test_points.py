"""Points in the checkout: earned and spent at once, none lost and none found; due and expired by the script's clock."""

import random
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger
from .projects import project

CLUB = {
    "name": "Club",
    "spending": {"points": 100, "amount": 1},
    "earning_rules": [{"event": "order.paid", "points": 10, "per": 1}],
    "rewards": [{"id": "mug", "name": "Mug", "points": 300, "discount_type": "AMOUNT", "discount_value": 8}],
}
SUMS = """SELECT ARRAY[c.points,
    (SELECT COALESCE(sum(earned - spent), 0) FROM loyalty_lots l WHERE l.card_id = c.id),
    (SELECT COALESCE(sum(points), 0) FROM loyalty_entries e WHERE e.card_id = c.id)]::bigint[]
FROM loyalty_cards c WHERE c.code = $1"""
# As an event would that came at another time: the ledger's own function, for the tenant of the card.
ADD = """WITH card AS MATERIALIZED (
    SELECT id, project_id, set_config('app.project_id', project_id, true) FROM loyalty_cards WHERE code = $1)
SELECT (add_points(project_id, id, $2, $3, $4, 'earn', 'test', NULL, NULL)).version FROM card"""


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Checkout]:
    """A project of the test's own, with 32 connections."""
    async with project(stack, connections=32, no_effect="REFUSE") as checkout:
        yield checkout


async def done(answer: Answer) -> Any:
    """The body of a success."""
    assert answer.status in (200, 201), answer
    return answer.json()


async def new_card(shop: Checkout, **more: Any) -> str:
    program = await done(await shop.call("POST", "/v1/loyalty-programs", {**CLUB, **more}))
    path = f"/v1/loyalty-programs/{program['id']}/cards"
    return str((await done(await shop.call("POST", path, {"customer_id": "cust_1"})))["code"])


async def shown(shop: Checkout, code: str) -> Any:
    return await done(await shop.call("GET", f"/v1/loyalty-cards/{code}"))


async def add(shop: Checkout, ledger: Ledger, code: str, expires_ms: int, from_ms: int, points: int) -> None:
    """Points on the card, in force when this returns."""
    await ledger.value(ADD, code, expires_ms, from_ms, points)
    for action in ("block", "unblock"):
        await done(await shop.call("POST", f"/v1/loyalty-cards/{code}/{action}"))


async def test_g1_g3_points_earned_spent_and_refunded_at_random_are_neither_lost_nor_found(
    shop: Checkout, ledger: Ledger
) -> None:
    choose = random.Random(20261122)
    code = await new_card(shop)
    came, went = [0], [0]

    async def paid(number: int, amount: int) -> Answer:
        order = {"id": f"o-{number}", "amount": amount}
        answer = await shop.call("POST", "/v1/events", {"type": "order.paid", "customer_id": "cust_1", "order": order})
        came[0] += (await done(answer))["earned"][0]["points"]
        return answer

    async def refund(number: int) -> Answer:
        answer = await shop.call("POST", "/v1/events", {"type": "order.refunded", "order": {"id": f"o-{number}"}})
        await done(answer)
        return answer

    async def spend(number: int, points: int) -> Answer:
        body: dict[str, Any] = {"order_value": 40, "customer_id": "cust_1", "points": points}
        answer = await shop.insist(code, f"spend-{number}", **body)
        assert answer.status == 200 or answer.code in ("insufficient_points", "contended"), answer
        if answer.status == 200:
            went[0] += answer.json()["points"]
            assert (await shop.insist(code, f"spend-{number}", **body)).body == answer.body
        return answer

    amounts = [choose.randrange(1, 40) for _ in range(30)]
    work: list[Any] = [partial(paid, number, amount) for number, amount in enumerate(amounts)]
    work += [partial(spend, number, choose.randrange(1, 300)) for number in range(90)]
    refunded = range(0, 30, 5)
    work += [partial(refund, number) for number in refunded]
    choose.shuffle(work)
    await shop.all(work)
    assert came[0] == sum(amounts) * 10
    taken = sum(amounts[number] * 10 for number in refunded)
    has = await shown(shop, code)
    assert has["points"] - has["owed_points"] == came[0] - taken - went[0]
    assert has["points"] == 0 or has["owed_points"] == 0
    sums = await ledger.value(SUMS, code)
    assert sums == [has["points"]] * 3
    assert await ledger.quarantined() == 0


async def test_points_are_spent_until_they_expire_and_no_job_has_to_come_for_it(shop: Checkout, ledger: Ledger) -> None:
    code = await new_card(shop)
    expires_ms = time.time_ns() // 1_000_000 + 4_000
    await add(shop, ledger, code, expires_ms, 0, 500)
    await add(shop, ledger, code, 0, 0, 50)
    body: dict[str, Any] = {"order_value": 40, "customer_id": "cust_1", "points": 30}
    first = await done(await shop.redeem(code, "first", **body))
    assert first["points"] == 30
    assert (await shown(shop, code))["points"] == 520, "what expires first is spent first"

    async def is_refused() -> bool:
        await shop.redeem(code, **body | {"points": 1})
        answer = await shop.call("POST", f"/v1/vouchers/{code}/validate", body | {"points": 60})
        said = (await done(answer)).get("code", "")
        return bool(said == "insufficient_points")

    await eventually(is_refused, "points that expire")
    of_the_lot = "SELECT {} FROM loyalty_entries WHERE type = 'spend' AND expires_ms = $1 AND points = -1"
    last = "max(extract(epoch FROM created_at) * 1000)::bigint"
    assert await ledger.number(of_the_lot.format("count(*)"), expires_ms) > 5
    assert await ledger.number(of_the_lot.format(last), expires_ms) < expires_ms
    assert 49 <= (await shown(shop, code))["points"] <= 50, "the last may have been of the other lot"
    assert (await done(await shop.redeem(code, **body)))["points"] == 30


async def test_pending_points_are_not_spent_until_their_time_comes(shop: Checkout, ledger: Ledger) -> None:
    code = await new_card(shop, pending_days=14)
    event = {"type": "order.paid", "customer_id": "cust_1", "order": {"id": "o", "amount": 50}}
    assert (await done(await shop.call("POST", "/v1/events", event)))["earned"][0]["points"] == 500
    body: dict[str, Any] = {"order_value": 40, "customer_id": "cust_1", "points": 100}
    assert (await shop.redeem(code, **body)).code == "insufficient_points"
    await add(shop, ledger, code, 0, time.time_ns() // 1_000_000 + 1_000, 100)

    async def is_due() -> bool:
        return (await shop.redeem(code, "due", **body)).status == 200

    await eventually(is_due, "points that become due")
    assert (await shop.redeem(code, **body)).code == "insufficient_points"


async def test_a_reward_is_bought_for_its_points_and_they_come_back_with_it(shop: Checkout) -> None:
    code = await new_card(shop)
    body: dict[str, Any] = {"order_value": 40, "customer_id": "cust_1", "reward": "mug"}
    assert (await shop.redeem(code, **body)).code == "insufficient_points"
    event = {"type": "order.paid", "customer_id": "cust_1", "order": {"id": "o", "amount": 50}}
    await done(await shop.call("POST", "/v1/events", event))
    bought = await done(await shop.redeem(code, **body))
    assert (bought["points"], bought["discount_applied"]) == (300, 8)
    assert (await shop.redeem(code, **body | {"reward": "cup"})).code == "reward_unknown"
    assert (await shown(shop, code))["points"] == 200
    await done(await shop.call("POST", f"/v1/redemptions/{bought['id']}/rollback"))
    assert (await shown(shop, code))["points"] == 500
