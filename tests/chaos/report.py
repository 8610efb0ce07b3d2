"""What runs come to: the tables in docs/operating/chaos.md. Must never leave out a run that failed."""

import statistics
from collections import Counter
from itertools import takewhile
from pathlib import Path

import msgspec

from tests.chaos.checker import lost
from tests.chaos.history import Evidence
from tests.chaos.judging import Violation
from tools.dev.paths import ROOT

PAGE = ROOT / "docs" / "operating" / "chaos.md"
_MARK = "<!-- runs: written by ./dev chaos --record -->"
_HEAD = (
    "| seed | minutes | world | faults | calls | acknowledged | lost | over | recovery median / worst s | verdict |\n"
    "|---:|---:|---|---|---:|---:|---:|---:|---:|---|"
)

_GUARDS = "## Guards, and what sees that one is missing"
_GUARDS_MARK = "<!-- guards: written by ./dev chaos --mutate NAME --record -->"
_GUARDS_HEAD = "| mutation | what it takes out | seeds tried | caught in seed | by |\n|---|---|---|---:|---|"

INTERRUPTED_S = 0.25
"""Undisturbed, each tenant sells something every few hundredths of a second."""


class Result(msgspec.Struct, frozen=True):
    """One run."""

    seed: int
    minutes: float
    world: str
    faults: dict[str, int]
    calls: int
    acknowledged: int
    lost: int
    recoveries_s: list[float]
    violations: list[Violation]
    mutation: str = ""
    oddities: dict[str, int] = {}

    @property
    def over(self) -> int:
        """How often a limit was broken."""
        return sum(found.invariant in ("S3", "S5", "S10", "S15") for found in self.violations)

    @property
    def verdict(self) -> str:
        return ", ".join(sorted({found.invariant for found in self.violations})) or "held"

    def line(self) -> str:
        """A row of the table."""
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        slow = sorted(self.recoveries_s)
        recovery = f"{statistics.median(slow):.1f} / {slow[-1]:.1f}" if slow else "- / -"
        cells = (
            self.seed,
            f"{self.minutes:g}",
            self.world,
            faults,
            self.calls,
            self.acknowledged,
            self.lost,
            self.over,
        )
        return "| " + " | ".join(map(str, (*cells, recovery, self.verdict))) + " |"


def result_of(
    evidence: Evidence,
    seed: int,
    minutes: float,
    world: str,
    faults: Counter[str],
    disturbed_at: list[float],
    violations: list[Violation],
    mutation: str = "",
) -> Result:
    """The numbers of a run."""
    sold = [call for call in evidence.calls if call.verb in ("redeem", "stack", "capture") and call.status == 200]
    strange = Counter(call.code for call in evidence.calls if call.status == 500)
    return Result(
        seed=seed,
        minutes=minutes,
        world=world,
        faults=dict(faults),
        calls=len(evidence.calls),
        acknowledged=len({(call.tenant, call.key) for call in sold}),
        lost=lost(evidence),
        recoveries_s=recoveries(evidence, disturbed_at),
        violations=violations,
        mutation=mutation,
        oddities=dict(strange),
    )


def recoveries(evidence: Evidence, disturbed_at: list[float]) -> list[float]:
    """After the end of each disturbance that interrupted selling: how long until both tenants have sold something that
    was asked for after it. What other faults did meanwhile is in it."""
    slowest = []
    for at in disturbed_at:
        first = []
        for tenant in range(len(evidence.tenants)):
            grants = [
                call.answered_at - at
                for call in evidence.calls
                if call.tenant == tenant and call.verb == "redeem" and call.status == 200
                and not call.replayed and call.asked_at >= at
            ]  # fmt: skip
            if grants:
                first.append(min(grants))
        if len(first) == len(evidence.tenants) and max(first) >= INTERRUPTED_S:
            slowest.append(round(max(first), 2))
    return slowest


def record(result: Result, page: Path = PAGE) -> None:
    """Put the run's line into the page; an older line of the same seed and minutes goes."""
    before, lines, after = _table(page, _MARK, _HEAD)
    lines = [line for line in lines if _of(line) != (str(result.seed), f"{result.minutes:g}")] + [result.line()]
    lines.sort(key=lambda line: (int(_of(line)[0]), float(_of(line)[1])))
    page.write_text(before + "\n".join((_MARK, _HEAD, *lines, "")) + after)


class Trial(msgspec.Struct, frozen=True):
    """What became of one mutation: the runs that were tried, the last of which has seen it, or none."""

    mutation: str
    takes_out: str
    results: list[Result]

    @property
    def caught(self) -> Result | None:
        return next((result for result in self.results if result.violations), None)

    def line(self) -> str:
        """A row of the table of guards."""
        tried = ", ".join(f"{result.seed} ({result.minutes:g} min)" for result in self.results)
        caught = self.caught
        by = (str(caught.seed), caught.verdict) if caught is not None else ("-", "**not caught**")
        return "| " + " | ".join((f"`{self.mutation}`", self.takes_out, tried, *by)) + " |"


def record_trial(trial: Trial, page: Path = PAGE) -> None:
    """Put the mutation's line into the page; an older line of the same goes, the order stays."""
    before, lines, after = _table(page, _GUARDS_MARK, _GUARDS_HEAD, heading=_GUARDS)
    rows = {_of(line)[0]: line for line in lines} | {f"`{trial.mutation}`": trial.line()}
    page.write_text(before + "\n".join((_GUARDS_MARK, _GUARDS_HEAD, *rows.values(), "")) + after)


def _table(page: Path, mark: str, head: str, heading: str = "") -> tuple[str, list[str], str]:
    """What stands before a table, its rows, and what stands behind it; at the end of the page where there is none."""
    text = page.read_text() if page.exists() else "# Runs under faults\n"
    before, found, rest = text.partition(mark + "\n")
    if not found:
        return text.rstrip() + "\n\n" + (f"{heading}\n" if heading else ""), [], ""
    lines = list(takewhile(lambda line: line.startswith("|"), rest.splitlines(keepends=True)))
    rows = [line.rstrip("\n") for line in lines if line.rstrip("\n") not in head.splitlines()]
    return before, rows, rest[sum(map(len, lines)) :]


def _of(line: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[2]
