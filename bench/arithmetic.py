"""From rounds to numbers. Pure: what it is given is all that it says something of."""

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec

from .answers import Answers
from .options import Cell
from .proc import Spent

# From this share of one processor on, a single-threaded process has nothing left to give.
FULL = 0.85
# With so little of the machine idle, somebody waited for a processor.
CROWDED = 0.92
# If other guests of the host, or other processes of this machine, have more than this, they change what is measured.
NOISY = 0.10

Peer = Literal["real", "null", "older"]
"""Who served a round: the engine, the null engine, the engine of another revision."""


class Round(msgspec.Struct, frozen=True):
    """One load on one engine. `spent` runs from the first request until the ledger has settled the last."""

    peer: Peer
    answers: Answers
    spent: Spent
    settled_after_s: float = 0.0
    batch: float = 0.0

    @property
    def engine_cpu_s(self) -> float:
        return self.spent.cpu_s["engine" if self.peer == "real" else self.peer]

    @property
    def per_engine_cpu_s(self) -> float:
        return per_second(self.answers.granted, self.engine_cpu_s)


class Range(msgspec.Struct, frozen=True):
    """The middle of several values, with the least and the greatest."""

    median: float
    least: float
    greatest: float


class Summary(msgspec.Struct, frozen=True):
    """What one cell came to."""

    cell: Cell
    rounds: int
    per_second: Range
    p50_ms: Range
    p99_ms: Range
    null_per_second: Range
    per_engine_cpu_s: Range
    null_per_engine_cpu_s: Range
    per_redis_cpu_s: Range
    ratio: Range
    cpu_s: dict[str, float]
    seconds: float
    granted: int
    busy_share: float
    stolen_share: float
    foreign_share: float
    settled_after_s: float
    batch: float
    limit: str


def per_second(count: int, seconds: float) -> float:
    """How many in one second; 0 where no time was seen to pass."""
    return count / seconds if seconds > 0 else 0.0


def spread(values: Sequence[float]) -> Range:
    """Median, least and greatest."""
    return Range(median(values), min(values), max(values)) if values else Range(0.0, 0.0, 0.0)


def ratios(rounds: Sequence[Round]) -> list[float]:
    """Redemptions per engine CPU second, real against null: each real round against the null round next to it, so
    that a change of the machine between two pairs does not count."""
    real = [each.per_engine_cpu_s for each in rounds if each.peer == "real"]
    null = [each.per_engine_cpu_s for each in rounds if each.peer == "null"]
    return [ours / theirs for ours, theirs in zip(real, null, strict=True) if theirs]


def summarise(cell: Cell, rounds: Sequence[Round]) -> Summary:
    """All numbers of one cell; CPU seconds are the sum over the real rounds."""
    real = [each for each in rounds if each.peer == "real"]
    null = [each for each in rounds if each.peer == "null"]
    cpu_s = {
        name: sum(each.spent.cpu_s[name] for each in real) for name in ("engine", "redis", "reconciler", "postgres")
    }
    cpu_s["generator"] = sum(each.answers.cpu_s for each in real)
    seconds = sum(each.answers.seconds for each in real)
    busy = spread([each.spent.busy_share for each in real]).median
    stolen = max(each.spent.stolen_share for each in rounds)
    return Summary(
        cell=cell,
        rounds=len(real),
        per_second=spread([each.answers.per_second for each in real]),
        p50_ms=spread([each.answers.p50_ms for each in real]),
        p99_ms=spread([each.answers.p99_ms for each in real]),
        null_per_second=spread([each.answers.per_second for each in null]),
        per_engine_cpu_s=spread([each.per_engine_cpu_s for each in real]),
        null_per_engine_cpu_s=spread([each.per_engine_cpu_s for each in null]),
        per_redis_cpu_s=spread([per_second(each.answers.granted, each.spent.cpu_s["redis"]) for each in real]),
        ratio=spread(ratios(rounds)),
        cpu_s=cpu_s,
        seconds=seconds,
        granted=sum(each.answers.granted for each in real),
        busy_share=busy,
        stolen_share=stolen,
        foreign_share=max(each.spent.foreign_share(each.answers.cpu_s) for each in rounds),
        settled_after_s=max(each.settled_after_s for each in real),
        batch=spread([each.batch for each in real]).median,
        limit=limit(cpu_s, seconds, busy),
    )


def limit(cpu_s: dict[str, float], seconds: float, busy_share: float) -> str:
    """What kept it from being faster, as far as CPU time tells."""
    full = [name for name in ("generator", "engine", "redis") if seconds and cpu_s[name] / seconds >= FULL]
    if "generator" in full:
        return "the generator: its processor was full, so the servers could do more"
    if full:
        return f"{' and '.join(full)}: a full processor"
    if busy_share >= CROWDED:
        return "the machine: all processors were busy, and each process waited for the others"
    return "no processor: time went into waiting"
