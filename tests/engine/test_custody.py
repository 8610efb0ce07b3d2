"""What a worker does when its epoch ends: it answers nothing more in it, and hands in what it has answered."""

from domain.events import Redeemed, decode
from domain.rules import Rules
from tests.engine.conftest import SHARD, Shop
from tests.servers.waiting import eventually


async def _handed_in(shop: Shop, epoch: int) -> set[str]:
    async def reported() -> bool:
        found = await shop.owner.fetchval(
            "SELECT count(*) FROM worker_leases WHERE epoch = $1 AND handed_at IS NOT NULL", epoch
        )
        return bool(found)

    await eventually(reported, "the worker's report")
    rows = await shop.owner.fetch("SELECT payload FROM ring_entries WHERE epoch = $1", epoch)
    events = [decode(row["payload"]) for row in rows]
    assert all(isinstance(event, Redeemed) for event in events)
    return {event.id for event in events if isinstance(event, Redeemed)}


async def test_g2_a_closing_epoch_gets_every_unconfirmed_answer(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    answered = {(await shop.redeem("TEN", key=f"key-{n}"))[1]["id"] for n in range(5)}
    await shop.redeem("TEN", key="key-0")
    await shop.owner.execute("UPDATE epochs SET state = 'closing'")
    assert await _handed_in(shop, 1) == answered
    status, body = await shop.redeem("TEN", key="late")
    assert (status, body["code"]) == (503, "recovering")
    assert await shop.owner.fetchval("SELECT count(*) FROM ring_entries") == 5


async def test_g2_a_replay_enters_the_ring_of_the_worker_that_sends_it(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    _, first = await shop.redeem("TEN", key="key-1")
    _, read = await shop.redeem("TEN", key="key-2")
    await shop.worker.stop()
    await shop.owner.execute("DELETE FROM ring_entries")
    await shop.start()
    await shop.redeem("TEN", key="key-1")
    await shop.call("GET", f"/v1/redemptions/{read['id']}")
    await shop.owner.execute("UPDATE epochs SET state = 'closing'")

    async def both() -> bool:
        return await _handed_in(shop, 1) == {first["id"], read["id"]}

    await eventually(both, "what was answered again")


async def test_g2_a_worker_that_ends_hands_in_what_the_ledger_has_not(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    answered = {(await shop.redeem("TEN", key=f"key-{n}"))[1]["id"] for n in range(3)}
    await shop.worker.stop()
    assert await _handed_in(shop, 1) == answered


async def test_a_worker_that_ends_with_nothing_has_left(shop: Shop) -> None:
    await shop.voucher("NONE", Rules("AMOUNT", 100, max_redemptions=0))
    status, _ = await shop.redeem("NONE")
    assert status == 409
    await shop.worker.stop()
    lease = await shop.owner.fetchrow("SELECT left_at, handed_at FROM worker_leases WHERE shard = $1", SHARD)
    assert lease["left_at"] is not None
    assert lease["handed_at"] is None


async def test_g6_a_worker_does_not_enter_an_epoch_that_is_closing(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    await shop.owner.execute("UPDATE epochs SET state = 'closing'")
    status, body = await shop.redeem("TEN")
    assert (status, body["code"]) == (503, "recovering")
    assert await shop.owner.fetchval("SELECT count(*) FROM worker_leases") == 0


async def test_a_full_ring_refuses_with_a_time_to_come_back(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    shop.worker.rings.budget.most_bytes = 1
    status, _ = await shop.redeem("TEN", key="key-1")
    assert status == 200
    metrics = (await shop.call("GET", "/metrics")).body.decode()
    assert f"vauchflow_engine_ring_bytes {shop.worker.rings.budget.used_bytes}" in metrics
    assert shop.worker.rings.budget.used_bytes > 300
    response = await shop.call("POST", "/v1/vouchers/TEN/redeem", {"order_value": 10}, key="key-2")
    assert response.status == 503
    assert "retry-after" in dict(response.headers)


async def test_g2_a_ring_that_cannot_be_handed_in_now_is_not_forgotten(shop: Shop) -> None:
    """PostgreSQL was restored from a backup that does not know the epoch; then somebody finds a better one."""
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    _, body = await shop.redeem("TEN", key="key-1")
    identity = await shop.owner.fetchrow("SELECT run_id, replication_id FROM epochs")
    await shop.owner.execute("DELETE FROM worker_leases")
    await shop.owner.execute("DELETE FROM stream_positions")
    await shop.owner.execute("DELETE FROM epochs")

    async def is_fenced() -> bool:
        return not shop.worker.gate.served()

    await eventually(is_fenced, "the fence")
    await shop.owner.execute(
        "INSERT INTO epochs (shard, epoch, state, run_id, replication_id) VALUES ($1, 1, 'closing', $2, $3)",
        SHARD,
        *identity,
    )

    async def is_handed_in() -> bool:
        rows = await shop.owner.fetch("SELECT payload FROM ring_entries")
        return [event.id for row in rows if isinstance(event := decode(row["payload"]), Redeemed)] == [body["id"]]

    await eventually(is_handed_in, "the ring")
