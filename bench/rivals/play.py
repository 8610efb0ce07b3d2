"""Runs a rival: its tables in a database of its own, its process, the same load, the same checks of the answers."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from bench.answers import Answers, Load
from bench.arithmetic import per_second
from bench.generators import Generator, run_load
from bench.proc import Spent, sample, spent
from bench.queries import query
from bench.site import Database
from tools.dev.ports import HOST, find_free_base
from tools.dev.probe import http_ready
from tools.dev.processes import Program
from tools.dev.signals import Signals
from tools.dev.supervisor import Supervisor

_SECRET_KEY = "a-key-of-a-benchmark"  # noqa: S105 - of a server that lives for seconds on the loopback interface
_WARM_UP_S = 0.5


class RivalResult(msgspec.Struct, frozen=True):
    """What a rival came to."""

    name: str
    durability: str
    connections: int
    answers: Answers
    spent: Spent
    per_server_cpu_s: float
    complaints: list[str]


def play_sql_update(
    database: Database, folder: Path, signals: Signals, generator: Generator, connections: int, seconds: float
) -> RivalResult:
    """Measure one SQL UPDATE and INSERT for each request."""
    url = database.create(f"rival_{connections}")
    asyncio.run(_ask(url, query("rival_tables")))
    codes = folder / "rival.codes"
    codes.write_text("CAMPAIGN\n")
    port = find_free_base()
    supervisor = Supervisor(signals, on_change=lambda: None)
    try:
        server = supervisor.start(_program(folder, url, port))
        supervisor.wait_until_ready(server, http_ready(port))
        pids = {"server": server.pid, "postgres": database.pid}

        def load(run: str, seconds: float) -> Load:
            return Load(port, _SECRET_KEY, run, codes, connections, seconds)

        warm = run_load(generator, load("warm", _WARM_UP_S))
        before = sample(pids)
        answers = run_load(generator, load("rival", seconds))
        taken = spent(before, sample(pids))
    finally:
        supervisor.stop()
    counts = asyncio.run(_counts(url))
    acknowledged = warm.granted + answers.granted
    wrong = [f"{count} {name}, but {acknowledged} were acknowledged" for name, count in counts.items()]
    return RivalResult(
        name="one UPDATE and INSERT a request",
        durability="committed",
        connections=connections,
        answers=answers,
        spent=taken,
        per_server_cpu_s=per_second(answers.granted, taken.cpu_s["server"]),
        complaints=answers.complaints()
        + [text for text, count in zip(wrong, counts.values(), strict=True) if count != acknowledged],
    )


def describe(result: RivalResult) -> str:
    """For a person."""
    if result.complaints:
        return f"rival, {result.name}: NO RESULT: {'; '.join(result.complaints)}"
    answers = result.answers
    costs = ", ".join(f"{name} {cpu_s / answers.granted * 1e6:.0f}" for name, cpu_s in result.spent.cpu_s.items())
    foreign = result.spent.foreign_share(answers.cpu_s)
    others = f"{result.spent.stolen_share:.0%} stolen, {foreign:.0%} taken by other processes"
    return "\n".join(
        (
            f"rival, {result.name}: answered when PostgreSQL has committed; {result.connections} connections",
            "",
            f"  requests/s          {answers.per_second:,.0f}",
            f"  p50, p99            {answers.p50_ms:.1f} ms, {answers.p99_ms:.1f} ms",
            f"  per server CPU s    {result.per_server_cpu_s:,.0f}",
            f"  us per redemption   {costs}",
            f"  machine             {result.spent.busy_share:.0%} busy; {others}",
        )
    )


def _program(folder: Path, url: str, port: int) -> Program:
    env = {
        "RIVAL_DATABASE_URL": url,
        "RIVAL_SECRET_KEY": _SECRET_KEY,
        "RIVAL_HOST": HOST,
        "RIVAL_PORT": str(port),
    }
    return Program("rival", (sys.executable, "-m", "bench.rivals.sql_update"), folder / "rival.log", env)


async def _ask(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _counts(url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(query("rival_counts"))
    finally:
        await connection.close()
    assert row is not None, "a count is a row"
    return dict(row)
