"""`./dev bench --against REV`: the engine of another revision beside this one, on the same servers, in turn.

Database, Redis, reconciler and campaign are this revision's; only the engine and its scripts are the other's. That
holds as long as this revision can settle the other's events, which is what an upgrade one process at a time needs too.
Must never touch the work tree or the repository: the other revision is unpacked into a temporary folder.
"""

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tools.dev.console import LauncherError, say
from tools.dev.paths import ROOT
from tools.dev.signals import Signals

from .arithmetic import NOISY, Range, Round, per_second, spread
from .ledger import inspect
from .machine import look
from .options import Cell, Options
from .report import Report, describe_ledger, heading
from .rounds import NoResult, Player
from .shop import make_offers
from .site import Database, Site

_ROOMS = ("domain", "store", "engine", "lua")
"""What an engine is made of."""


class Comparison(msgspec.Struct, frozen=True):
    """What one cell came to: this revision against the other. A ratio above 1: this one does more with the same."""

    cell: Cell
    rounds: int
    ahead: int
    ratio: Range
    redis_ratio: Range
    per_second_ratio: Range
    all_rounds_ratio: float
    per_engine_cpu_s: Range
    other_per_engine_cpu_s: Range
    per_second: Range
    other_per_second: Range
    p99_ms: Range
    other_p99_ms: Range
    stolen_share: float
    foreign_share: float


class Found(msgspec.Struct):
    """All that one comparison has found, for a program."""

    revision: str
    comparisons: list[Comparison]
    complaints: list[str]


def run(options: Options, revision: str, folder: Path, signals: Signals) -> int:
    """Compare and print; 1 where something is no result."""
    older = unpack(revision, folder / "older")
    report = Report.begin(look(folder), options.generator)
    say(heading(report))
    say(f"This work tree against the engine of {revision}.")
    found = Found(revision, [], [])
    database = Database(folder, signals)
    try:
        database.start()
        for appendfsync, cells in options.by_appendfsync().items():
            _compare(Site(database, folder / appendfsync, signals, appendfsync, older), cells, options, found)
    finally:
        database.stop()
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    for complaint in found.complaints:
        say(f"NO RESULT: {complaint}")
    return 1 if found.complaints else 0


def unpack(revision: str, folder: Path) -> Path:
    """The rooms of an engine as a revision has them; the folder."""
    command = ("git", "archive", "--format=tar", revision, "--", *_ROOMS)
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if result.returncode != 0:
        raise LauncherError(f"{revision} cannot be had: {result.stderr.decode(errors='replace').strip()}")
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def compare(cell: Cell, pairs: Sequence[tuple[Round, Round]]) -> Comparison:
    """All numbers of one cell; each ratio is of two rounds that were played one after the other."""
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratios = [one.per_engine_cpu_s / other.per_engine_cpu_s for one, other in pairs if other.per_engine_cpu_s]
    return Comparison(
        cell=cell,
        rounds=len(pairs),
        ahead=sum(ratio > 1 for ratio in ratios),
        ratio=spread(ratios),
        redis_ratio=spread([_per_redis_s(one) / _per_redis_s(other) for one, other in pairs if _per_redis_s(other)]),
        per_second_ratio=spread([one.answers.per_second / other.answers.per_second for one, other in pairs]),
        all_rounds_ratio=_together(ours) / _together(theirs) if _together(theirs) else 0.0,
        per_engine_cpu_s=spread([each.per_engine_cpu_s for each in ours]),
        other_per_engine_cpu_s=spread([each.per_engine_cpu_s for each in theirs]),
        per_second=spread([each.answers.per_second for each in ours]),
        other_per_second=spread([each.answers.per_second for each in theirs]),
        p99_ms=spread([each.answers.p99_ms for each in ours]),
        other_p99_ms=spread([each.answers.p99_ms for each in theirs]),
        stolen_share=max(each.spent.stolen_share for each in (*ours, *theirs)),
        foreign_share=max(each.spent.foreign_share(each.answers.cpu_s) for each in (*ours, *theirs)),
    )


def describe(comparison: Comparison) -> str:
    """One cell, for a person."""
    cell = comparison.cell
    ours, theirs = comparison.per_engine_cpu_s, comparison.other_per_engine_cpu_s
    together = f"all rounds together {comparison.all_rounds_ratio:.3f}; ahead in {comparison.ahead} of"
    noise = f"{comparison.stolen_share:.0%} stolen, {comparison.foreign_share:.0%} taken by other processes"
    if comparison.stolen_share + comparison.foreign_share > NOISY:
        noise += ": NOISY, read nothing but the ratios"
    return "\n".join(
        (
            f"{cell.durability}, {cell.workload}, {cell.connections} connections, {comparison.rounds} pairs of rounds",
            f"  per engine CPU s    {_whole(ours)}; the other {_whole(theirs)}",
            f"    ratio             {_exact(comparison.ratio)}, {together} {comparison.rounds}",
            f"  ratio per Redis s   {_exact(comparison.redis_ratio)}",
            f"  requests/s          {_whole(comparison.per_second)}; the other {_whole(comparison.other_per_second)}",
            f"    ratio             {_exact(comparison.per_second_ratio)}",
            f"  p99                 {_ms(comparison.p99_ms)}; the other {_ms(comparison.other_p99_ms)}",
            f"  machine             at worst {noise}",
        )
    )


def _compare(site: Site, cells: Sequence[Cell], options: Options, found: Found) -> None:
    try:
        account = site.start()
        wanted = [(cell.workload, cell.durability == "committed") for cell in cells]
        offers = make_offers(site, account, wanted, options.codes)
        player = Player(site, account, options.generator, options.seconds)
        for cell in cells:
            offer = offers[cell.workload, cell.durability == "committed"]
            try:
                compared = compare(cell, list(player.alternate(cell, offer, options.rounds)))
            except NoResult as error:
                found.complaints.append(str(error))
                continue
            found.comparisons.append(compared)
            say(f"\n{describe(compared)}")
        for campaign_id, acknowledged in player.acknowledged.items():
            settled = inspect(site.owner_url, site.redis_url, campaign_id, account.project_id, acknowledged)
            found.complaints += settled.complaints()
            say(describe_ledger(settled))
    finally:
        site.stop()


def _per_redis_s(played: Round) -> float:
    return per_second(played.answers.granted, played.spent.cpu_s["redis"])


def _together(rounds: Sequence[Round]) -> float:
    return per_second(sum(each.answers.granted for each in rounds), sum(each.engine_cpu_s for each in rounds))


def _exact(values: Range) -> str:
    return f"{values.median:.3f} ({values.least:.3f} to {values.greatest:.3f})"


def _whole(values: Range) -> str:
    return f"{values.median:,.0f} ({values.least:,.0f} to {values.greatest:,.0f})"


def _ms(values: Range) -> str:
    return f"{values.median:.1f} ms ({values.least:.1f} to {values.greatest:.1f})"
