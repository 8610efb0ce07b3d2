"""Crashes under load, with kill -9, on a stack of the test's own: nothing acknowledged is lost, double or over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import redis.asyncio as aioredis

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Buy, Checkout
from .conftest import Ledger, voucher

LIMIT = 3000


@asynccontextmanager
async def shop_on(stack: RunningStack) -> AsyncIterator[tuple[Checkout, Ledger]]:
    state = stack.state
    async with Checkout(state.api_url, state.secret_key, connections=32) as checkout:
        yield checkout, Ledger(state.database_url)


async def settled(stack: RunningStack, ledger: Ledger, code: str, counter: str, acknowledged: set[str]) -> None:
    """The ledger has exactly what was acknowledged, the counter says so, and nothing is exposed."""

    async def rows() -> bool:
        return set(await ledger.ids(code)) >= acknowledged

    await eventually(rows, "every acknowledged redemption in the ledger")
    ids = await ledger.ids(code)
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged
    assert await ledger.used(counter) == len(ids)
    assert await ledger.quarantined() == 0

    async def unexposed() -> bool:
        async with aioredis.Redis.from_url(stack.state.redis_url, decode_responses=True) as client:
            keys = [key async for key in client.scan_iter(match=f"*k:{counter}")]
            states = [await client.hmget(key, "granted", "confirmed") for key in keys]
            return all(granted == confirmed for granted, confirmed in states)

    await eventually(unexposed, "exposure back to 0")


async def _sell_while(stack: RunningStack, checkout: Checkout, code: str, harm: list[str], orders: int) -> list[Answer]:
    """Insist on every order while the named processes are killed one after the other."""
    done = 0

    async def buy(n: int) -> Answer:
        nonlocal done
        answer = await checkout.insist(code, f"{code}-{n}", customer_id=f"c{n}", within_s=60)
        done += 1
        return answer

    async def kill() -> None:
        for number, name in enumerate(harm, start=1):
            share = orders * number // (len(harm) + 1)

            async def reached(share: int = share) -> bool:
                return done >= share

            await eventually(reached, f"{share} orders", within_s=90)
            pid = stack.kill(name)
            await asyncio.to_thread(stack.wait_for_restart, name, pid)

    killer = asyncio.create_task(kill())
    answers = await checkout.all([partial(buy, n) for n in range(orders)])
    await killer
    return answers


@pytest.mark.parametrize(
    "harm",
    [
        ["reconciler", "reconciler", "reconciler"],
        ["engine", "engine", "engine"],
        ["control_plane", "engine", "reconciler"],
        ["valkey", "valkey"],
        ["postgres"],
    ],
    ids=["reconciler", "engine", "everything-of-ours", "valkey", "postgres"],
)
async def test_g1_g2_g3_g4_kill_9_under_load(stack_factory: StackFactory, harm: list[str]) -> None:
    stack = stack_factory()
    async with shop_on(stack) as (checkout, ledger):
        made = await voucher(checkout, code="CRASH", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
        answers = await _sell_while(stack, checkout, "CRASH", harm, LIMIT + 300)
        tally = Counter(answer.code or str(answer.status) for answer in answers)
        assert tally == {"200": LIMIT, "limit_reached": 300}
        acknowledged = {answer.json()["id"] for answer in answers if answer.status == 200}
        assert len(acknowledged) == LIMIT
        await settled(stack, ledger, "CRASH", f"r:{made['id']}", acknowledged)


async def test_g6_a_pause_holds_on_two_workers(stack_factory: StackFactory) -> None:
    stack = stack_factory(engines=2)
    async with shop_on(stack) as (checkout, _):
        answer = await checkout.call("POST", "/v1/campaigns", {"name": "Two", "rules": {"discount_value": 10}})
        cmp = answer.json()["id"]
        await voucher(checkout, campaign_id=cmp, code="TWO")
        paused: list[Answer] = []

        async def pause() -> Answer:
            paused.append(await checkout.call("POST", f"/v1/campaigns/{cmp}/pause"))
            return paused[0]

        work: list[Buy] = [partial(checkout.redeem, "TWO", f"two-{n}") for n in range(2000)]
        work.insert(500, pause)
        answers = await checkout.all(work)
        assert paused[0].status == 200
        late = [a for a in answers if a.asked_at > paused[0].answered_at]
        assert len(late) > 500
        assert {answer.code for answer in late} == {"campaign_paused"}
