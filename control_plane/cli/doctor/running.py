"""Makes the checks, in an order in which each can rely on the ones before it.

Must never let one failure hide the rest.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from control_plane.cli.doctor import clocks, outside, postgres, redis, schema, shards, variables, work
from control_plane.cli.doctor.findings import Report, error
from control_plane.cli.doctor.variables import APP, OWNER, RECONCILER, REDIS, Variables
from store.database import UNAVAILABLE, owner_connection
from store.link import FencedOut, Link, RedisFull, RedisUnavailable, ScriptFailed
from store.migrate import APP_ROLE, RECONCILER_ROLE
from store.queries import query

_CLOCK = query("doctor_clock")
_POSTGRES: tuple[type[Exception], ...] = (asyncpg.PostgresError, *UNAVAILABLE, ValueError)
_REDIS: tuple[type[Exception], ...] = (RedisUnavailable, RedisFull, FencedOut, ScriptFailed, ValueError)


async def examine(given: Variables) -> Report:
    """All of it."""
    report = Report()
    report.add("environment", variables.examine(given))
    async with AsyncExitStack() as stack:
        connection = await _connect(given, report, stack)
        link = await _link(given, report, stack)
        is_migrated = connection is not None and await _schema(connection, report)
        await _logins(given, report)
        await _clocks(connection, link, report)
        if connection is not None and is_migrated:
            await _shards(given, connection, link, report)
        else:
            report.skip("shards", "the schema is not there")
            report.skip("work", "the schema is not there")
        if link is not None:
            report.add("reconciler", await shards.examine_silence(given.redis_url, given.shards))
        else:
            report.skip("reconciler", "Redis was not reached")
    report.add("mail", await asyncio.to_thread(outside.examine_mail, given.mail_url))
    report.add("public_url", await asyncio.to_thread(outside.examine_public_url, given.public_url))
    report.sort()
    return report


async def _connect(given: Variables, report: Report, stack: AsyncExitStack) -> Any:
    if not given.owner_url:
        report.skip("postgres", f"{OWNER} is not set")
        return None
    try:
        connection = await stack.enter_async_context(owner_connection(given.owner_url, "vauchflow-doctor"))
        server = await postgres.read_server(connection)
    except _POSTGRES as failure:
        report.add("postgres", [postgres.unreachable(OWNER, failure)])
        return None
    report.add("postgres", postgres.examine_server(server))
    if postgres.can_see_volume(server["data_directory"]):
        report.add("disk", postgres.examine_volume(server["data_directory"]))
    else:
        report.skip("disk", "where PostgreSQL keeps its data cannot be seen from here, or not as this role")
    return connection


async def _link(given: Variables, report: Report, stack: AsyncExitStack) -> Link | None:
    if not given.redis_url:
        report.skip("redis", f"{REDIS} is not set")
        return None
    try:
        link = Link(given.redis_url, max_connections=2)
        stack.push_async_callback(link.close)
        report.add("redis", redis.examine(await redis.read_facts(link), given.trusts_aof))
    except _REDIS as failure:
        report.add("redis", [redis.unreachable(failure)])
        return None
    return link


async def _schema(connection: Any, report: Report) -> bool:
    """Whether the rest can be looked at."""
    try:
        migrations = await schema.examine_migrations(connection)
        report.add("migrations", migrations)
        report.add("roles", await schema.examine_roles(connection))
        if migrations:
            report.skip("row_security", "the migrations are not those of this version")
            report.skip("schema", "the migrations are not those of this version")
            return False
        report.add("row_security", await schema.examine_row_security(connection))
        report.add("schema", await schema.examine_objects(connection))
    except _POSTGRES as failure:
        report.add("schema", [_broken("the schema", failure)])
        return False
    return True


async def _logins(given: Variables, report: Report) -> None:
    for variable, url, role in (
        (APP, given.app_url, APP_ROLE),
        (RECONCILER, given.reconciler_url, RECONCILER_ROLE),
    ):
        if url:
            report.add(f"login as {role}", await postgres.examine_login(variable, url, role))
        else:
            report.skip(f"login as {role}", f"{variable} is not set")


async def _clocks(connection: Any, link: Link | None, report: Report) -> None:
    async def ask_postgres() -> float:
        return float(await connection.fetchval(_CLOCK))

    async def ask_redis() -> float:
        assert link is not None
        seconds, micros = await link.command("TIME")
        return int(seconds) + int(micros) / 1e6

    offsets = []
    try:
        if connection is not None:
            offsets.append(await clocks.measure("PostgreSQL", ask_postgres))
        if link is not None:
            offsets.append(await clocks.measure("Redis", ask_redis))
    except (*_POSTGRES, *_REDIS) as failure:
        report.skip("clocks", f"a store went away: {type(failure).__name__}")
        return
    if offsets:
        report.add("clocks", clocks.examine(offsets))
    else:
        report.skip("clocks", "no store was reached")


async def _shards(given: Variables, connection: Any, link: Link | None, report: Report) -> None:
    try:
        report.add("shards", await shards.examine(connection, link, given.shards, time.time))
        report.add("work", await work.examine(connection, given.shards))
    except (*_POSTGRES, *_REDIS) as failure:
        report.add("shards", [_broken("the shards", failure)])
    if link is None:
        report.skip("epochs in Redis", "Redis was not reached")


def _broken(what: str, failure: Exception) -> Any:
    return error(
        "check_failed",
        f"Looking at {what} ended with {type(failure).__name__}: {failure}",
        "What was not looked at is not known.",
        "If a store went away in the middle, run the doctor again; else report it.",
    )
