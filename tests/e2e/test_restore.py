"""The restore drill of docs/operating/backup.md: PostgreSQL comes back from a backup, Redis is ahead of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.servers.postgres import DatabaseUrls, PostgresServer
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, voucher
from .versions import Versions

LIMIT = 150


@pytest.fixture
async def shop(new_folder: Callable[[str], Path], database: DatabaseUrls, redis_url: str) -> AsyncIterator[Versions]:
    async with Versions(new_folder("restore"), database, redis_url) as running:
        yield running


async def test_g1_g2_g3_a_restored_ledger_gets_back_what_redis_still_knows(
    shop: Versions, postgres_server: PostgresServer
) -> None:
    await shop.start("engine.reconciler")
    _, engine = await shop.start("engine")
    _, control = await shop.start("control_plane")
    async with Checkout(control, shop.account.secret_key) as admin:
        made = await voucher(admin, code="BACK", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)

    async def sell(url: str, first: int, last: int) -> list[Answer]:
        async with Checkout(url, shop.account.secret_key, connections=16) as checkout:
            return await checkout.all([partial(checkout.insist, "BACK", f"o-{n}", 5.0) for n in range(first, last)])

    async def settled(expected: set[str]) -> None:
        async def complete() -> bool:
            return set(await Ledger(shop.urls.owner).ids("BACK")) == expected

        await eventually(complete, "the ledger")

    answers = await sell(engine, 0, 60)
    acknowledged = {answer.json()["id"] for answer in answers}
    await settled(acknowledged)
    backup = await asyncio.to_thread(postgres_server.copy_database, shop.urls.name)
    answers += await sell(engine, 60, 100)
    async with Checkout(engine, shop.account.secret_key) as checkout:
        undone = await checkout.call("POST", f"/v1/redemptions/{answers[70].json()['id']}/rollback")
        assert undone.status == 200
    acknowledged = {answer.json()["id"] for answer in answers}
    assert len(acknowledged) == 100
    await settled(acknowledged)

    shop.stop_all()
    original, shop.urls = shop.urls, backup
    try:
        await shop.start("engine.reconciler", serving=False)
        ledger = Ledger(backup.owner)

        async def is_alarmed() -> bool:
            return bool(await ledger.value("SELECT kind FROM alarms WHERE resolved_at IS NULL") == "ledger_behind")

        await eventually(is_alarmed, "the alarm")
        shop.command_line("epoch", "salvage", "--shard", "0")
        shop.command_line("epoch", "abandon", "--shard", "0")
        await settled(acknowledged)
        shop.command_line("epoch", "release", "--shard", "0")
        _, engine = await shop.start("engine")
        rest = await sell(engine, 100, 200)
        sold = {answer.json()["id"] for answer in rest if answer.status == 200}
        # 99 of 100 were in force when the backup was overtaken.
        assert len(sold) == LIMIT - 99
        assert {answer.code for answer in rest if answer.status != 200} == {"limit_reached"}
        again = await sell(engine, 60, 100)
        assert [answer.body for answer in again] == [answer.body for answer in answers[60:]]
        await settled(acknowledged | sold)
        assert await ledger.used(f"r:{made['id']}") == LIMIT
        assert await ledger.quarantined() == 0
    finally:
        shop.stop_all()
        shop.urls = original
        postgres_server.drop_database(backup.name)
