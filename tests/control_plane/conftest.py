"""Two tenants, the app in this process, and an epoch that stands open without a reconciler."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from control_plane.accounts.creation import NewAccount, create_account
from control_plane.app import create_app, make_routes, open_context
from control_plane.context import Context
from control_plane.settings import Settings
from control_plane.shell import Shell
from domain.outcomes import Status
from store.credentials import signing_secret
from store.database import owner_connection
from store.keys import Keyspace
from store.link import Link
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy
from tests.servers.postgres import DatabaseUrls

SECRET = signing_secret("a-secret-of-a-test-with-enough-length")
SHARD = 1

OpenEpoch = Callable[[str], Awaitable[Scripts]]


@pytest.fixture
async def owner(database: DatabaseUrls) -> AsyncIterator[Any]:
    async with owner_connection(database.owner, "test-owner") as connection:
        yield connection


@pytest.fixture
async def open_epoch(owner: Any) -> AsyncIterator[OpenEpoch]:
    """Opens the next epoch of the tests' shard on a server, as the reconciler's recovery does."""
    links: list[Link] = []

    async def open_(redis_url: str) -> Scripts:
        link = Link(redis_url)
        links.append(link)
        identity = await link.identity()
        await owner.execute(
            "UPDATE epochs SET state = 'closed', closed_at = now() WHERE shard = $1 AND state <> 'closed'", SHARD
        )
        epoch = await owner.fetchval(
            "INSERT INTO epochs (shard, epoch, state, run_id, replication_id, opened_at) "
            "SELECT $1, COALESCE(max(epoch), 0) + 1, 'open', $2, $3, now() FROM epochs WHERE shard = $1 "
            "RETURNING epoch",
            SHARD,
            identity.run_id,
            identity.replication_id,
        )
        await owner.execute(
            "INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES ($1, $2, 0, 0) "
            "ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch, entry_ms = 0, entry_seq = 0",
            SHARD,
            epoch,
        )
        scripts = Scripts(link, Keyspace(SHARD, epoch))
        assert await scripts.open(withheld=False, bound=100_000) is Status.OK
        return scripts

    yield open_
    for link in links:
        await link.close()


@pytest.fixture
async def scripts(open_epoch: OpenEpoch, redis_url: str) -> Scripts:
    """An open epoch on the session's Valkey."""
    return await open_epoch(redis_url)


@pytest.fixture
async def context(database: DatabaseUrls, redis_url: str, scripts: Scripts) -> AsyncIterator[Context]:
    async with open_context(Settings(database.app, redis_url, SECRET)) as opened:
        yield opened


@pytest.fixture(scope="session")
def routes() -> Litestar:
    """All routes, made once: there are so many that it takes longer than most tests. Its context is a test's."""
    return make_routes(cast(Context, None))


@pytest.fixture
async def http(context: Context, routes: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    routes.state.context = context
    transport = httpx.ASGITransport(app=Shell(routes))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield client


NewTenancy = Callable[..., Awaitable[Tenancy]]


@pytest.fixture
def new_tenancy(owner: Any, http: httpx.AsyncClient) -> NewTenancy:
    """Makes an account on the tests' shard, with a client for each of its keys."""

    async def make(currency: str = "EUR") -> Tenancy:
        async with owner.transaction():
            made = await create_account(owner, SECRET, NewAccount("A", "unlimited", "P", currency, SHARD), 8)
        return Tenancy(
            made, Client(http, made.secret_key), Client(http, made.publishable_key), Client(http, made.admin_key)
        )

    return make


@pytest.fixture
async def tenancy(new_tenancy: NewTenancy) -> Tenancy:
    return await new_tenancy()


@pytest.fixture
def api(tenancy: Tenancy) -> Client:
    """The client with the project's secret key."""
    return tenancy.secret


@pytest.fixture
async def new_context_client(owner: Any, database: DatabaseUrls) -> AsyncIterator[Callable[[str], Awaitable[Client]]]:
    """Clients of apps on a Redis of the test's own, each with an account of its own."""
    async with AsyncExitStack() as stack:

        async def make(redis_url: str) -> Client:
            context = await stack.enter_async_context(open_context(Settings(database.app, redis_url, SECRET)))
            transport = httpx.ASGITransport(app=create_app(context))  # type: ignore[arg-type]
            http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://control"))
            async with owner.transaction():
                made = await create_account(owner, SECRET, NewAccount("A", "unlimited", "P", "EUR", SHARD), 8)
            return Client(http, made.secret_key)

        yield make
