"""The embedded servers keep what they confirmed over a crash, on the same port and data."""

import asyncpg
import redis

from tests.servers.factory import ServerFactory
from tools.dev.postgres import DATABASE


async def test_postgres_is_back_with_its_data_after_a_crash(server_factory: ServerFactory) -> None:
    server = server_factory.postgres()
    owner = server.urls(DATABASE).owner
    connection = await asyncpg.connect(owner)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.kill()
    connection.terminate()
    server.start()
    connection = await asyncpg.connect(owner)
    assert await connection.fetchval("SELECT answer FROM kept") == 42
    await connection.close()


async def test_the_owner_is_no_superuser_and_may_create_roles(server_factory: ServerFactory) -> None:
    connection = await asyncpg.connect(server_factory.postgres().urls(DATABASE).owner)
    row = await connection.fetchrow(
        "SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    )
    await connection.close()
    assert row is not None
    assert tuple(row.values()) == (False, True, True)


def test_valkey_is_back_with_its_data_after_a_crash(server_factory: ServerFactory) -> None:
    server = server_factory.valkey()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", 42)
    server.kill()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"42"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
