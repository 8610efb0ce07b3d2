"""Between the commit in PostgreSQL and the confirm in Redis: whatever dies there, each event is settled once."""

from collections.abc import Callable

import pytest

from domain.events import Event
from tests.reconciler.lab import CODE, Lab, redeemed, rolled_back, settled
from tests.servers.waiting import eventually


async def _nothing(_: Lab) -> None:
    """A shard as it is."""


async def _one_redeemed(lab: Lab) -> None:
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()


async def _one_expired_record(lab: Lab) -> None:
    await _one_redeemed(lab)
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_1"))


CASES: dict[str, tuple[Callable[[Lab], object], list[Event | bytes], dict[str, int]]] = {
    "applied": (_nothing, [redeemed("rdm_2")], {"granted": 1, "returned": 0, "confirmed": 1}),
    "collapsed": (_one_expired_record, [redeemed("rdm_1")], {"granted": 2, "returned": 1, "confirmed": 2}),
    "rolled back": (_one_redeemed, [rolled_back("rdm_1")], {"granted": 1, "returned": 1, "confirmed": 1}),
    "rolled back twice": (
        _one_redeemed,
        [rolled_back("rdm_1"), rolled_back("rdm_1")],
        {"granted": 1, "returned": 1, "confirmed": 1},
    ),
    "redeemed and rolled back": (
        _nothing,
        [redeemed("rdm_2"), rolled_back("rdm_2")],
        {"granted": 1, "returned": 1, "confirmed": 1},
    ),
    "quarantined": (_nothing, [redeemed("rdm_2", amount=6)], {"granted": 6, "returned": 0, "confirmed": 6}),
    "refused": (
        _nothing,
        [redeemed("rdm_2", amount=6, committed=True)],
        {"granted": 6, "returned": 6, "confirmed": 6},
    ),
    "undecodable": (_one_redeemed, [b"\xc0"], {"granted": 1, "returned": 0, "confirmed": 1}),
}


@pytest.mark.parametrize("case", CASES)
async def test_g3_a_crash_between_commit_and_confirm_confirms_once(lab: Lab, case: str) -> None:
    before, events, expected = CASES[case]
    await lab.open()
    await before(lab)  # type: ignore[misc]
    await lab.grant(*events)
    ledger = await lab.settle(confirm=False)
    ledger_before = await lab.in_ledger()
    settler = await lab.settler()
    position = await settler.catch_up()
    assert position == (await lab.state()).position == await lab.position_in_redis()
    assert await lab.in_redis() == expected
    assert await lab.in_ledger() == ledger_before
    for redemption_id in ledger.dropped:
        link = lab.servers.link((await lab.state()).identity)
        assert not await link.command("EXISTS", settler.keyspace.record(redemption_id))
    assert await settler.catch_up() == position
    assert await lab.in_redis() == expected


@pytest.mark.parametrize("action", ["apply", "void"])
async def test_g3_a_crash_after_a_person_settled_an_entry_gives_back_once(lab: Lab, action: str) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=6))
    await lab.settle()
    await lab.owner.execute("UPDATE counters SET ceiling = 9, limit_value = 9 WHERE id = $1", CODE)
    entry = await lab.owner.fetchval("SELECT id FROM quarantine")
    await lab.grant(settled(entry, action), settled(entry, action))
    await lab.settle(confirm=False)
    await (await lab.settler()).catch_up()
    returned = 6 if action == "void" else 0
    assert await lab.in_redis() == {"granted": 6, "returned": returned, "confirmed": 6}


async def test_a_reconciler_that_starts_finishes_what_another_left(lab: Lab) -> None:
    await lab.open()
    for batch in range(3):
        await lab.grant(redeemed(f"rdm_{batch}"))
        await lab.settle(confirm=False)
    await lab.grant(redeemed("rdm_last"))
    async with lab.running():
        await eventually(lab.is_settled, "the ledger")
    assert await lab.in_redis() == {"granted": 4, "returned": 0, "confirmed": 4}
    assert await lab.in_ledger() == {"granted": 4, "returned": 0, "quarantined": 0}


async def test_a_running_reconciler_finishes_what_another_left(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle(confirm=False)
    async with lab.running():
        await eventually(lab.is_settled, "the ledger")
        assert await lab.in_redis() == {"granted": 1, "returned": 0, "confirmed": 1}
