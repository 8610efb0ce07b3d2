"""The subscription to what confirm publishes, behind a proxy that hides the server's death from it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import redis.asyncio as aioredis

from domain.events import Confirmed
from domain.ledger import Position
from engine import listener
from store.keys import confirmed_channel
from tests.chaos.links import Links
from tests.chaos.servers import via
from tests.servers.waiting import eventually

LINK = "engine->valkey"


async def test_a_subscription_that_was_lost_in_silence_is_made_anew(
    redis_url: str, new_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "SILENT_S", 0.5)
    folder = new_folder("listener")
    (folder / "logs").mkdir()
    links = Links(folder)
    await links.start({LINK: urlsplit(redis_url).port or 0})
    heard: list[Position] = []
    listening = listener.Listener(via(redis_url, links.ports[LINK]), 1, lambda _shard, _epoch, at: heard.append(at))
    listening.start()
    try:
        async with aioredis.Redis.from_url(redis_url) as client:
            said = 0

            async def is_heard() -> bool:
                nonlocal said
                said += 1
                message = Confirmed(1, Position(said - 1, 0), Position(said, 0))
                await client.publish(confirmed_channel(0), msgspec.msgpack.encode(message))
                return bool(heard)

            await eventually(is_heard, "the first subscription")
            await links.set([LINK], keeps=True)
            await client.client_kill_filter(_type="pubsub")
            heard.clear()
            await eventually(is_heard, "a subscription made anew")
    finally:
        await listening.stop()
        await links.stop()
