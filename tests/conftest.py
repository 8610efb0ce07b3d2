"""Fixtures on real servers for every test. They import nothing of the product: a part of it that is broken
fails the tests that use it and no others.

| fixture | what it is |
|---|---|
| `postgres_server` | one throw-away PostgreSQL for the session |
| `database` | a fresh, migrated database on it, with a URL for each role |
| `valkey_server`, `redis_url` | one Valkey for the session (AOF always); its URL, with nothing in it |
| `redis7_server`, `redis7_url` | the same on the machine's Redis; skipped where there is none |
| `server_factory` | servers of the test's own, to be killed and started again |
| `stack` | the whole of ./dev, one for the session; not to be harmed |
| `stack_factory` | a ./dev of the test's own |
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.factory import ServerFactory, StackFactory
from tests.servers.postgres import DatabaseUrls, PostgresServer
from tests.servers.stack import RunningStack
from tests.servers.valkey import ValkeyServer
from tools.dev.binaries import find_redis, find_valkey
from tools.dev.ports import share_room
from tools.dev.privileges import unprivileged

# How long a machine takes that others use at the same time says nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

if "PYTEST_XDIST_WORKER" in os.environ:
    share_room(int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))

_MARKED_BY_FIXTURE = {
    "servers": {"postgres_server", "valkey_server", "redis7_server", "server_factory"},
    "stack": {"stack", "stack_factory"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test by the servers it asks for, so that nobody has to remember to."""
    for item in items:
        asked_for = set(getattr(item, "fixturenames", ()))
        for marker, fixtures in _MARKED_BY_FIXTURE.items():
            if asked_for & fixtures:
                item.add_marker(marker)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder that a PostgreSQL under another user can reach, which pytest's own is not for root."""
    with tempfile.TemporaryDirectory(prefix="vauchflow-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def new_folder(servers_folder: Path) -> Callable[[str], Path]:
    """Make an empty folder below the session's."""

    def make(name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=servers_folder))
        unprivileged().hand_over(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def postgres_server(new_folder: Callable[[str], Path]) -> Iterator[PostgresServer]:
    server = PostgresServer(new_folder("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[DatabaseUrls]:
    urls = postgres_server.create_database()
    yield urls
    postgres_server.drop_database(urls.name)


@pytest.fixture(scope="session")
def valkey_server(new_folder: Callable[[str], Path]) -> Iterator[ValkeyServer]:
    server = ValkeyServer(find_valkey(), new_folder("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    valkey_server.flush()
    return valkey_server.url


@pytest.fixture(scope="session")
def redis7_server(new_folder: Callable[[str], Path]) -> Iterator[ValkeyServer]:
    binary = find_redis()
    if binary is None:
        pytest.skip("no redis-server on this machine")
    server = ValkeyServer(binary, new_folder("redis7"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis7_url(redis7_server: ValkeyServer) -> str:
    redis7_server.flush()
    return redis7_server.url


@pytest.fixture
def server_factory(new_folder: Callable[[str], Path]) -> Iterator[ServerFactory]:
    factory = ServerFactory(new_folder)
    yield factory
    factory.stop_all()


@pytest.fixture(scope="session")
def stack(new_folder: Callable[[str], Path]) -> Iterator[RunningStack]:
    running = RunningStack(new_folder("stack"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def stack_factory(new_folder: Callable[[str], Path]) -> Iterator[StackFactory]:
    factory = StackFactory(new_folder)
    yield factory
    factory.stop_all()
