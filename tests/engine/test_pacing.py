"""Work in slices: one slice in each turn of the event loop, whoever else works so."""

import asyncio

import pytest

from engine.qualifying import pacing
from engine.qualifying.pacing import Pace


async def _work(slices: int, log: list[str]) -> None:
    pace = Pace()
    for _ in range(slices):
        log.append("slice")
        await pace.breathe()


async def test_however_many_work_a_checkout_waits_for_one_slice_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SLICE_S", 0)
    log: list[str] = []
    working = [asyncio.create_task(_work(10, log)) for _ in range(50)]
    await asyncio.sleep(0)  # each has its first slice when it comes
    log.clear()
    while not all(task.done() for task in working):
        log.append("turn")
        await asyncio.sleep(0)
    assert log.count("slice") == 450
    assert ["slice", "slice"] not in [log[at : at + 2] for at in range(len(log))]


async def test_whoever_has_gone_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SLICE_S", 0)
    log: list[str] = []
    working = [asyncio.create_task(_work(3, log)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in working[:4]:
        task.cancel()
    async with asyncio.timeout(5):
        await working[4]
    assert log.count("slice") == 5 + 2
