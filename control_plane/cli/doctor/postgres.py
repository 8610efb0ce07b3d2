"""PostgreSQL as a server: can it be reached and logged in to, does it keep what it confirms, has it room."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from control_plane.cli.doctor.findings import Finding, error, warning
from store.database import UNAVAILABLE, owner_connection
from store.migrate import OLDEST_SERVER
from store.queries import query

_SERVER = query("doctor_server")
_FAILURES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE, ValueError)

FULL_SHARE = 0.8
"""Of the connections: past it, a restart of the processes may find none left."""
LOW_SHARE, LEAST_BYTES = 0.15, 1 << 30
"""Of the volume: below the share it is time to act, below the bytes PostgreSQL is about to stop."""

DiskUsage = Callable[[Path], tuple[int, int, int]]


async def read_server(connection: Any) -> Any:
    """What the server says of itself."""
    return await connection.fetchrow(_SERVER)


def examine_server(server: Any) -> list[Finding]:
    """What that tells."""
    found = [*_version(server), *_keeping(server)]
    if server["is_standby"]:
        found.append(
            error(
                "postgres_is_standby",
                "PostgreSQL is a standby: it takes no writes.",
                "Nothing can be settled, defined or leased; the shards stop within seconds.",
                "Point the URLs at the primary, or promote this one if the primary is gone (docs/operating/backup.md).",
            )
        )
    used, most = server["connections"], server["max_connections"]
    if used > most * FULL_SHARE:
        found.append(
            warning(
                "connections_scarce",
                f"{used} of {most} connections are in use.",
                "A process that starts again may get none, and answers 503 until it does.",
                "Raise max_connections, or see who holds them: SELECT application_name, count(*) FROM pg_stat_activity "
                "GROUP BY 1.",
            )
        )
    return found


def _version(server: Any) -> list[Finding]:
    found = []
    if server["version_num"] < OLDEST_SERVER * 10_000:
        found.append(
            error(
                "postgres_too_old",
                f"PostgreSQL is {server['version']}; {OLDEST_SERVER} or newer is needed.",
                "Migrations refuse to run on it.",
                "Upgrade the server (pg_upgrade, or dump and restore).",
            )
        )
    if server["encoding"] != "UTF8":
        found.append(
            error(
                "postgres_encoding",
                f"The database's encoding is {server['encoding']}.",
                "Names and codes that it cannot hold are refused with an error of ours.",
                "Make a database with ENCODING 'UTF8' and restore a dump into it.",
            )
        )
    return found


def _keeping(server: Any) -> list[Finding]:
    off = [
        name
        for name, is_on in (
            ("fsync", server["has_fsync"]),
            ("full_page_writes", server["has_full_page_writes"]),
            ("synchronous_commit", server["commits_synchronously"]),
        )
        if not is_on
    ]
    if not off:
        return []
    return [
        error(
            "postgres_may_forget",
            f"PostgreSQL runs with {', '.join(f'{name} = off' for name in off)}.",
            "It confirms what it has not kept: after a crash of the machine redemptions are missing that Redis has "
            "already let go of, and the shards stop with the alarm ledger_behind.",
            f"Set {', '.join(f'{name} = on' for name in off)} and restart PostgreSQL.",
        )
    ]


def examine_volume(folder: str | None, disk_usage: DiskUsage = shutil.disk_usage) -> list[Finding]:
    """Room where PostgreSQL keeps its data, where that can be seen from here: the same machine, and the owner may know
    where it is."""
    if not folder or not Path(folder).is_dir():
        return []
    total, _, free = disk_usage(Path(folder))
    text = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB are free where PostgreSQL keeps its data."
    why = "Without room PostgreSQL stops; selling goes on for at most W units a counter, then 503 ledger_lagging."
    mend = "Make room or enlarge the volume. What grows are the ledger and the WAL: look for old replication slots."
    if free < LEAST_BYTES:
        return [error("disk_full", text, why, mend)]
    return [warning("disk_low", text, why, mend)] if free < total * LOW_SHARE else []


def can_see_volume(folder: str | None) -> bool:
    """Whether examine_volume() can tell anything."""
    return bool(folder) and Path(str(folder)).is_dir()


async def examine_login(variable: str, url: str, role: str) -> list[Finding]:
    """Whether a process gets in with this URL, as the role that it must be."""
    user = unquote(urlsplit(url).username or "")
    found = []
    if user and user != role:
        found.append(
            error(
                "wrong_role",
                f"{variable} logs in as {user}, not as {role}.",
                "Row-Level Security and the grants are made for that role; another one sees too much or nothing.",
                f"Write {role} into {variable}, with the password that was given to `migrate`.",
            )
        )
    try:
        async with owner_connection(url, "vauchflow-doctor") as connection:
            await read_server(connection)
    except _FAILURES as failure:
        found.append(unreachable(variable, failure))
    return found


def unreachable(variable: str, failure: Exception) -> Finding:
    """Why a URL leads nowhere."""
    if isinstance(failure, asyncpg.InvalidAuthorizationSpecificationError):
        return error(
            "postgres_login_refused",
            f"PostgreSQL refuses the login of {variable}.",
            "Whoever uses it does not start, or falls over at its next connection.",
            "Give the role the password that stands in the URL: VAUCHFLOW_APP_PASSWORD and "
            "VAUCHFLOW_RECONCILER_PASSWORD with `vauchflow migrate`; the owner's with ALTER ROLE.",
        )
    if isinstance(failure, asyncpg.InvalidCatalogNameError):
        return error(
            "postgres_database_missing",
            f"The database that {variable} names is not there.",
            "Nothing can be kept, so nothing runs.",
            "Create it (CREATE DATABASE ... OWNER ...; docs/operating/cards.md says what the owner needs) and migrate.",
        )
    return error(
        "postgres_unreachable",
        f"PostgreSQL does not answer at {variable}: {type(failure).__name__}.",
        "The ledger, definitions and leases live there: changes answer 503, and selling goes on for 30 s and W units "
        "at most.",
        "Start it, or put the address right; check the network and pg_hba.conf between this host and it.",
    )
