"""The schema in PostgreSQL against what this version expects: migrations, roles, row security, and every object that
store/schema.sql names.
"""

import re
from collections.abc import Iterator
from typing import Any

from control_plane.cli.doctor.findings import Finding, error, some, warning
from store.migrate import (
    APP_ROLE,
    CARDS_ROLE,
    RECONCILER_ROLE,
    Migration,
    MigrationRefusedError,
    read_migrations,
)
from store.queries import query
from store.schema import SCHEMA_FILE

ROLES = (APP_ROLE, RECONCILER_ROLE, CARDS_ROLE)
_ROLES, _OPEN_TABLES = query("doctor_roles"), query("doctor_open_tables")
_GRANTS, _OBJECTS = query("doctor_grants"), query("doctor_objects")
_APPLIED, _SERVER = query("migrate_applied"), query("doctor_server")

_MIGRATE = "Run `vauchflow migrate` (docker compose run --rm migrate)."
_TABLE = re.compile(r"(CREATE TABLE|ALTER TABLE ONLY) public\.(\w+)")
_OBJECT = (
    ("policy", re.compile(r"CREATE POLICY (\w+) ON public\.(\w+)")),
    ("index", re.compile(r"CREATE (?:UNIQUE )?INDEX (\w+) ON public\.()")),
    ("trigger", re.compile(r"CREATE (?:CONSTRAINT )?TRIGGER (\w+) .*? ON public\.(\w+)")),
    ("function", re.compile(r"CREATE FUNCTION public\.(\w+)\(()")),
)
_CONSTRAINT = re.compile(r" {4}(?:ADD )?CONSTRAINT (\w+) ")


async def examine_migrations(connection: Any) -> list[Finding]:
    """Whether the database is of this version; what follows only makes sense where nothing is found."""
    if not (await connection.fetchrow(_SERVER))["has_migrations"]:
        return [
            error("never_migrated", "The database has no tables of ours.", "No process can serve from it.", _MIGRATE)
        ]
    known, applied = read_migrations(), await connection.fetch(_APPLIED)
    if len(applied) > len(known):
        return [
            error(
                "database_newer",
                f"The database has {len(applied)} migrations, this version knows {len(known)}.",
                "This version does not know what the newer one keeps where.",
                "Run the version that has migrated it, or restore the backup of before (docs/operating/upgrading.md).",
            )
        ]
    try:
        _check_history(known, applied)
    except MigrationRefusedError as refusal:
        return [
            error(
                "migrations_differ",
                f"{refusal}.",
                "Nobody can say what the tables look like.",
                "Take the files of the release as they are; what was changed by hand goes into a migration of its own.",
            )
        ]
    pending = [migration.name for migration in known[len(applied) :]]
    if not pending:
        return []
    return [
        error(
            "migrations_missing",
            f"Migrations that have not been applied: {some(pending)}.",
            "Processes of this version ask for what is not there: errors, and the alarm shard_stopped.",
            _MIGRATE,
        )
    ]


def _check_history(known: list[Migration], applied: list[Any]) -> None:
    for migration, row in zip(known, applied, strict=False):
        if (migration.name, migration.checksum) != (row["name"], row["checksum"]):
            raise MigrationRefusedError(f"{row['name']} is not what this version has as {migration.name}")


async def examine_roles(connection: Any) -> list[Finding]:
    """The three roles: there, able to log in or not, and without a power beyond that."""
    rows = {row["name"]: row for row in await connection.fetch(_ROLES, list(ROLES))}
    found = []
    for role in ROLES:
        row = rows.get(role)
        if row is None:
            found.append(
                error("role_missing", f"There is no role {role}.", "Whoever serves as it is shut out.", _MIGRATE)
            )
            continue
        powers = [
            text
            for text, holds in (
                ("superuser's powers (SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB or REPLICATION)", row["is_mighty"]),
                ("a membership in another role", row["is_member"]),
                ("tables of its own", row["owns_relations"]),
                ("CREATE on the schema public", row["can_create"]),
                ("a login", row["can_login"] and role == CARDS_ROLE),
            )
            if holds
        ]
        if powers:
            found.append(
                error(
                    "role_too_mighty",
                    f"{role} has {', '.join(powers)}.",
                    "Row-Level Security holds only who has no way around it: tenants are no longer kept apart.",
                    "Run `vauchflow migrate` as a superuser, which takes powers away; REVOKE memberships and CREATE, "
                    "and give tables to the owner (REASSIGN OWNED BY ... TO ...).",
                )
            )
        if not row["can_login"] and role != CARDS_ROLE:
            found.append(
                error("role_cannot_login", f"{role} may not log in.", "Whoever serves as it is shut out.", _MIGRATE)
            )
    return found


async def examine_row_security(connection: Any) -> list[Finding]:
    """Tables without row security, and grants that do not go with their policies."""
    found = []
    tables = [row["name"] for row in await connection.fetch(_OPEN_TABLES)]
    if tables:
        found.append(
            error(
                "row_security_off",
                f"Row-Level Security is not enabled and forced on {some(tables)}.",
                "Whoever may read the table reads every tenant's rows of it.",
                "; ".join(
                    f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY" for table in tables[:8]
                ),
            )
        )
    rows = await connection.fetch(_GRANTS, list(ROLES))
    unguarded = [f"{row['role']} {row['verb']} {row['table_name']}" for row in rows if row["granted"]]
    idle = [f"{row['role']} {row['verb']} {row['table_name']}" for row in rows if not row["granted"]]
    restore = "Make the grants and policies those of store/schema.sql again; the lines there can be run as they stand."
    if unguarded:
        found.append(
            error(
                "grant_without_policy",
                f"Granted, and no policy for it: {some(unguarded)}.",
                "What has no policy shows no rows, so what needs them fails; TRUNCATE and TRIGGER know no policies at "
                "all.",
                restore,
            )
        )
    if idle:
        found.append(
            error(
                "policy_without_grant",
                f"Policies for what is not granted: {some(idle)}.",
                "Whoever serves as the role is refused what it needs.",
                restore,
            )
        )
    return found


async def examine_objects(connection: Any) -> list[Finding]:
    """Everything that the schema of this version names and the database lacks, or has broken."""
    rows = await connection.fetch(_OBJECTS)
    sound = {(row["kind"], row["name"]) for row in rows if row["is_sound"]}
    unsound = sorted((row["kind"], row["name"]) for row in rows if not row["is_sound"])
    missing = sorted(expected_objects(SCHEMA_FILE.read_text(encoding="utf-8")) - sound - set(unsound))
    found = []
    grave = [f"{kind} {name}" for kind, name in missing if kind != "index"]
    if grave:
        found.append(
            error(
                "objects_missing",
                f"Missing from the schema: {some(grave)}.",
                "Each of them holds a promise: policies keep tenants apart, constraints refuse what must not be kept.",
                "Create them as store/schema.sql has them. If rows stand against a constraint, ask why before you "
                "change them.",
            )
        )
    slow = [name for kind, name in missing if kind == "index"]
    if slow:
        found.append(
            error(
                "indexes_missing",
                f"Indexes that are missing: {some(slow)}.",
                "Unique ones refuse doubles; without the others, statements read whole tables and run out of time.",
                "Create them as store/schema.sql has them; with CONCURRENTLY nobody waits.",
            )
        )
    if unsound:
        found.append(
            warning(
                "objects_unsound",
                f"There, but not in force: {some([f'{kind} {name}' for kind, name in unsound])}.",
                "An index that failed to be built is not used, a constraint that is not validated was not checked "
                "against what was there, a trigger that is disabled does not fire.",
                "REINDEX INDEX CONCURRENTLY, ALTER TABLE ... VALIDATE CONSTRAINT, ALTER TABLE ... ENABLE TRIGGER.",
            )
        )
    return found


def expected_objects(schema: str) -> set[tuple[str, str]]:
    """Kind and name of everything in a dump of the schema; policies, constraints and triggers by their table."""
    return set(_objects(schema))


def _objects(schema: str) -> Iterator[tuple[str, str]]:
    table = ""
    for line in schema.splitlines():
        head = _TABLE.match(line)
        if head is not None:
            table = head[2]
            yield "table", table
        for kind, pattern in _OBJECT:
            match = pattern.match(line)
            if match is not None:
                yield kind, f"{match[2]}.{match[1]}" if match[2] else match[1]
        constraint = _CONSTRAINT.match(line)
        if constraint is not None:
            yield "constraint", f"{table}.{constraint[1]}"
