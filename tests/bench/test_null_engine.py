"""The null engine answers as the engine does, and writes nothing."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import redis.asyncio

from bench.null_engine import GrantingShards
from domain.rules import Rules
from engine.handler import handle
from engine.requests import Call
from engine.responses import Response
from engine.settings import Settings
from engine.shard import Gate
from engine.worker import Worker
from store.keys import Keyspace
from tests.engine.conftest import SECRET, SHARD, Shop
from tests.engine.conftest import shop as shop  # noqa: PLC0414 - a fixture is found by its name


@pytest.fixture
async def null(shop: Shop) -> AsyncIterator[Worker]:
    settings = Settings(shop.urls.app, shop.redis_url, SECRET)
    worker = await Worker.start(settings)
    worker.shards = GrantingShards(worker.database, settings.redis_url)
    worker.gate = Gate(worker.shards, worker.database, worker.metrics, worker.id, worker.rings)
    yield worker
    await worker.stop()


async def redeem(worker: Worker, shop: Shop, key: str) -> Response:
    body = b'{"customer_id":"cust_1","order_value":89.99}'
    call = Call("POST", "/v1/vouchers/FLASH/redeem", f"Bearer {shop.account.secret_key}", key, "10.0.0.1", body)
    return await handle(worker, call)


async def sell(shop: Shop) -> None:
    await shop.campaign("cmp_1", Rules(discount_type="PERCENT", discount_value=200_000))
    await shop.voucher("FLASH", Rules(), "cmp_1")


async def test_both_give_the_same_answer_to_the_same_key(shop: Shop, null: Worker) -> None:
    await sell(shop)
    answers = [await redeem(worker, shop, "a-key") for worker in (shop.worker, null)]
    real, granted = (msgspec.json.decode(answer.body) for answer in answers)
    assert answers[0].status == answers[1].status == 200
    assert answers[0].headers == answers[1].headers
    assert list(real) == list(granted)
    assert without_time(real) == without_time(granted)


async def test_the_null_engine_writes_nothing(shop: Shop, null: Worker) -> None:
    await sell(shop)
    for number in range(5):
        assert (await redeem(null, shop, f"key-{number}")).status == 200
    client = redis.asyncio.Redis.from_url(shop.redis_url)
    keyspace = Keyspace(SHARD, 1)
    assert await client.xlen(keyspace.stream) == 0
    assert [key async for key in client.scan_iter(f"{keyspace.prefix}i:*")] == []
    await client.aclose()
    assert null.metrics.granted == 5


def without_time(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "created_at"}
