"""Settling every kind of event by hand, batch by batch: G2 and G3 in PostgreSQL and in Redis."""

import msgspec

from domain.events import Confirmed
from domain.ledger import Position
from store.ledger_rows import Kind
from tests.reconciler.lab import ACCOUNT, CODE, FAMILY, PROJECT, Lab, redeemed, rolled_back


async def test_g2_what_was_granted_is_in_the_ledger_and_confirmed(lab: Lab) -> None:
    await lab.open()
    reply = await lab.grant(redeemed("rdm_1", customer="bob"), redeemed("rdm_2", customer="bob"))
    await lab.settle()
    row = await lab.owner.fetchrow("SELECT * FROM redemptions WHERE id = 'rdm_1'")
    assert (row["total_minor"], row["discount_minor"], row["durability"]) == (7199, 1800, "durable")
    assert (row["epoch"], row["entry_index"], row["shard"]) == (1, 0, 3)
    assert int(row["created_at"].timestamp() * 1000) == reply.now_ms
    line = await lab.owner.fetchrow("SELECT * FROM redemption_lines WHERE redemption_id = 'rdm_1'")
    assert line["moves"] == [[CODE, 1], [f"{FAMILY}:bob", 1]]
    assert await lab.in_ledger() == {"granted": 2, "returned": 0, "quarantined": 0}
    child = await lab.owner.fetchrow("SELECT * FROM counters WHERE id = $1", f"{FAMILY}:bob")
    assert (child["granted"], child["ceiling"], child["kind"], child["parent_id"]) == (2, 2, "customer", FAMILY)
    assert await lab.owner.fetchval("SELECT id FROM customers WHERE project_id = $1", PROJECT) == "bob"
    assert await lab.in_redis() == {"granted": 2, "returned": 0, "confirmed": 2}
    assert await lab.is_settled()


async def test_usage_counts_redemptions_and_rollbacks_apart(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"), rolled_back("rdm_1"))
    await lab.settle()
    await lab.grant(redeemed("rdm_3"))
    await lab.settle()
    row = await lab.owner.fetchrow("SELECT * FROM usage_daily")
    assert (row["account_id"], row["redemptions"], row["rollbacks"]) == (ACCOUNT, 3, 1)
    assert row["discount_minor"] == 5400


async def test_g3_an_id_that_is_in_the_ledger_has_no_second_effect(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_1"))  # as if its 24 hours were over
    await lab.grant(redeemed("rdm_1"))
    summary = await lab.settle()
    assert summary.collapsed == ("rdm_1",)
    assert await lab.in_ledger() == {"granted": 1, "returned": 0, "quarantined": 0}
    # What the second grant took has come back.
    assert await lab.in_redis() == {"granted": 2, "returned": 1, "confirmed": 2}


async def test_g3_the_same_id_twice_in_one_batch_is_one_redemption(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_1"))
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"))
    await lab.settle()
    assert sorted(fate.kind.value for fate in lab.fates) == ["applied", "applied", "collapsed"]
    assert await lab.in_ledger() == {"granted": 2, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 3, "returned": 1, "confirmed": 3}


async def test_a_rollback_gives_back_once(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", customer="bob"))
    await lab.settle()
    await lab.grant(rolled_back("rdm_1"), rolled_back("rdm_1"))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_1": "rolled_back"}
    await lab.grant(rolled_back("rdm_1"))
    await lab.settle()
    for name in (CODE, f"{FAMILY}:bob"):
        assert await lab.in_ledger(name) == {"granted": 1, "returned": 1, "quarantined": 0}
        assert await lab.in_redis(name) == {"granted": 1, "returned": 1, "confirmed": 1}


async def test_a_redemption_and_its_rollback_in_one_batch(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), rolled_back("rdm_1"), redeemed("rdm_2"))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_1": "rolled_back", "rdm_2": "redeemed"}
    assert await lab.in_ledger() == {"granted": 2, "returned": 1, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 2, "returned": 1, "confirmed": 2}


async def test_confirm_says_from_where_to_where_and_what_collapsed(lab: Lab) -> None:
    await lab.open()
    link = lab.servers.link((await lab.state()).identity)
    subscription = link.client.pubsub()
    async with subscription:
        await subscription.subscribe("{vf3}:confirmed")
        assert await subscription.get_message(timeout=5) is not None  # subscribed
        reply = await lab.grant(redeemed("rdm_1"))
        await lab.settle()
        message = await subscription.get_message(timeout=5)
    assert reply.entry is not None
    assert message is not None
    said = msgspec.msgpack.decode(message["data"], type=Confirmed)
    assert said == Confirmed(1, Position(), reply.entry)


async def test_a_unit_that_comes_back_on_an_absent_counter_raises_the_change_number(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()
    scripts = await lab.scripts()
    await lab.servers.link((await lab.state()).identity).command("DEL", scripts.keyspace.counter(CODE))
    _, before, _ = await scripts.peek(PROJECT, [])
    await lab.grant(rolled_back("rdm_1"))
    await lab.settle()
    _, after, _ = await scripts.peek(PROJECT, [])
    assert after > before
    assert {fate.kind for fate in lab.fates} == {Kind.ROLLED_BACK}
