"""The worker itself: fair turns, and what keeps failing fails alone."""

from typing import Any

import asyncpg
import msgspec
import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from control_plane.jobs.kinds import Kind, Run, Step
from control_plane.jobs.registry import KINDS
from store.database import Transaction
from tests.control_plane.bulk import action, counts, send, worked_off
from tests.control_plane.client import Client

CUSTOMERS = "/v1/customers/import"


async def test_an_action_that_keeps_failing_fails_and_the_others_go_on(
    api: Client, context: Context, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_tx: Transaction, _run: Run) -> Step:
        raise KeyError("a fault of ours")

    monkeypatch.setitem(KINDS, "product_import", Kind(fail, 1_000))
    bad = await send(api, "/v1/products/import", "id\np1\n")
    good = await send(api, CUSTOMERS, "id\nc1\n")
    for _ in range(worker.MOST_ATTEMPTS):
        assert (await action(api, bad))["status"] in ("queued", "running")
        await worker.work_off(context)
        await owner.execute("UPDATE async_actions SET locked_until = NULL")
    shown = await action(api, bad)
    assert counts(shown) == ("failed", 1, 0, 0)
    assert "An error of ours" in shown["reason"]
    assert counts(await action(api, good)) == ("done", 1, 1, 0)
    assert await worker.work_off(context) == 0


async def test_a_long_action_makes_way_for_one_that_came_later(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN_S", 0.0)
    monkeypatch.setitem(KINDS, "customer_import", _in_small_chunks())
    long = await send(api, CUSTOMERS, "id\n" + "".join(f"c{n}\n" for n in range(250)))
    short = await send(api, CUSTOMERS, "id\nx1\n")
    await worker.do_due_actions(context)
    await worker.do_due_actions(context)
    assert counts(await action(api, short)) == ("done", 1, 1, 0)
    assert (await action(api, long))["status"] == "running"
    assert counts(await worked_off(api, context, long)) == ("done", 250, 250, 0)


async def test_an_action_of_a_type_that_is_not_known_yet_waits_for_a_newer_process(
    api: Client, context: Context, owner: Any
) -> None:
    newer = await send(api, CUSTOMERS, "id\nc1\n")
    with pytest.MonkeyPatch.context() as older:
        older.delitem(KINDS, "customer_import")
        for _ in range(worker.MOST_ATTEMPTS + 1):
            await worker.work_off(context)
            await owner.execute("UPDATE async_actions SET locked_until = NULL")
        assert counts(await action(api, newer)) == ("queued", 1, 0, 0)
    assert counts(await worked_off(api, context, newer)) == ("done", 1, 1, 0)


def _in_small_chunks() -> Kind:
    return msgspec.structs.replace(KINDS["customer_import"], rows_per_s=1_000_000)


async def test_who_meets_another_on_its_way_tries_again_and_the_others_go_on(
    api: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk, met = KINDS["product_import"].chunk, [True]

    async def meet(tx: Transaction, run: Run) -> Step:
        if met and met.pop():
            raise asyncpg.DeadlockDetectedError
        return await chunk(tx, run)

    monkeypatch.setitem(KINDS, "product_import", Kind(meet, 1_000))
    first = await send(api, "/v1/products/import", "id\np1\n")
    second = await send(api, CUSTOMERS, "id\nc1\n")
    assert await worker.do_due_actions(context) == 2
    assert counts(await action(api, second)) == ("done", 1, 1, 0)
    assert counts(await worked_off(api, context, first)) == ("done", 1, 1, 0)
