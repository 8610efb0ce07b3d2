"""A shard with a project on it, on real servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from store.database import Database, owner_connection
from tests.reconciler.lab import SEED_SQL, Lab
from tests.servers.factory import ServerFactory
from tests.servers.postgres import DatabaseUrls
from tests.servers.valkey import ValkeyServer


async def _make_lab(stack: AsyncExitStack, urls: DatabaseUrls, redis_url: str) -> Lab:
    db = await Database.connect(urls.reconciler, application_name="test-reconciler", max_size=4)
    stack.push_async_callback(db.close)
    owner = await stack.enter_async_context(owner_connection(urls.owner, "test-owner"))
    await owner.execute(SEED_SQL.read_text())
    lab = Lab(db, owner, urls, redis_url)
    stack.push_async_callback(lab.servers.close)
    return lab


@pytest.fixture
async def lab(database: DatabaseUrls, redis_url: str) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        yield await _make_lab(stack, database, redis_url)


@pytest.fixture
def own_valkey(server_factory: ServerFactory) -> ValkeyServer:
    """A Valkey that the test may kill."""
    return server_factory.valkey()


@pytest.fixture
async def fragile(database: DatabaseUrls, own_valkey: ValkeyServer) -> AsyncIterator[Lab]:
    """A lab on a Valkey that the test may kill."""
    async with AsyncExitStack() as stack:
        yield await _make_lab(stack, database, own_valkey.url)
