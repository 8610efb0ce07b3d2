"""What the benchmark says: to a person as text, to a program as JSON. Must never show a number without its class."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from .arithmetic import NOISY, Range, Summary
from .ledger import Settled
from .machine import Machine
from .rivals.play import RivalResult

ACCEPTED_RATIO = 0.60

_CLASS = {
    "fast": "answered when the script has returned, appendfsync everysec",
    "durable": "answered when the script has returned, appendfsync always",
    "committed": "answered when PostgreSQL has committed, appendfsync always",
}
_WORKLOAD = {"campaign": "one code of one campaign", "codes": "many codes of one campaign"}


class Report(msgspec.Struct):
    """Everything that one run has found."""

    machine: Machine
    generator: str
    began: str
    python: str
    summaries: list[Summary]
    ledgers: list[Settled]
    rivals: list[RivalResult]
    complaints: list[str]

    @classmethod
    def begin(cls, machine: Machine, generator: str) -> "Report":
        began = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(machine, generator, began, platform.python_version(), [], [], [], [])


def heading(report: Report) -> str:
    """What all numbers of a run have in common."""
    machine = report.machine
    return "\n".join(
        (
            f"{report.began} · {machine.processors} processors ({machine.model}), Python {report.python}",
            f"load by {report.generator}, on the same machine; fsync of 4 KiB took {machine.fsync_us:.0f} us"
            + (" (suspiciously fast: a disk that keeps its word takes longer)" if machine.fsync_us < 200 else ""),
        )
    )


def describe(summary: Summary) -> str:
    """One cell, for a person."""
    cell = summary.cell
    of_each = summary.cpu_s.items()
    lines = [
        f"{cell.durability}: {_CLASS[cell.durability]}",
        f"{_WORKLOAD[cell.workload]}, {cell.connections} connections, {_amount(summary)}",
        "",
        f"  requests/s          {_whole(summary.per_second)}",
        f"  p50, p99            {_ms(summary.p50_ms)}, {_ms(summary.p99_ms)}",
        f"  settled             {summary.settled_after_s:.2f} s after the last answer, at most",
        f"  per engine CPU s    {_whole(summary.per_engine_cpu_s)}",
        f"  per Redis CPU s     {_whole(summary.per_redis_cpu_s)}, {summary.batch:.0f} to a script call",
        f"  null committer      {_whole(summary.null_per_second)} requests/s",
        f"    per engine CPU s  {_whole(summary.null_per_engine_cpu_s)}",
        f"  ratio to it         {_hundredths(summary.ratio)} {verdict(summary)}",
        f"  CPU seconds         {', '.join(f'{name} {cpu_s:.2f}' for name, cpu_s in of_each)}",
        f"  us per redemption   {', '.join(f'{name} {cpu_s / summary.granted * 1e6:.1f}' for name, cpu_s in of_each)}",
        f"  machine             {summary.busy_share:.0%} busy; at worst {_noise(summary)}",
        f"  limit               {summary.limit}",
    ]
    return "\n".join(lines)


def verdict(summary: Summary) -> str:
    """Whether the ratio is what was asked for. `committed` waits for PostgreSQL, which costs the engine little CPU, but
    was never compared."""
    if summary.cell.durability == "committed":
        return "(the null engine answers a campaign that does not wait)"
    return f"{'>=' if summary.ratio.median >= ACCEPTED_RATIO else 'BELOW'} {ACCEPTED_RATIO:.2f}"


def describe_ledger(settled: Settled) -> str:
    """What was found in PostgreSQL and Redis after all rounds of a campaign."""
    if complaints := settled.complaints():
        return f"  LEDGER: {'; '.join(complaints)}"
    return (
        f"  ledger: {settled.redemptions:,} rows = {settled.acknowledged:,} acknowledged = the counters;"
        " exposure 0, quarantine empty"
    )


def table(summaries: Sequence[Summary]) -> str:
    """All cells, a line each."""
    head = f"{'class':<10}{'workload':<10}{'conns':>6}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}"
    head += f"{'/engine s':>11}{'/Redis s':>10}{'ratio':>7}{'steal':>7}{'others':>8}"
    rows = [head]
    for each in summaries:
        cell = each.cell
        rows.append(
            f"{cell.durability:<10}{cell.workload:<10}{cell.connections:>6}{each.per_second.median:>9,.0f}"
            f"{each.p50_ms.median:>8.1f}{each.p99_ms.median:>8.1f}{each.per_engine_cpu_s.median:>11,.0f}"
            f"{each.per_redis_cpu_s.median:>10,.0f}{each.ratio.median:>7.2f}{each.stolen_share:>7.0%}"
            f"{each.foreign_share:>8.0%}"
        )
    return "\n".join(rows)


def _amount(summary: Summary) -> str:
    return f"{summary.rounds} rounds, {summary.granted:,} redemptions in {summary.seconds:.1f} s"


def _noise(summary: Summary) -> str:
    shares = f"{summary.stolen_share:.0%} stolen, {summary.foreign_share:.0%} taken by other processes"
    loud = summary.stolen_share + summary.foreign_share > NOISY
    return f"{shares}: NOISY, read nothing but the ratio" if loud else shares


def _hundredths(values: Range) -> str:
    return f"{values.median:.2f} ({values.least:.2f} to {values.greatest:.2f})"


def _whole(values: Range) -> str:
    return f"{values.median:,.0f} ({values.least:,.0f} to {values.greatest:,.0f})"


def _ms(values: Range) -> str:
    return f"{values.median:.1f} ms ({values.least:.1f} to {values.greatest:.1f})"
