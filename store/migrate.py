"""Brings a database to the schema of this code: `python -m store.migrate`.

Owns the roles (created, and the passwords of the two that log in set, on every run) and the order of
store/migrations/. Each migration runs once, in one transaction, and is never edited afterwards: its checksum is
verified. Must never run in a server: it takes the owner's URL, which no server has.
"""

import asyncio
import hashlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from store.database import UNAVAILABLE, owner_connection
from store.queries import query
from store.scram import scram_verifier

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
OLDEST_SERVER = 15
APP_ROLE = "vauchflow_app"
RECONCILER_ROLE = "vauchflow_reconciler"
CARDS_ROLE = "vauchflow_cards"
"""Nobody logs in as it: it owns the functions that write cards' entries, and may write nothing else."""
ERASER_ROLE = "vauchflow_eraser"
"""Nobody logs in as it: it owns the functions that take a person out of what is kept, and may write nothing else."""
SILENT_ROLES = (CARDS_ROLE, ERASER_ROLE)

_FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE)
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationRefusedError(Exception):
    """Something that a person has to put right first; the message says what."""


class Migration(msgspec.Struct, frozen=True):
    """One file: its number, its name, its text, and the checksum it is known by once it is applied."""

    version: int
    name: str
    sql: str
    checksum: str


def read_migrations(folder: Path = MIGRATIONS_FOLDER) -> list[Migration]:
    """All migrations in their order, numbered from 1 without a gap."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise MigrationRefusedError(f"{path.name}: expected {len(found) + 1:04}_name.sql")
        sql = path.read_text(encoding="utf-8")
        found.append(Migration(len(found) + 1, path.stem, sql, hashlib.sha256(sql.encode()).hexdigest()))
    return found


async def migrate(
    owner_url: str, app_password: str, reconciler_password: str, folder: Path = MIGRATIONS_FOLDER
) -> list[str]:
    """Set up the roles and apply what is missing; returns the names of the migrations applied."""
    migrations = read_migrations(folder)
    async with owner_connection(owner_url, "vauchflow-migrate") as connection:
        await _check_owner(connection)
        # Held until the connection ends, so a second run waits here and then finds nothing to do.
        await connection.execute(query("migrate_lock"))
        for role, password in ((APP_ROLE, app_password), (RECONCILER_ROLE, reconciler_password)):
            await _set_up_role(connection, role, password)
        for role in SILENT_ROLES:
            await _set_up_silent_role(connection, role)
        async with connection.transaction():
            await connection.execute(query("migrate_bootstrap"))
        pending = _pending(migrations, await connection.fetch(query("migrate_applied")))
        for migration in pending:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(query("migrate_record"), migration.version, migration.name, migration.checksum)
        return [migration.name for migration in pending]


async def _check_owner(connection: Any) -> None:
    owner = await connection.fetchrow(query("migrate_whoami"))
    name = owner["name"]
    if owner["server_version_num"] < OLDEST_SERVER * 10_000:
        raise MigrationRefusedError(f"PostgreSQL {OLDEST_SERVER} or newer is needed")
    if name in (APP_ROLE, RECONCILER_ROLE, *SILENT_ROLES):
        raise MigrationRefusedError(f"the owner's URL names {name}: a role that serves must own nothing")
    powers = (owner["rolbypassrls"], owner["rolcreaterole"], owner["can_create"])
    if not owner["rolsuper"] and not all(powers):
        raise MigrationRefusedError(
            f"{name}, the role of the owner's URL, must be a superuser, or have BYPASSRLS (looking up API "
            "keys reads past Row-Level Security), CREATEROLE, and CREATE on the schema public with the right to "
            f'grant it: ALTER ROLE "{name}" BYPASSRLS CREATEROLE; GRANT CREATE ON SCHEMA public TO "{name}" '
            "WITH GRANT OPTION"
        )


async def _set_up_role(connection: Any, role: str, password: str) -> None:
    """The role with this password and no power beyond logging in; whatever it had before."""
    await _create_role(connection, role, "migrate_create_role")
    try:
        verifier = scram_verifier(password)
        await connection.execute(await connection.fetchval(query("migrate_alter_role"), role, verifier))
    except asyncpg.InsufficientPrivilegeError as error:
        raise _anothers(role) from error
    await _weaken_role(connection, role)


async def _set_up_silent_role(connection: Any, role: str) -> None:
    """A role that nobody logs in as, and that the owner may act as."""
    await _create_role(connection, role, "migrate_create_silent_role")
    try:
        await connection.execute(await connection.fetchval(query("migrate_alter_silent_role"), role))
        if not (await connection.fetchrow(query("migrate_whoami")))["rolsuper"]:
            await connection.execute(await connection.fetchval(query("migrate_join_role"), role))
    except asyncpg.InsufficientPrivilegeError as error:
        raise _anothers(role) from error
    await _weaken_role(connection, role)


async def _create_role(connection: Any, role: str, how: str) -> None:
    if await connection.fetchrow(query("migrate_role"), role) is None:
        # Roles belong to the whole server: a migration of another database may make it at this moment.
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(await connection.fetchval(query(how), role))


async def _weaken_role(connection: Any, role: str) -> None:
    """Take from it what powers it has gained."""
    if (await connection.fetchrow(query("migrate_role"), role))["too_mighty"]:
        weaken = await connection.fetchval(query("migrate_weaken_role"), role)
        try:
            await connection.execute(weaken)
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationRefusedError(f"{role} has powers that a superuser must take from it: {weaken}") from error
    if (await connection.fetchrow(query("migrate_role"), role))["is_member"]:
        raise MigrationRefusedError(f"{role} is a member of another role: revoke that membership")


def _anothers(role: str) -> MigrationRefusedError:
    return MigrationRefusedError(
        f"the role {role} exists and is another's: its owner must grant it WITH ADMIN OPTION, or drop it"
    )


def _pending(migrations: list[Migration], applied: list[asyncpg.Record]) -> list[Migration]:
    """What is still to be applied, if what has been applied is the beginning of what this code knows."""
    if len(applied) > len(migrations):
        raise MigrationRefusedError("the database is newer than this code")
    for migration, row in zip(migrations, applied, strict=False):
        if (migration.version, migration.name) != (row["version"], row["name"]):
            raise MigrationRefusedError(f"the database has {row['name']} in place of {migration.name}")
        if migration.checksum != row["checksum"]:
            raise MigrationRefusedError(
                f"{migration.name} has changed since it was applied: undo the edit and write a new migration"
            )
    return migrations[len(applied) :]


def main() -> int:
    """Reads the environment, migrates, and says in one line what was done or what is wrong."""
    try:
        owner_url = os.environ["VAUCHFLOW_OWNER_DATABASE_URL"]
        passwords = os.environ["VAUCHFLOW_APP_PASSWORD"], os.environ["VAUCHFLOW_RECONCILER_PASSWORD"]
    except KeyError as error:
        return _say(1, event="migrate_refused", message=f"{error.args[0]} is not set")
    try:
        applied = asyncio.run(migrate(owner_url, *passwords))
    except (MigrationRefusedError, ValueError) as error:
        return _say(1, event="migrate_refused", message=str(error))
    except _FAILURES as error:
        return _say(1, event="migrate_failed", message=f"{type(error).__name__}: {error}")
    return _say(0, event="migrated", applied=applied)


def _say(code: int, **fields: object) -> int:
    sys.stderr.write(msgspec.json.encode(fields).decode() + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
