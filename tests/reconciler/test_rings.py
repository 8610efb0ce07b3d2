"""Recovery without the disk: what workers hand in is the second copy, and who is missing decides what is withheld."""

from domain.events import encode
from domain.ledger import CommitReply, Position
from store.keys import Keyspace
from store.recovery import list_epochs
from store.rings import Answer
from tests.reconciler.lab import SHARD, Lab, redeemed
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import eventually


def _answer(reply: CommitReply, index: int, redemption_id: str) -> Answer:
    assert reply.entry is not None
    return Answer(reply.entry, index, reply.now_ms, encode(redeemed(redemption_id)))


async def _lose_redis(lab: Lab) -> None:
    await lab.servers.link((await lab.state()).identity).command("FLUSHALL")


async def _open(lab: Lab, epoch: int) -> int:
    """Wait for an epoch; for how many it withholds."""

    async def is_open() -> bool:
        state = await lab.state()
        return (state.epoch, state.state) == (epoch, "open")

    await eventually(is_open, f"epoch {epoch}", within_s=15)
    return (await lab.state()).withheld_epochs


async def test_g2_with_every_ring_handed_in_nothing_is_lost_and_nothing_withheld(lab: Lab) -> None:
    await lab.open()
    reply = await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"), redeemed("rdm_3"))
    await lab.settle()
    later = await lab.grant(redeemed("rdm_4"), redeemed("rdm_5"))
    await lab.register(lease_s=30)
    await _lose_redis(lab)
    # One that the ledger has, one that only this worker has; rdm_5 was never answered.
    await lab.hand_in(1, _answer(reply, 1, "rdm_2"), _answer(later, 0, "rdm_4"))
    async with lab.running(trust_aof=False):
        assert await _open(lab, 2) == 0
        assert set(await lab.redemptions()) == {"rdm_1", "rdm_2", "rdm_3", "rdm_4"}
        assert await lab.in_ledger() == {"granted": 4, "returned": 0, "quarantined": 0}
        assert await lab.alarms() == set()
    assert await lab.owner.fetchval("SELECT count(*) FROM ring_entries") == 0
    row = await lab.owner.fetchrow("SELECT epoch, entry_ms, entry_index FROM redemptions WHERE id = 'rdm_4'")
    assert tuple(row) == (1, later.entry.entry_ms if later.entry else 0, 0)


async def test_g1_a_missing_worker_withholds_until_it_reports(lab: Lab) -> None:
    await lab.open()
    reply = await lab.grant(redeemed("rdm_1"))
    await lab.register("wrk_lab", lease_s=30)
    await lab.register("wrk_gone", lease_s=30)
    await _lose_redis(lab)
    await lab.hand_in(1, _answer(reply, 0, "rdm_1"))
    async with lab.running():
        assert await _open(lab, 2) == 1
        epochs = await list_epochs(lab.owner, SHARD)
        assert epochs[0]["unaccounted"] == "workers"
        assert epochs[0]["missing_workers"] == ["wrk_gone"]
        assert "epoch_withheld" in await lab.alarms()
        # It was stopped, not dead: its ring has an answer that nobody else knows.
        last = Answer(Position(2**41, 0), 0, reply.now_ms, encode(redeemed("rdm_late")))
        await lab.hand_in(1, last, worker_id="wrk_gone")
        assert await _open(lab, 3) == 0
        assert set(await lab.redemptions()) == {"rdm_1", "rdm_late"}
        assert await lab.alarms() == set()


async def test_a_ring_that_brings_nothing_new_does_not_end_an_epoch(fragile: Lab, own_valkey: ValkeyServer) -> None:
    async with fragile.running():
        reply = await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
        await fragile.register(lease_s=30)
        own_valkey.kill()
        own_valkey.start()
        assert await _open(fragile, 2) == 0
        await fragile.hand_in(1, _answer(reply, 0, "rdm_1"))

        async def is_swept() -> bool:
            return bool(await fragile.owner.fetchval("SELECT count(*) FROM ring_entries") == 0)

        await eventually(is_swept, "the ring's end")
        assert (await fragile.state()).epoch == 2


async def test_g1_a_ring_that_contradicts_the_stream_takes_its_credit(fragile: Lab, own_valkey: ValkeyServer) -> None:
    """The server has its data, as far as it knows; but somebody has answered what is not in them."""
    async with fragile.running():
        reply = await fragile.grant(redeemed("rdm_1"))
        await eventually(fragile.is_settled, "the ledger")
        await fragile.register("wrk_lab", lease_s=30)
        await fragile.register("wrk_gone", lease_s=30)
        await fragile.hand_in(1, Answer(Position(2**41, 0), 0, reply.now_ms, encode(redeemed("rdm_unknown"))))
        own_valkey.kill()
        own_valkey.start()
        assert await _open(fragile, 2) == 1
        assert set(await fragile.redemptions()) == {"rdm_1", "rdm_unknown"}
    reason = await fragile.owner.fetchval("SELECT reason FROM epochs WHERE epoch = 1 AND shard = $1", SHARD)
    assert reason == "a worker has answered what is not in the stream"


async def test_g1_without_trust_in_the_append_only_file_nothing_opens_while_a_lease_may_hold(
    fragile: Lab, own_valkey: ValkeyServer
) -> None:
    async with fragile.running(trust_aof=False):
        await fragile.grant(redeemed("rdm_1"))
        await fragile.register(lease_s=4)
        own_valkey.kill()
        own_valkey.start()
        assert await _open(fragile, 2) == 1
    over = (
        "SELECT bool_and(o.opened_at > l.expires_at) FROM epochs o JOIN worker_leases l USING (shard)"
        " WHERE o.epoch = 2 AND o.shard = $1"
    )
    assert await fragile.owner.fetchval(over, SHARD) is True


async def test_a_worker_that_vanishes_from_an_epoch_that_goes_on_is_forgotten_when_it_is_settled(lab: Lab) -> None:
    async with lab.running():
        await lab.grant(redeemed("rdm_1"))
        await lab.register("wrk_gone", lease_s=0)

        async def is_forgotten() -> bool:
            return bool(
                await lab.owner.fetchval("SELECT count(*) FROM worker_leases WHERE worker_id = 'wrk_gone'") == 0
            )

        await eventually(is_forgotten, "the lease's end")
        await lab.register(lease_s=0)
        await eventually(lab.is_settled, "the ledger")

        async def are_all_forgotten() -> bool:
            return bool(await lab.owner.fetchval("SELECT count(*) FROM worker_leases") == 0)

        await eventually(are_all_forgotten, "the other one's")
        await _lose_redis(lab)
        assert await _open(lab, 2) == 0


async def test_a_projects_timer_releases_what_a_vanished_worker_withholds(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()
    await lab.register("wrk_gone", lease_s=30)
    await lab.owner.execute("UPDATE projects SET release_withheld_after_s = 3")
    await _lose_redis(lab)
    async with lab.running():
        assert await _open(lab, 2) == 1
        # The alarm stays: only a person, or the worker, can say that nothing was lost.
        assert await _open(lab, 3) == 1
        assert "epoch_withheld" in await lab.alarms()


async def test_g3_records_of_before_are_in_redis_again_after_a_loss(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"))
    await lab.settle()
    await lab.owner.execute("UPDATE redemptions SET created_at = now() - interval '25 hours' WHERE id = 'rdm_2'")
    await lab.hand_in(1)
    await _lose_redis(lab)
    async with lab.running():
        assert await _open(lab, 2) == 0

        async def is_restored() -> bool:
            return bool(await lab.owner.fetchval("SELECT records_restored_at FROM epochs WHERE epoch = 2"))

        await eventually(is_restored, "the records")
        link = lab.servers.link((await lab.state()).identity)
        keys = Keyspace(SHARD, 2)
        kept = await link.command("GET", keys.record("rdm_1"))
        assert kept.startswith(b"f" * 16 + b"0-0 0 ")
        assert kept.endswith(encode(redeemed("rdm_1")))
        assert await link.command("PTTL", keys.record("rdm_1")) > 86_000_000
        assert await link.command("GET", keys.record("rdm_2")) is None


async def test_g1_a_ledger_restored_to_before_its_epoch_stops_its_shard(lab: Lab) -> None:
    await lab.open()
    await lab.recovery().next(await lab.state())
    await lab.grant(redeemed("rdm_1"))
    # PostgreSQL comes back from a backup that has never heard of epoch 2.
    await lab.owner.execute("DELETE FROM worker_leases")
    await lab.owner.execute("UPDATE stream_positions SET epoch = 1")
    await lab.owner.execute("DELETE FROM epochs WHERE epoch = 2")
    await lab.owner.execute("UPDATE epochs SET state = 'open', closed_at = NULL")
    async with lab.running(ready=False):

        async def is_alarmed() -> bool:
            return "ledger_behind" in await lab.alarms()

        await eventually(is_alarmed, "the alarm")
        assert await lab.owner.fetchval("SELECT state FROM epochs WHERE epoch = 2 AND shard = $1", SHARD) == "opening"
