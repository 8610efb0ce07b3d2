"""Migrations: once each, in order, unchanged, under an owner that can, with roles that cannot."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from store.database import owner_connection
from store.migrate import CARDS_ROLE, MIGRATIONS_FOLDER, MigrationRefusedError, migrate, read_migrations
from tests.servers.postgres import DatabaseUrls, PostgresServer

ALL = [migration.name for migration in read_migrations()]


def passwords(urls: DatabaseUrls) -> tuple[str, str]:
    """The roles' own: other tests on this server must still be able to log in."""
    app, reconciler = urlsplit(urls.app).password, urlsplit(urls.reconciler).password
    assert app
    assert reconciler
    return app, reconciler


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


async def as_superuser(server: PostgresServer, statement: str, database: str = "postgres") -> None:
    async with owner_connection(server.superuser_url(database), "test-superuser") as connection:
        await connection.execute(statement)


@pytest.fixture
async def empty(postgres_server: PostgresServer, database: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:
    """A database of the owner's that nobody has migrated."""
    name = f"{database.name}_empty"
    await as_superuser(postgres_server, f"CREATE DATABASE {name} OWNER vauchflow_owner")
    yield postgres_server.urls(name)
    await as_superuser(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Migrations that a test may spoil."""
    return Path(shutil.copytree(MIGRATIONS_FOLDER, tmp_path / "migrations"))


async def test_the_second_run_has_nothing_to_do(empty: DatabaseUrls) -> None:
    assert await migrate(empty.owner, *passwords(empty)) == ALL
    assert await migrate(empty.owner, *passwords(empty)) == []


async def test_two_runs_at_once_apply_each_migration_once(empty: DatabaseUrls) -> None:
    done = await asyncio.gather(*(migrate(empty.owner, *passwords(empty)) for _ in range(3)))
    assert sorted(map(len, done)) == [0, 0, len(ALL)]


async def test_a_changed_migration_is_refused(empty: DatabaseUrls, folder: Path) -> None:
    await migrate(empty.owner, *passwords(empty), folder)
    append(folder / f"{ALL[0]}.sql", "-- a harmless remark\n")
    with pytest.raises(MigrationRefusedError, match=r"0001_access has changed since it was applied"):
        await migrate(empty.owner, *passwords(empty), folder)


async def test_a_database_that_is_newer_than_the_code_is_refused(empty: DatabaseUrls, folder: Path) -> None:
    (folder / f"{len(ALL) + 1:04}_later.sql").write_text("CREATE TABLE later ();")
    assert (await migrate(empty.owner, *passwords(empty), folder))[-1].endswith("_later")
    with pytest.raises(MigrationRefusedError, match="newer than this code"):
        await migrate(empty.owner, *passwords(empty))


async def test_a_voucher_that_was_made_meanwhile_has_its_code_as_the_others(empty: DatabaseUrls, folder: Path) -> None:
    for name in ALL[10:]:
        (folder / f"{name}.sql").unlink()
    await migrate(empty.owner, *passwords(empty), folder)
    async with (
        owner_connection(empty.owner, "test-meanwhile") as making,
        owner_connection(empty.owner, "test-watching") as watching,
    ):
        await making.execute("INSERT INTO accounts (id, name, plan, shard) VALUES ('acc_1', 'One', 'unlimited', 1)")
        await making.execute("INSERT INTO projects (account_id, id, name) VALUES ('acc_1', 'prj_1', 'P')")
        async with making.transaction(), asyncio.timeout(60):
            await making.execute("INSERT INTO vouchers (project_id, id, code) VALUES ('prj_1', 'vch_1', 'SAVE20')")
            migrating = asyncio.create_task(migrate(empty.owner, *passwords(empty)))
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'vouchers'::regclass"
            while not await watching.fetchval(waits):
                assert not migrating.done()
        await migrating
        assert await making.fetchval("SELECT object FROM codes WHERE code = 'SAVE20'") == "voucher"


async def test_a_migration_that_fails_leaves_nothing_of_itself(empty: DatabaseUrls, folder: Path) -> None:
    broken = folder / f"{len(ALL) + 1:04}_broken.sql"
    broken.write_text("CREATE TABLE half (); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty.owner, *passwords(empty), folder)
    async with owner_connection(empty.owner, "test-owner") as connection:
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    broken.write_text("CREATE TABLE half ();")
    assert await migrate(empty.owner, *passwords(empty), folder) == [broken.stem]


async def test_the_cards_role_is_nobodys_to_log_in_as(owner: Any) -> None:
    row = await owner.fetchrow("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", CARDS_ROLE)
    assert not row["rolcanlogin"]


async def test_an_owner_who_cannot_grant_on_the_schema_is_told_so(
    postgres_server: PostgresServer, empty: DatabaseUrls
) -> None:
    await as_superuser(postgres_server, "CREATE ROLE half_owner LOGIN CREATEROLE BYPASSRLS PASSWORD 'half-owner'")
    try:
        await as_superuser(postgres_server, "GRANT CREATE ON SCHEMA public TO half_owner", empty.name)
        url = postgres_server.cluster.url("half_owner", "half-owner", empty.name)
        with pytest.raises(MigrationRefusedError, match="WITH GRANT OPTION"):
            await migrate(url, *passwords(empty))
    finally:
        await as_superuser(postgres_server, "REVOKE CREATE ON SCHEMA public FROM half_owner", empty.name)
        await as_superuser(postgres_server, "DROP ROLE half_owner")


@pytest.mark.parametrize("name", ["0099_gap.sql", "x.sql", "6_short.sql"])
def test_a_file_out_of_order_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationRefusedError, match=name):
        read_migrations(folder)


async def test_an_owner_without_the_powers_it_needs_is_told_which(
    postgres_server: PostgresServer, empty: DatabaseUrls
) -> None:
    await as_superuser(postgres_server, "CREATE ROLE weak_owner LOGIN CREATEROLE PASSWORD 'weak-owner'")
    try:
        url = postgres_server.cluster.url("weak_owner", "weak-owner", empty.name)
        with pytest.raises(MigrationRefusedError, match=r"weak_owner.*BYPASSRLS.*CREATEROLE"):
            await migrate(url, *passwords(empty))
    finally:
        await as_superuser(postgres_server, "DROP ROLE weak_owner")


async def test_a_role_that_serves_requests_cannot_be_the_owner(database: DatabaseUrls) -> None:
    with pytest.raises(MigrationRefusedError, match="vauchflow_app"):
        await migrate(database.app, *passwords(database))


async def test_powers_that_a_role_has_gained_are_taken_from_it(
    postgres_server: PostgresServer, database: DatabaseUrls
) -> None:
    await as_superuser(postgres_server, "ALTER ROLE vauchflow_app CREATEDB BYPASSRLS")
    with pytest.raises(MigrationRefusedError, match="powers that a superuser must take"):
        await migrate(database.owner, *passwords(database))
    await migrate(postgres_server.superuser_url(database.name), *passwords(database))
    assert await migrate(database.owner, *passwords(database)) == []


async def test_a_role_that_is_a_member_of_another_is_refused(
    postgres_server: PostgresServer, database: DatabaseUrls
) -> None:
    await as_superuser(postgres_server, "GRANT pg_read_all_data TO vauchflow_app")
    try:
        with pytest.raises(MigrationRefusedError, match="member of another role"):
            await migrate(database.owner, *passwords(database))
    finally:
        await as_superuser(postgres_server, "REVOKE pg_read_all_data FROM vauchflow_app")


def test_a_missing_variable_is_named_in_one_line() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VAUCHFLOW_")}
    run = subprocess.run(
        [sys.executable, "-m", "store.migrate"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        '{"event":"migrate_refused","message":"VAUCHFLOW_OWNER_DATABASE_URL is not set"}'
    ]
