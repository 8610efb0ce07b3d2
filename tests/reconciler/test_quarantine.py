"""What cannot be settled is put aside alone, is told of, and has a way out."""

import pytest

from domain.events import SCHEMA_VERSION, encode
from tests.reconciler.lab import CODE, FAMILY, PROJECT, Lab, redeemed, rolled_back, settled
from tests.servers.waiting import eventually


async def test_g2_garbage_is_put_aside_alone(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), b"\xa7garbage", redeemed("rdm_2"))
    await lab.settle()
    assert set(await lab.redemptions()) == {"rdm_1", "rdm_2"}
    assert await lab.quarantine() == [(None, "undecodable", "open")]
    assert await lab.owner.fetchval("SELECT payload FROM quarantine") == b"\xa7garbage"
    assert await lab.alarms() == {"quarantine"}
    assert await lab.is_settled()


async def test_g2_bytes_that_break_their_entry_take_no_other_entry_with_them(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), b"\xc1", redeemed("rdm_2"))
    await lab.grant(redeemed("rdm_3"))
    await lab.settle()
    assert set(await lab.redemptions()) == {"rdm_1", "rdm_3"}
    # What cannot be told apart is kept, byte for byte.
    assert await lab.owner.fetchval("SELECT payload FROM quarantine") == b"\xc1" + encode(redeemed("rdm_2"))


async def test_g1_an_event_over_the_ceiling_is_put_aside_alone_and_its_units_stay_taken(lab: Lab) -> None:
    await lab.open()
    await lab.grant(*(redeemed(f"rdm_{at}", customer="bob" if at == 2 else None) for at in range(7)))
    await lab.settle()
    assert set(await lab.redemptions()) == {f"rdm_{at}" for at in range(5)}
    assert await lab.quarantine() == [("rdm_5", "over_ceiling", "open"), ("rdm_6", "over_ceiling", "open")]
    assert await lab.in_ledger() == {"granted": 5, "returned": 0, "quarantined": 2}
    assert await lab.in_redis() == {"granted": 7, "returned": 0, "confirmed": 7}
    assert await lab.alarms() == {"quarantine"}


async def test_an_event_of_an_unknown_project_is_put_aside_with_its_bytes(lab: Lab) -> None:
    await lab.open()
    foreign = redeemed("rdm_1", customer="bob", project_id="prj_gone")
    await lab.grant(foreign, redeemed("rdm_2"))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_2": "redeemed"}
    assert await lab.quarantine() == [("rdm_1", "integrity", "open")]
    assert await lab.owner.fetchval("SELECT counted_moves FROM quarantine") == []


@pytest.mark.parametrize(
    "changes", [{"customer_id": "a\x00b"}, {"order_value_minor": 2**64 - 1}, {"currency": "EURO"}, {"currency": "eur"}]
)
async def test_values_that_no_column_takes_are_put_aside(lab: Lab, changes: dict[str, object]) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", **changes), redeemed("rdm_2"))  # type: ignore[arg-type]
    await lab.settle()
    assert await lab.redemptions() == {"rdm_2": "redeemed"}
    assert len(await lab.quarantine()) == 1
    assert await lab.in_ledger() == {"granted": 1, "returned": 0, "quarantined": 1}


async def test_a_committed_redemption_that_the_ledger_refuses_leaves_no_trace_but_its_entry(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=5), redeemed("rdm_2", customer="bob", committed=True))
    summary = await lab.settle()
    assert summary.refused == (("rdm_2", "over_ceiling"),)
    assert await lab.redemptions() == {"rdm_1": "redeemed"}
    assert await lab.quarantine() == [("rdm_2", "over_ceiling", "refused")]
    assert await lab.in_ledger() == {"granted": 5, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 6, "returned": 1, "confirmed": 6}
    assert await lab.in_redis(f"{FAMILY}:bob") == {"granted": 1, "returned": 1, "confirmed": 1}
    link = lab.servers.link((await lab.state()).identity)
    assert not await link.command("EXISTS", (await lab.scripts()).keyspace.record("rdm_2"))
    assert await lab.alarms() == set()


async def test_a_rollback_of_what_the_ledger_does_not_have_is_put_aside(lab: Lab) -> None:
    await lab.open()
    await lab.grant(rolled_back("rdm_none"), redeemed("rdm_1"))
    summary = await lab.settle()
    assert summary.refused == (("rdm_none", "unknown_redemption"),)
    assert await lab.quarantine() == [("rdm_none", "unknown_redemption", "open")]
    assert await lab.redemptions() == {"rdm_1": "redeemed"}


async def _put_aside(lab: Lab) -> str:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=5), redeemed("rdm_2", customer="bob"))
    await lab.settle()
    return str(await lab.owner.fetchval("SELECT id FROM quarantine"))


async def test_g2_a_person_applies_an_entry_and_its_units_become_granted(lab: Lab) -> None:
    entry = await _put_aside(lab)
    await lab.owner.execute("UPDATE counters SET ceiling = 6, limit_value = 6 WHERE id = $1", CODE)
    await lab.grant(settled(entry, "apply"))
    await lab.settle()
    assert set(await lab.redemptions()) == {"rdm_1", "rdm_2"}
    assert await lab.in_ledger() == {"granted": 6, "returned": 0, "quarantined": 0}
    assert await lab.in_ledger(f"{FAMILY}:bob") == {"granted": 1, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 6, "returned": 0, "confirmed": 6}
    row = await lab.owner.fetchrow("SELECT * FROM quarantine")
    assert (row["status"], row["resolved_by"], row["resolved_epoch"]) == ("applied", "usr_boss", 1)
    audit = await lab.owner.fetchrow("SELECT * FROM audit_log")
    assert (audit["actor"], audit["action"], audit["object_id"]) == ("usr_boss", "quarantine.apply", entry)
    assert audit["project_id"] == PROJECT
    assert await lab.alarms() == set()


async def test_g1_a_person_voids_an_entry_and_its_units_come_back_once(lab: Lab) -> None:
    entry = await _put_aside(lab)
    await lab.grant(settled(entry, "void"), settled(entry, "void"))
    await lab.settle()
    await lab.grant(settled(entry, "void"))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_1": "redeemed"}
    for name, granted in ((CODE, 5), (f"{FAMILY}:bob", 0)):
        assert await lab.in_ledger(name) == {"granted": granted, "returned": 0, "quarantined": 0}
        assert await lab.in_redis(name) == {"granted": granted + 1, "returned": 1, "confirmed": granted + 1}
    assert await lab.quarantine() == [("rdm_2", "over_ceiling", "void")]
    assert await lab.alarms() == set()


async def test_g1_an_entry_that_still_does_not_fit_stays_open_and_says_why(lab: Lab) -> None:
    entry = await _put_aside(lab)
    await lab.grant(settled(entry, "apply"), redeemed("rdm_9", amount=0, lines=()))
    await lab.settle()
    row = await lab.owner.fetchrow("SELECT status, detail FROM quarantine WHERE id = $1", entry)
    assert row["status"] == "open"
    assert row["detail"].startswith("Could not apply: ")
    assert set(await lab.redemptions()) == {"rdm_1", "rdm_9"}
    assert await lab.in_ledger() == {"granted": 5, "returned": 0, "quarantined": 1}


async def test_g3_an_entry_whose_redemption_came_in_another_way_is_void(lab: Lab) -> None:
    entry = await _put_aside(lab)
    await lab.owner.execute("UPDATE counters SET ceiling = 9, limit_value = 9 WHERE id = $1", CODE)
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_2"))
    await lab.grant(redeemed("rdm_2", customer="bob"))
    await lab.settle()
    await lab.grant(settled(entry, "apply"))
    await lab.settle()
    assert await lab.in_ledger() == {"granted": 6, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 7, "returned": 1, "confirmed": 7}
    assert await lab.quarantine() == [("rdm_2", "over_ceiling", "void")]


async def test_another_project_settles_nothing(lab: Lab) -> None:
    entry = await _put_aside(lab)
    foreign = settled(entry, "void")
    await lab.grant(type(foreign)(entry, "prj_other", "void", "usr_thief"))
    await lab.settle()
    assert await lab.quarantine() == [("rdm_2", "over_ceiling", "open")]


async def test_an_entry_of_a_newer_schema_stops_its_shard_and_no_other(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    keyspace = (await lab.scripts()).keyspace
    link = lab.servers.link((await lab.state()).identity)
    await link.command("XADD", keyspace.stream, "*", "v", str(SCHEMA_VERSION + 1), "t", "1", "e", b"\x91\xc0")
    async with lab.running(ready=False) as reconciler:

        async def has_stopped() -> bool:
            return await lab.alarms() == {"shard_stopped"}

        await eventually(has_stopped, "the alarm")
        assert await lab.redemptions() == {"rdm_1": "redeemed"}
        assert not reconciler.is_ready()
        async with lab.database.shard_tx(0) as tx:
            assert await tx.fetchval("SELECT state FROM epochs WHERE shard = 0") == "open"
    assert int(await link.command("XLEN", keyspace.stream)) == 1
    assert await lab.quarantine() == []
