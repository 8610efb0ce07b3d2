"""Redis lost with its disk, in the middle of a sale: the engines are the second copy, and what they cannot vouch for
is withheld."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
import redis.asyncio as aioredis

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import LOST, Answer, Buy, Checkout
from .conftest import voucher
from .test_crashes import settled, shop_on

LIMIT = 4000
ENGINES = ("engine", "engine-2")
UNACCOUNTED = "SELECT coalesce(sum(withheld_epochs), 0) FROM epochs WHERE state = 'open' AND released_at IS NULL"


def lose_disk_and_kill(stack: RunningStack, *others: str) -> None:
    """The files go first, so that the server cannot come back with them."""
    for path in (stack.home.path / "valkey").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    kill(stack, *others, "valkey")


def kill(stack: RunningStack, *names: str) -> None:
    for name in names:
        stack.kill(name)


async def _sell_and_harm(checkout: Checkout, orders: list[Buy], harm: Callable[[], None]) -> list[Answer]:
    """All orders, with the harm when a third of them has been answered."""
    done = 0

    async def counted(buy: Buy) -> Answer:
        nonlocal done
        answer = await buy()
        done += 1
        return answer

    async def harmed() -> None:
        async def reached() -> bool:
            return done >= len(orders) // 3

        await eventually(reached, "a third of the orders", within_s=60)
        await asyncio.to_thread(harm)

    answers, _ = await asyncio.gather(checkout.all([partial(counted, buy) for buy in orders]), harmed())
    return answers


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_g1_g2_g4_redis_and_its_disk_lost_with_the_engines_alive_loses_nothing(
    stack_factory: StackFactory, fsync: str
) -> None:
    stack = stack_factory("--appendfsync", fsync, engines=2)
    async with shop_on(stack) as (checkout, ledger):
        made = await voucher(checkout, code="LOSS", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
        orders: list[Buy] = [partial(checkout.insist, "LOSS", f"o-{n}", 60.0) for n in range(LIMIT + 300)]
        answers = await _sell_and_harm(checkout, orders, partial(lose_disk_and_kill, stack))
        tally = Counter(answer.code or str(answer.status) for answer in answers)
        assert tally == {"200": LIMIT, "limit_reached": 300}
        acknowledged = {answer.json()["id"] for answer in answers if answer.status == 200}
        assert len(acknowledged) == LIMIT
        await settled(stack, ledger, "LOSS", f"r:{made['id']}", acknowledged)
        assert await ledger.number(UNACCOUNTED) == 0
        assert await ledger.number("SELECT count(*) FROM epochs WHERE epoch > 1") > 0


async def test_g1_redis_its_disk_and_all_engines_lost_withholds_and_never_sells_over(
    stack_factory: StackFactory,
) -> None:
    stack = stack_factory(engines=2)
    async with shop_on(stack) as (checkout, ledger):
        await voucher(checkout, code="ALL", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
        orders: list[Buy] = [partial(checkout.redeem, "ALL", f"o-{n}") for n in range(LIMIT)]
        answers = await _sell_and_harm(checkout, orders, partial(lose_disk_and_kill, stack, *ENGINES))

        async def reopened() -> bool:
            return await ledger.number(UNACCOUNTED) > 0

        await eventually(reopened, "an epoch that withholds", within_s=20)
        await asyncio.to_thread(stack.wait_until_serving)
        late = await checkout.all([partial(checkout.redeem, "ALL", f"late-{n}") for n in range(50)])
        assert {(answer.status, answer.code) for answer in late} == {(503, "recovering")}
        acknowledged = {answer.json()["id"] for answer in answers if answer.status == 200}
        assert 0 < len(acknowledged) < LIMIT
        lost = acknowledged - set(await ledger.ids("ALL"))
        assert len(lost) <= 20_000
        missing = await asyncio.to_thread(stack.command_line, "epoch", "list")
        assert '"unaccounted":"workers"' in missing


async def test_g2_redis_and_all_engines_killed_with_the_disk_intact_loses_nothing(stack_factory: StackFactory) -> None:
    stack = stack_factory(engines=2)
    async with shop_on(stack) as (checkout, ledger):
        made = await voucher(checkout, code="DISK", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
        orders: list[Buy] = [partial(checkout.insist, "DISK", f"o-{n}", 60.0) for n in range(LIMIT + 100)]
        answers = await _sell_and_harm(checkout, orders, partial(kill, stack, *ENGINES, "valkey"))
        tally = Counter(answer.code or str(answer.status) for answer in answers)
        assert tally == {"200": LIMIT, "limit_reached": 100}
        acknowledged = {answer.json()["id"] for answer in answers if answer.status == 200}
        await settled(stack, ledger, "DISK", f"r:{made['id']}", acknowledged)
        assert await ledger.number(UNACCOUNTED) == 0


async def test_g2_flushall_with_the_engines_alive_withholds_nothing(stack_factory: StackFactory) -> None:
    stack = stack_factory()
    async with shop_on(stack) as (checkout, ledger):
        made = await voucher(checkout, code="FLUSH", discount_type="AMOUNT", discount_value=5, max_redemptions=100)
        sold = await checkout.all([partial(checkout.redeem, "FLUSH", f"before-{n}") for n in range(40)])
        assert {answer.status for answer in sold} == {200}
        async with aioredis.Redis.from_url(stack.state.redis_url) as client:
            await client.flushall()
        answers = await checkout.all([partial(checkout.insist, "FLUSH", f"after-{n}") for n in range(100)])
        assert Counter(answer.code or str(answer.status) for answer in answers) == {"200": 60, "limit_reached": 40}
        again = await checkout.redeem("FLUSH", "before-0")
        assert again.body == sold[0].body, "an old key gets its answer"
        acknowledged = {answer.json()["id"] for answer in (*sold, *answers) if answer.status == 200}
        await settled(stack, ledger, "FLUSH", f"r:{made['id']}", acknowledged)


async def test_g1_what_a_dead_engine_may_have_answered_is_withheld_until_a_person_releases(
    stack_factory: StackFactory,
) -> None:
    stack = stack_factory()
    async with shop_on(stack) as (checkout, ledger):
        made = await voucher(checkout, code="GONE", discount_type="AMOUNT", discount_value=5, max_redemptions=100)
        sold = await checkout.all([partial(checkout.redeem, "GONE", f"before-{n}") for n in range(40)])
        acknowledged = {answer.json()["id"] for answer in sold if answer.status == 200}
        await settled(stack, ledger, "GONE", f"r:{made['id']}", acknowledged)
        await asyncio.to_thread(lose_disk_and_kill, stack, "engine")

        async def reopened() -> bool:
            return await ledger.number(UNACCOUNTED) > 0

        await eventually(reopened, "an epoch that withholds")
        for n in range(20):
            answer = await checkout.insist("GONE", f"withheld-{n}", 0.0)
            assert answer.status in (503, LOST)
        await asyncio.to_thread(stack.command_line, "epoch", "release")
        answers = await checkout.all([partial(checkout.insist, "GONE", f"after-{n}") for n in range(100)])
        assert Counter(answer.code or str(answer.status) for answer in answers) == {"200": 60, "limit_reached": 40}
        acknowledged |= {answer.json()["id"] for answer in answers if answer.status == 200}
        await settled(stack, ledger, "GONE", f"r:{made['id']}", acknowledged)
