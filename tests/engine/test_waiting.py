"""Waiting for the ledger: what may be concluded from a message, and from silence."""

import asyncio

from domain.events import Confirmed
from domain.ledger import Position
from engine.waiting import HEARD_WITHIN_S, Settled, ShardWaiters, Word

LONG_S = 30.0
UNKNOWN = (Settled.UNKNOWN, "")


def _at(seq: int) -> Position:
    return Position(1, seq)


def _said(old: int, new: int, **more: tuple[object, ...]) -> Confirmed:
    return Confirmed(1, _at(old), _at(new), **more)  # type: ignore[arg-type]


async def _outcomes(waiters: ShardWaiters, positions: dict[str, int], *messages: Confirmed) -> dict[str, Word]:
    tasks = {name: asyncio.create_task(waiters.wait(1, _at(seq), name, LONG_S)) for name, seq in positions.items()}
    await asyncio.sleep(0)
    for message in messages:
        waiters.heard(message)
    return {name: await task for name, task in tasks.items()}


async def test_g2_what_a_message_covers_without_a_gap_is_applied_refused_or_collapsed() -> None:
    waiters = ShardWaiters(lambda: 0.0)
    waiters.heard(_said(0, 0))
    said = _said(0, 3, refused=(("b", "over_ceiling"),), collapsed=("c",))
    assert await _outcomes(waiters, {"a": 1, "b": 2, "c": 3}, said) == {
        "a": (Settled.APPLIED, ""),
        "b": (Settled.REFUSED, "over_ceiling"),
        "c": (Settled.COLLAPSED, ""),
    }


async def test_g2_nothing_is_concluded_across_a_gap() -> None:
    waiters = ShardWaiters(lambda: 0.0)
    assert await _outcomes(waiters, {"a": 1}, _said(0, 2)) == {"a": UNKNOWN}, "nothing was heard before"
    assert await _outcomes(waiters, {"b": 3, "c": 5}, _said(4, 6)) == {"b": UNKNOWN, "c": UNKNOWN}
    waiters.reset()
    assert await _outcomes(waiters, {"d": 7}, _said(6, 7)) == {"d": UNKNOWN}, "the subscription was cut"


async def test_what_has_passed_already_and_what_is_of_an_old_epoch_is_unknown() -> None:
    waiters = ShardWaiters(lambda: 0.0)
    waiters.heard(_said(0, 5))
    assert await waiters.wait(1, _at(5), "a", LONG_S) == UNKNOWN
    opened = Confirmed(2, Position(), Position())
    assert await _outcomes(waiters, {"b": 6}, opened) == {"b": UNKNOWN}


async def test_who_has_given_up_is_forgotten_though_nothing_is_ever_confirmed() -> None:
    waiters = ShardWaiters(lambda: 0.0)
    for _ in range(50):
        assert await waiters.wait(1, _at(1), "a", 0.0) == UNKNOWN
    assert waiters._waiters == []


def test_silence_counts_as_gone() -> None:
    now = 0.0
    waiters = ShardWaiters(lambda: now)
    assert not waiters.is_heard()
    waiters.heard(_said(0, 0))
    assert waiters.is_heard()
    now = HEARD_WITHIN_S
    assert not waiters.is_heard()
