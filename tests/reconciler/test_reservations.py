"""Reservations: what sessions hold is in the ledger, survives the loss of Redis, and ends once."""

import time

from domain.events import Event, Hold, Reserved, encode
from domain.ledger import CounterHold, HoldUse, Item, Mode, Move
from domain.outcomes import Verdict
from engine.reconciler.sweeping import Sweeper
from store.ledger_rows import Kind
from store.queries import query
from store.rings import Answer, delete_known
from tests.reconciler.lab import CODE, PROJECT, SHARD, Lab, redeemed, released, reserved, rolled_back
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import eventually

CAPTURE = Hold("cart_9", "rsv_1")
SESSION = Hold("cart_9")


async def status(lab: Lab, reservation_id: str = "rsv_1") -> tuple[str, int, str | None]:
    """Status, revision and redemption of a reservation, as the engine reads it."""
    row = await lab.owner.fetchrow(query("reservations_by_id"), PROJECT, [reservation_id])
    return row["status"], row["revision"], row["redemption_id"]


def hold_of(event: Reserved) -> CounterHold:
    return CounterHold(event.tag, event.lines[0].moves[0][1], event.expires_ms, event.id)


async def test_g2_what_is_held_is_in_the_ledger_and_moves_no_counter(lab: Lab) -> None:
    await lab.open()
    first, second = reserved("rsv_1", amount=2), reserved("rsv_2", tag="cart_8")
    await lab.grant(first, second)
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(second), hold_of(first))
    assert await status(lab) == ("held", 0, None)
    assert await lab.in_ledger() == {"granted": 0, "returned": 0, "quarantined": 0}
    assert await lab.is_settled()
    assert [fate.kind for fate in lab.fates] == [Kind.RESERVED, Kind.RESERVED]


async def test_an_extension_moves_the_end_and_an_older_one_does_not(lab: Lab) -> None:
    await lab.open()
    first = reserved("rsv_1", amount=2)
    longer = reserved("rsv_1", amount=2, revision=1, expires_ms=first.expires_ms + 60_000)
    await lab.grant(first, longer)
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(longer),)
    await lab.grant(encode(first))
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(longer),)
    assert await status(lab) == ("held", 1, None)


async def test_g2_what_is_reserved_anew_under_its_key_is_held_anew(lab: Lab) -> None:
    """Its answer was lost, and with Redis its record; when the key came again, what it had held had expired."""
    await lab.open()
    first = reserved("rsv_1", amount=2)
    anew = reserved("rsv_1", amount=2, expires_ms=first.expires_ms + 60_000)
    await lab.grant(first)
    await lab.settle()
    await lab.grant(anew)
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(anew),)
    await lab.grant(encode(first))
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(anew),)
    assert await status(lab) == ("held", 0, None)
    assert await lab.owner.fetchval("SELECT body FROM reservations WHERE id = 'rsv_1'") == encode(anew)


async def test_g2_what_had_been_extended_and_expired_is_held_anew_under_its_key(lab: Lab) -> None:
    await lab.open()
    now_ms = time.time_ns() // 1_000_000
    gone, anew = reserved("rsv_1", revision=now_ms - 9_000, expires_ms=now_ms - 5_000), reserved("rsv_1", amount=2)
    await lab.grant(encode(gone))
    await lab.settle()
    await lab.grant(anew)
    await lab.settle()
    assert (await lab.holds())[CODE] == (hold_of(anew),)
    assert await status(lab) == ("held", 0, None)


async def test_what_is_released_or_captured_is_held_no_more(lab: Lab) -> None:
    await lab.open()
    await lab.grant(reserved("rsv_1"), released("rsv_1"))
    await lab.settle()
    assert await status(lab) == ("released", 0, None)
    await lab.grant(reserved("rsv_2"), redeemed("rdm_1", hold=Hold("cart_9", "rsv_2")))
    await lab.settle()
    assert await status(lab, "rsv_2") == ("captured", 0, "rdm_1")
    assert await lab.holds() == {}
    assert await lab.in_ledger() == {"granted": 1, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 1, "returned": 0, "confirmed": 1}


async def test_a_session_that_redeems_what_it_held_leaves_nothing_and_may_hold_again(lab: Lab) -> None:
    await lab.open()
    again = reserved("rsv_2", amount=3)
    await lab.grant(reserved("rsv_1"), redeemed("rdm_1", hold=SESSION), again)
    await lab.settle()
    assert await status(lab) == ("captured", 0, "rdm_1")
    assert await status(lab, "rsv_2") == ("held", 0, None)
    assert (await lab.holds())[CODE] == (hold_of(again),)


async def test_g3_a_redemption_that_is_there_already_uses_up_no_other_hold(lab: Lab) -> None:
    await lab.open()
    capture = redeemed("rdm_1", hold=SESSION)
    await lab.grant(reserved("rsv_1"), capture, reserved("rsv_2"))
    await lab.settle()
    await lab.grant(encode(capture), reserved("rsv_3", tag="cart_8"))
    await lab.settle()
    assert await status(lab, "rsv_2") == ("held", 0, None)
    assert [hold.owner for hold in (await lab.holds())[CODE]] == ["rsv_3", "rsv_2"]


async def test_a_beginning_that_comes_after_its_end_holds_nothing(lab: Lab) -> None:
    """Rings are handed in one by one: the capture's may come before the reservation's."""
    await lab.open()
    beginning = reserved("rsv_1")
    await lab.grant(encode(redeemed("rdm_1", hold=CAPTURE)), encode(released("rsv_2", tag="cart_8")))
    await lab.settle()
    await lab.grant(encode(beginning), encode(reserved("rsv_2", tag="cart_8")))
    await lab.settle()
    assert await lab.holds() == {}
    assert await status(lab) == ("captured", 0, "rdm_1")
    assert await status(lab, "rsv_2") == ("released", 0, None)
    body = await lab.owner.fetchval("SELECT body FROM reservations WHERE id = 'rsv_1'")
    assert body == encode(beginning), "what it was is known nonetheless"


async def test_g1_g2_a_hold_survives_redis_for_its_session_and_against_all_others(
    fragile: Lab, own_valkey: ValkeyServer
) -> None:
    lab, held = fragile, reserved("rsv_1", amount=4)
    async with lab.running():
        await lab.grant(reserved("rsv_0", tag="cart_7"))
        await eventually(lab.is_settled, "the ledger")
    await lab.grant(held)  # acknowledged, and nobody has settled it when the server dies
    own_valkey.kill()
    own_valkey.start()
    async with lab.running():
        scripts = await lab.scripts()
        assert scripts.keyspace.epoch == 2
        await lab.hydrate(scripts, [CODE])
        # 4 and 1 of 5 are held.
        moves = (Move(CODE, 1, 5, 1000),)
        other, own, capture = (
            Item(Mode.DRY, moves=moves, hold=hold)
            for hold in (None, HoldUse("cart_9"), HoldUse("cart_9", "rsv_1", required=True))
        )
        reply = await scripts.commit([other, own, capture])
        assert [said.verdict for said in reply.outcomes] == [Verdict.HELD, Verdict.STANDS, Verdict.STANDS]


async def test_expired_holds_are_swept_and_no_others(lab: Lab) -> None:
    await lab.open()
    await lab.grant(reserved("rsv_1"), reserved("rsv_2", tag="cart_8", expires_ms=1_000))
    await lab.settle()
    await Sweeper(lab.database, lab.servers, [SHARD]).visit(SHARD)
    rows = await lab.owner.fetch("SELECT reservation_id FROM reservation_holds")
    assert [row["reservation_id"] for row in rows] == ["rsv_1"]


async def test_a_committed_reservation_that_the_ledger_cannot_take_is_refused(lab: Lab) -> None:
    await lab.open()
    await lab.grant(reserved("rsv_1", committed=True, expires_ms=2**62), reserved("rsv_2", tag="cart_8"))
    summary = await lab.settle()
    assert [refused for refused, _ in summary.refused] == ["rsv_1"]
    assert summary.dropped == ("rsv_1",)
    assert [h.owner for h in (await lab.holds())[CODE]] == ["rsv_2"]


async def test_g3_a_crash_before_the_confirm_leaves_holds_as_they_are(lab: Lab) -> None:
    await lab.open()
    held = reserved("rsv_2", tag="cart_8")
    await lab.grant(reserved("rsv_1"), redeemed("rdm_1", hold=CAPTURE), held, released("rsv_9"))
    await lab.settle(confirm=False)
    position = await (await lab.settler()).catch_up()
    assert position == await lab.position_in_redis()
    assert (await lab.holds())[CODE] == (hold_of(held),)
    assert await lab.in_redis() == {"granted": 1, "returned": 0, "confirmed": 1}


async def test_g2_of_a_late_ring_only_what_the_ledger_does_not_know_is_left(lab: Lab) -> None:
    await lab.open()
    events: list[Event] = [
        reserved("rsv_1"),
        redeemed("rdm_1", hold=CAPTURE),
        rolled_back("rdm_1", revision=0, is_whole=False, moves=()),
        reserved("rsv_2", tag="cart_8"),
        reserved("rsv_2", tag="cart_8", revision=2**41),
        reserved("rsv_5", tag="cart_7"),
        released("rsv_2", tag="cart_8"),
    ]
    reply = await lab.grant(*events)
    await lab.settle()
    assert reply.entry is not None
    answers = [Answer(reply.entry, index, reply.now_ms, encode(event)) for index, event in enumerate(events)]
    await lab.hand_in(1, *answers)
    async with lab.database.shard_tx(SHARD) as tx:
        assert await delete_known(tx, SHARD, 1)
    late: list[Event] = [
        reserved("rsv_5", tag="cart_7", revision=2**41),
        rolled_back("rdm_1", revision=1),
        reserved("rsv_3"),
        released("rsv_4"),
    ]
    for index, event in enumerate(late):
        await lab.hand_in(1, *answers, Answer(reply.entry, 50 + index, reply.now_ms, encode(event)))
        async with lab.database.shard_tx(SHARD) as tx:
            assert not await delete_known(tx, SHARD, 1), event
            await tx.execute("DELETE FROM ring_entries")
