"""The link to one server: whoever is cancelled while it talks ends."""

import asyncio

from store.link import Link


async def test_a_task_that_is_cancelled_while_it_talks_to_redis_ends(redis_url: str) -> None:
    """redis-py's own timeout of a write loses the cancellation of one in some hundred, on Python 3.11."""
    link = Link(redis_url)

    async def talk() -> None:
        while True:
            await link.command("PING")

    for turns in range(600):
        task = asyncio.create_task(talk())
        for _ in range(turns % 40):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2.0)
        assert done, "the cancellation was lost"
        assert task.cancelled()
    await link.close()
