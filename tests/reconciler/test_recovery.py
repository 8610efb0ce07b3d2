"""Losing Redis in every way there is: what is believed, what is withheld, and that the shard sells again by itself."""

import shutil
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.ledger import CounterState, Item, Mode, Move, Position
from domain.outcomes import Status, Verdict
from engine.reconciler.settler import LedgerBehind
from store.keys import Keyspace
from store.recovery import abandon_epoch, list_epochs, release
from store.scripts import Scripts
from tests.reconciler.lab import CODE, PROJECT, SHARD, Lab, plain_link, redeemed
from tests.servers.factory import ServerFactory
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import eventually


async def _epoch(lab: Lab, number: int) -> Any:
    async def is_open() -> Any:
        state = await lab.state()
        return state if (state.epoch, state.state) == (number, "open") else None

    return await eventually(is_open, f"epoch {number}")


async def test_g2_killing_redis_loses_nothing_and_withholds_nothing(fragile: Lab, own_valkey: ValkeyServer) -> None:
    async with fragile.running():
        await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
    # Acknowledged, and nobody has settled it when the server dies.
    await fragile.grant(redeemed("rdm_2"), redeemed("rdm_3"))
    async with fragile.running() as reconciler:
        own_valkey.kill()

        async def is_unready() -> bool:
            return not reconciler.is_ready()

        await eventually(is_unready, "unreadiness")
        own_valkey.start()
        state = await _epoch(fragile, 2)
        assert state.withheld_epochs == 0
        assert set(await fragile.redemptions()) == {"rdm_1", "rdm_2", "rdm_3"}
        await fragile.grant(redeemed("rdm_4"))
        await eventually(fragile.is_settled, "the ledger")
    assert await fragile.in_ledger() == {"granted": 4, "returned": 0, "quarantined": 0}
    assert await fragile.in_redis() == {"granted": 4, "returned": 0, "confirmed": 4}
    assert await fragile.alarms() == set()


async def test_g2_when_redis_and_the_reconciler_come_back_together_nothing_is_lost(
    fragile: Lab, own_valkey: ValkeyServer
) -> None:
    """A new process has never seen the server that the old epoch was bound to."""
    async with fragile.running():
        await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
    await fragile.grant(redeemed("rdm_2"))
    own_valkey.kill()
    own_valkey.start()
    async with fragile.running():
        assert (await _epoch(fragile, 2)).withheld_epochs == 0
        assert set(await fragile.redemptions()) == {"rdm_1", "rdm_2"}
    assert await fragile.alarms() == set()


async def test_g1_flushall_withholds_until_a_person_releases(fragile: Lab) -> None:
    async with fragile.running():
        await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
        link = fragile.servers.link((await fragile.state()).identity)
        await link.command("FLUSHALL")
        state = await _epoch(fragile, 2)
        assert state.withheld_epochs == 1
        assert "epoch_withheld" in await fragile.alarms()
        scripts = await fragile.scripts()
        await fragile.hydrate(scripts, [CODE], withheld=20_000)
        item = Item(Mode.DRY, moves=(Move(CODE, 1, 5, 20_000),))
        assert (await scripts.commit([item])).outcomes[0].verdict is Verdict.WITHHELD
        assert await release(fragile.owner, fragile.redis_url, SHARD, "usr_boss") is True
        assert (await scripts.commit([item])).outcomes[0].verdict is Verdict.STANDS
        assert await release(fragile.owner, fragile.redis_url, SHARD, "usr_boss") is False
        assert await fragile.alarms() == set()
    epochs = await list_epochs(fragile.owner, SHARD)
    assert [(row["epoch"], row["state"], row["withheld_epochs"]) for row in epochs] == [
        (1, "closed", 0),
        (2, "open", 1),
    ]
    assert epochs[1]["released_by"] == "usr_boss"


async def test_a_release_that_redis_did_not_hear_is_told_by_the_reconciler(fragile: Lab) -> None:
    async with fragile.running():
        await fragile.register()
        link = fragile.servers.link((await fragile.state()).identity)
        await link.command("FLUSHALL")
        state = await _epoch(fragile, 2)
        assert await release(fragile.owner, "redis://127.0.0.1:1/0", SHARD, "usr_boss") is True

        async def is_released() -> bool:
            return bool(await link.command("HGET", Keyspace(SHARD, state.epoch).meta, "withheld") == b"0")

        await eventually(is_released, "the release")


async def test_g1_a_server_without_its_data_withholds(fragile: Lab, own_valkey: ValkeyServer) -> None:
    async with fragile.running():
        await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
        own_valkey.kill()
        for path in own_valkey.data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        own_valkey.start()
        state = await _epoch(fragile, 2)
        assert state.withheld_epochs == 1
        # And once more, unreleased: the two losses add up.
        await fragile.register()
        await fragile.servers.link(state.identity).command("FLUSHALL")
        assert (await _epoch(fragile, 3)).withheld_epochs == 2


async def test_g1_without_trust_in_the_append_only_file_a_restart_withholds(
    fragile: Lab, own_valkey: ValkeyServer
) -> None:
    async with fragile.running(trust_aof=False):
        await fragile.grant(redeemed("rdm_1"))
        own_valkey.kill()
        own_valkey.start()
        state = await _epoch(fragile, 2)
        assert state.withheld_epochs == 1
        # What did survive is in the ledger all the same.
        assert set(await fragile.redemptions()) == {"rdm_1"}


async def test_g1_a_worker_that_acknowledged_more_than_survived_withholds(
    fragile: Lab, own_valkey: ValkeyServer
) -> None:
    async with fragile.running():
        await fragile.owner.execute(
            "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at, last_ack_ms)"
            " VALUES ($1, 1, 'w', now() + interval '30 seconds', $2)",
            SHARD,
            2**52,
        )
        own_valkey.kill()
        own_valkey.start()
        assert (await _epoch(fragile, 2)).withheld_epochs == 1
    detail = await fragile.owner.fetchval("SELECT detail FROM alarms WHERE kind = 'epoch_withheld'")
    assert detail["reason"] == "a worker has acknowledged an entry that is not in the stream"


async def test_an_epoch_closed_by_a_failed_script_is_drained_and_followed(lab: Lab) -> None:
    async with lab.running():
        await (await lab.scripts()).close()
        state = await _epoch(lab, 2)
        assert state.withheld_epochs == 0


async def test_g1_nothing_is_granted_in_an_epoch_that_is_over(lab: Lab) -> None:
    await lab.open()
    old = await lab.scripts()
    await lab.grant(redeemed("rdm_1"))
    await lab.recovery().next(await lab.state())
    assert (await old.commit([Item(Mode.COMMIT, "rdm_2", b"f" * 16, b"\xc0")])).status is Status.FENCED
    assert (await lab.state()).epoch == 2
    assert set(await lab.redemptions()) == {"rdm_1"}


async def test_what_is_unreleased_is_carried_into_the_next_epoch(lab: Lab) -> None:
    await lab.open()
    await lab.register()
    link = lab.servers.link((await lab.state()).identity)
    await link.command("FLUSHALL")
    await lab.recovery().next(await lab.state())
    assert (await lab.state()).withheld_epochs == 1
    await lab.recovery().next(await lab.state())
    state = await lab.state()
    assert (state.epoch, state.withheld_epochs) == (3, 1)
    assert await link.command("HGET", Keyspace(SHARD, 3).meta, "withheld") == b"1"


async def test_an_epoch_that_was_never_finished_is_not_used(lab: Lab) -> None:
    await lab.open()
    await lab.owner.execute("UPDATE epochs SET state = 'opening', opened_at = NULL")
    async with lab.running():
        assert (await lab.state()).epoch == 2
    epochs = await list_epochs(lab.owner, SHARD)
    assert [(row["epoch"], row["state"]) for row in epochs] == [(1, "closed"), (2, "open")]


async def test_a_restored_ledger_stops_its_shard_until_a_person_decides(lab: Lab) -> None:
    await lab.open()
    old = await lab.scripts()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()
    await lab.owner.execute("UPDATE stream_positions SET entry_ms = 1, entry_seq = 0")
    async with lab.running(ready=False):

        async def is_alarmed() -> bool:
            return "ledger_behind" in await lab.alarms()

        await eventually(is_alarmed, "the alarm")
        assert (await old.commit([Item(Mode.COMMIT, "rdm_2", b"f" * 16, b"\xc0")])).status is Status.FENCED
        assert (await lab.state()).epoch == 1
        with pytest.raises(LedgerBehind):
            await lab.recovery().next(await lab.state())
        async with lab.owner.transaction():
            assert await abandon_epoch(lab.owner, SHARD, "usr_boss") == 1
        state = await _epoch(lab, 2)
        assert state.withheld_epochs == 1

        async def is_resolved() -> bool:
            return await lab.alarms() == {"epoch_withheld"}

        await eventually(is_resolved, "the end of the alarm")


async def test_the_keys_of_an_old_epoch_go_once_it_is_settled(lab: Lab) -> None:
    async with lab.running():
        await lab.grant(redeemed("rdm_1"))
        link = lab.servers.link((await lab.state()).identity)
        assert await link.command("KEYS", f"{Keyspace(SHARD, 1).prefix}*")
        await (await lab.scripts()).close()
        await _epoch(lab, 2)

        async def are_gone() -> bool:
            return not await link.command("KEYS", f"{Keyspace(SHARD, 1).prefix}*")

        await eventually(are_gone, "the sweep")
        assert await link.command("EXISTS", Keyspace(SHARD, 2).meta)


async def test_a_number_that_the_server_has_had_already_is_passed_over(lab: Lab) -> None:
    link = lab.servers.link((await lab.servers.newest())[0])
    stale = Scripts(link, Keyspace(SHARD, 1))
    await stale.open(withheld=False, bound=10)
    await stale.hydrate(PROJECT, 0, Position(), [], [(CODE, CounterState(5))])
    async with lab.running():
        assert (await lab.state()).epoch == 2


async def test_two_reconcilers_recover_one_shard_once(fragile: Lab, own_valkey: ValkeyServer) -> None:
    async with fragile.running(), fragile.running():
        await fragile.grant(redeemed("rdm_1"))
        own_valkey.kill()
        own_valkey.start()
        state = await _epoch(fragile, 2)
        assert state.position == Position()
        await fragile.grant(redeemed("rdm_2"))
        await eventually(fragile.is_settled, "the ledger")
    assert await fragile.in_ledger() == {"granted": 2, "returned": 0, "quarantined": 0}


async def test_g4_a_server_that_changes_its_replication_id_under_us_is_followed(
    fragile: Lab, own_valkey: ValkeyServer, server_factory: ServerFactory
) -> None:
    """The first replica that attaches makes a server draw a new one; connections that are open do not hear of it."""
    async with fragile.running(trust_aof=False):
        await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
        await fragile.owner.execute("DELETE FROM worker_leases")
        replica = plain_link(server_factory.valkey().url)
        try:
            parts = urlsplit(own_valkey.url)
            await replica.command("CONFIG", "SET", "masterauth", parts.password)
            await replica.command("REPLICAOF", parts.hostname, parts.port)
            assert (await _epoch(fragile, 2)).withheld_epochs == 0
        finally:
            await replica.close()
        assert (await fragile.grant(redeemed("rdm_2"))).status is Status.OK
