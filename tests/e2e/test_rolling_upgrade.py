"""Two versions at once, with two scripts and two event schemas: reconcilers first, then engines. The other way round
stops the ledger with an alarm, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.servers.postgres import DatabaseUrls
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, voucher
from .versions import Versions

ALARMS = "SELECT count(*) FROM alarms WHERE kind = 'shard_stopped' AND resolved_at IS NULL"


@pytest.fixture
async def versions(
    new_folder: Callable[[str], Path], database: DatabaseUrls, redis_url: str
) -> AsyncIterator[Versions]:
    async with Versions(new_folder("versions"), database, redis_url) as running:
        yield running


async def _sell(url: str, versions: Versions, keys: list[str]) -> list[Answer]:
    async with Checkout(url, versions.account.secret_key, connections=16) as checkout:
        return await checkout.all([partial(checkout.insist, "UP", key) for key in keys])


async def _make_voucher(versions: Versions, limit: int) -> None:
    _, url = await versions.start("control_plane")
    async with Checkout(url, versions.account.secret_key) as checkout:
        await voucher(checkout, code="UP", discount_type="AMOUNT", discount_value=5, max_redemptions=limit)


async def _settled(ledger: Ledger, acknowledged: set[str]) -> None:
    async def complete() -> bool:
        return set(await ledger.ids("UP")) == acknowledged

    await eventually(complete, "the ledger")
    assert await ledger.quarantined() == 0


def _keys(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


async def test_g1_g2_g3_a_rolling_upgrade_reconcilers_first(versions: Versions) -> None:
    ledger = Ledger(versions.urls.owner)
    old_reconciler, _ = await versions.start("engine.reconciler")
    old_engine, old_url = await versions.start("engine")
    await _make_voucher(versions, 450)
    first = await _sell(old_url, versions, _keys("a", 100))

    await versions.start("engine.reconciler", newer=True)
    versions.stop(old_reconciler)
    second = await _sell(old_url, versions, _keys("b", 100))

    _, new_url = await versions.start("engine", newer=True)
    third = await asyncio.gather(
        _sell(old_url, versions, _keys("c", 150)), _sell(new_url, versions, [*_keys("d", 150), *_keys("b", 100)])
    )
    assert [a.body for a in third[1][150:]] == [a.body for a in second], "the newer one repeats the older one's answers"
    again = await _sell(old_url, versions, _keys("d", 150))
    assert [a.body for a in again if a.status == 200] == [a.body for a in third[1][:150] if a.status == 200]

    versions.stop(old_engine)
    rest = await _sell(new_url, versions, _keys("e", 100))
    answers = [*first, *second, *third[0], *third[1], *rest]
    acknowledged = {a.json()["id"] for a in answers if a.status == 200}
    assert len(acknowledged) == 450
    await _settled(ledger, acknowledged)
    assert await ledger.number("SELECT count(*) FROM epochs") == 1
    assert await ledger.number("SELECT count(*) FROM worker_leases WHERE left_at IS NOT NULL") == 1


async def test_g2_an_engine_before_its_reconciler_stops_the_ledger_and_loses_nothing(versions: Versions) -> None:
    ledger = Ledger(versions.urls.owner)
    old_reconciler, _ = await versions.start("engine.reconciler")
    _, old_url = await versions.start("engine")
    await _make_voucher(versions, 1000)
    _, new_url = await versions.start("engine", newer=True)
    answers = await _sell(new_url, versions, _keys("a", 50))

    async def is_alarmed() -> bool:
        return await ledger.number(ALARMS) == 1

    await eventually(is_alarmed, "the alarm")
    answers += await _sell(old_url, versions, _keys("b", 50))
    assert {a.status for a in answers} == {200}, "selling goes on, up to the window"
    assert await ledger.ids("UP") == []

    versions.stop(old_reconciler)
    await versions.start("engine.reconciler", newer=True)
    await _settled(ledger, {a.json()["id"] for a in answers})
    assert await ledger.number(ALARMS) == 0
