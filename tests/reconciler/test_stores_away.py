"""Stores that are away: the reconciler waits, says so, and goes on by itself; and what it says while all is well."""

import asyncio
import itertools
from contextlib import AsyncExitStack

import msgspec

from domain.events import Confirmed, encode
from domain.ledger import CounterState, Item, Mode, Move, Position
from domain.outcomes import Verdict
from engine.reconciler.process import Reconciler
from engine.reconciler.settings import Settings
from store.database import Database, owner_connection
from store.keys import confirmed_channel
from tests.reconciler.lab import CODE, PROJECT, SEED_SQL, SHARD, Lab, redeemed
from tests.servers.factory import ServerFactory
from tests.servers.waiting import eventually


async def test_g2_killing_postgresql_loses_nothing_and_is_not_ready(
    server_factory: ServerFactory, redis_url: str
) -> None:
    postgres = server_factory.postgres()
    urls = postgres.create_database()
    async with owner_connection(urls.owner, "test-owner") as owner:
        await owner.execute(SEED_SQL.read_text())
    async with AsyncExitStack() as stack:
        db = await Database.connect(urls.reconciler, application_name="test", max_size=4)
        stack.push_async_callback(db.close)
        lab = Lab(db, None, urls, redis_url)
        stack.push_async_callback(lab.servers.close)
        async with lab.running() as reconciler:
            scripts = await lab.scripts()
            await scripts.hydrate(PROJECT, 0, Position(), [], [(CODE, CounterState())])
            postgres.kill()
            moves = (Move(CODE, 1, None, 100),)
            items = [
                Item(Mode.COMMIT, name, b"f" * 16, encode(redeemed(name)), moves=moves) for name in ("rdm_1", "rdm_2")
            ]
            reply = await scripts.commit(items)
            assert {outcome.verdict for outcome in reply.outcomes} == {Verdict.GRANTED}

            async def is_unready() -> bool:
                return not reconciler.is_ready()

            await eventually(is_unready, "unreadiness")
            postgres.start()
            await eventually(lab.is_settled, "the ledger")
        async with owner_connection(urls.owner, "test-owner") as owner:
            rows = await owner.fetch("SELECT id FROM redemptions ORDER BY id")
    assert [row["id"] for row in rows] == ["rdm_1", "rdm_2"]


async def test_without_any_store_it_neither_dies_nor_is_ready() -> None:
    settings = Settings("postgresql://nobody:x@127.0.0.1:1/none", "redis://127.0.0.1:1/0", shards=2)
    reconciler = Reconciler(settings)
    task = asyncio.create_task(reconciler.run())
    done, _ = await asyncio.wait([task], timeout=0.3)
    assert not done
    assert not reconciler.is_ready()
    reconciler.stop()
    await asyncio.wait_for(task, 10)


async def test_it_is_heard_twice_a_second_when_nothing_happens(lab: Lab) -> None:
    async with lab.running():
        link = lab.servers.link((await lab.state()).identity)
        async with link.client.pubsub() as subscription:
            await subscription.subscribe(confirmed_channel(SHARD))
            assert await subscription.get_message(timeout=5) is not None
            loop, heard = asyncio.get_running_loop(), []
            for _ in range(4):
                message = await subscription.get_message(timeout=5)
                assert message is not None
                heard.append((loop.time(), msgspec.msgpack.decode(message["data"], type=Confirmed)))
    position = await lab.position_in_redis()
    assert {said for _, said in heard} == {Confirmed(1, position, position)}
    gaps = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(heard)]
    # Workers refuse `committed` after 2 s of silence; the aim is 0.5 s, the test leaves room for a busy machine.
    assert max(gaps) < 1.5
