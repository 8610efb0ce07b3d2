"""G7 in need: the refusals of stores and processes that are away, on servers that the test may harm.

What no fault provokes in a test's time (a bug of ours, a definition that changes faster than it is read, a worker
with two thousand requests in flight) is provoked on a copy of the product with a bug, no patience and little room.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import redis.asyncio as aioredis

from store.database import owner_connection
from tests.chaos.tree import Patch
from tests.control_plane.client import Client, created, ok
from tests.servers.factory import ServerFactory, StackFactory
from tests.servers.stack import RunningStack, is_alive
from tests.servers.waiting import eventually, wait_until

from .provoking import NOWHERE, Shop, assert_refused, wish
from .versions import Versions

AWAY = {"unavailable", "recovering", "outcome_pending", "ledger_lagging"}
PATCHED = {"internal_error", "contended", "overloaded", "store_unavailable"}
IN_NEED = AWAY | PATCHED

ROOM = 4
SMALL = (
    Patch("engine/settings.py", '"VAUCHFLOW_MAX_IN_FLIGHT", 2048,', f'"VAUCHFLOW_MAX_IN_FLIGHT", {ROOM},'),
    Patch("engine/rollback.py", "\nATTEMPTS = 10\n", "\nATTEMPTS = 0\n"),
    Patch("engine/validate.py", "    asked = decode_checkout(", "    len(None)\n    asked = decode_checkout("),
)

Ask = Callable[[], Awaitable[httpx.Response]]


@pytest.fixture
async def shop(stack_factory: StackFactory) -> AsyncIterator[Shop]:
    stack = stack_factory()
    state = stack.state
    keys = state.secret_key, state.publishable_key, state.admin_key
    async with (
        httpx.AsyncClient(base_url=state.api_url, timeout=30) as http,
        owner_connection(state.database_url, "tests") as owner,
    ):
        yield Shop(http, stack, keys, owner)


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process that answers nothing and is there all the same."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until(ask: Ask, code: str) -> httpx.Response:
    """The first answer of this code; every one before it is a refusal that may be retried, or a grant."""
    answers: list[httpx.Response] = []

    async def said() -> bool:
        answers.append(await ask())
        body = answers[-1].json()
        assert answers[-1].status_code < 300 or body["retryable"], body
        return bool(body.get("code") == code)

    await eventually(said, code)
    return answers[-1]


async def test_g7_what_is_away_is_a_503_with_a_time_to_come_back(shop: Shop) -> None:
    stack, provoked = shop.stack, set()
    code = await shop.voucher(durability="committed", max_redemptions=100)
    ask = partial(shop.redeem, code)
    plain = partial(shop.redeem, await shop.voucher())
    ok(await ask())

    with standing_still(stack.state.pids["reconciler"]):
        for refusal in ("outcome_pending", "ledger_lagging"):
            assert_refused(await until(ask, refusal), refusal)
            provoked.add(refusal)
        async with aioredis.Redis.from_url(stack.state.redis_url) as client:
            await client.flushall()
        assert_refused(await until(plain, "recovering"), "recovering")
        provoked.add("recovering")
    await served_again(ask)

    assert_refused(await _of_a_dead_engine(stack, ask), "unavailable")
    provoked.add("unavailable")
    await served_again(ask)
    assert provoked == AWAY


async def _of_a_dead_engine(stack: RunningStack, ask: Ask) -> httpx.Response:
    pid = stack.kill("engine")
    wait_until(lambda: not is_alive(pid), what="the engine's death")
    answer = await ask()
    await asyncio.to_thread(stack.wait_for_restart, "engine", pid)
    return answer


async def served_again(ask: Ask) -> None:
    """Nobody's help is needed."""

    async def serves() -> bool:
        return (await ask()).status_code == 200

    await eventually(serves, "the end of the need")


async def test_g7_a_bug_no_patience_no_room_and_no_postgresql(
    new_folder: Callable[[str], Path], server_factory: ServerFactory, redis_url: str
) -> None:
    postgres = server_factory.postgres()
    urls = await asyncio.to_thread(postgres.create_database)
    provoked = set()
    async with Versions(new_folder("refusals"), urls, redis_url, SMALL) as versions:
        reconciler, _ = await versions.start("engine.reconciler")
        _, control = await versions.start("control_plane")
        _, engine = await versions.start("engine", newer=True)
        limits = httpx.Limits(max_connections=ROOM * 4)
        async with (
            httpx.AsyncClient(base_url=engine, timeout=30, limits=limits) as http,
            httpx.AsyncClient(base_url=control, timeout=30) as admin,
        ):
            key = versions.account.secret_key
            api, rules = Client(http, key), Client(admin, key)
            committed = {"code": "SLOW", "discount_type": "AMOUNT", "discount_value": 5, "durability": "committed"}
            created(await rules.post("/v1/vouchers", committed))

            async def heard() -> bool:
                return (await api.post("/v1/redemptions", wish("SLOW"))).status_code == 200

            await eventually(heard, "the reconciler is heard")
            for path, refusal in (
                ("/v1/vouchers/SLOW/validate", "internal_error"),
                (f"/v1/redemptions/rdm_{NOWHERE}/rollback", "contended"),
            ):
                assert_refused(await api.post(path), refusal)
                provoked.add(refusal)

            with standing_still(versions.pids()[reconciler]):
                ask = partial(api.post, "/v1/redemptions", wish("SLOW"))
                answers = await asyncio.gather(*(ask() for _ in range(ROOM * 3)))
                codes = [answer.json().get("code", "200") for answer in answers]
                assert "overloaded" in codes, codes
                assert_refused(answers[codes.index("overloaded")], "overloaded")
                provoked.add("overloaded")

            await asyncio.to_thread(postgres.kill)
            for asked in (
                api.get(f"/v1/redemptions/rdm_{NOWHERE}"),
                rules.get("/v1/campaigns"),
            ):
                assert_refused(await asked, "store_unavailable")
            provoked.add("store_unavailable")
    assert provoked == PATCHED
