"""One revision against another: arithmetic, unpacking, and the whole of it once, against itself."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.against import Found, compare, describe, unpack
from bench.answers import Answers
from bench.arithmetic import Peer, Range, Round
from bench.options import Cell, parse
from bench.proc import Spent
from tools.dev.console import LauncherError
from tools.dev.paths import ROOT

_CELL = Cell("durable", "campaign", 64)


def played(peer: Peer, granted: int, cpu_s: float, redis_s: float = 0.5, stolen: float = 0.0) -> Round:
    answers = Answers(granted, granted, {}, 0, 0, 0, 2.0, 5.0, 20.0, cpu_s=0.4)
    idle, busy = (0.01, cpu_s) if peer == "older" else (cpu_s, 0.01)
    spent = {"engine": idle, "older": busy, "redis": redis_s, "reconciler": 0.3, "postgres": 0.6}
    return Round(peer, answers, Spent(spent, 4.0, 0.8, stolen), 0.1, 32.0)


def test_each_round_is_held_against_the_one_beside_it() -> None:
    # The machine became half as fast between the pairs: the ratio must not notice.
    pairs = [(played("real", 11_000, 1.0), played("older", 10_000, 1.0))]
    pairs += [(played("real", 5_500, 1.0), played("older", 5_000, 1.0, stolen=0.2))]
    found = compare(_CELL, pairs)
    assert found.ratio.median == pytest.approx(1.1)
    assert found.ratio.greatest - found.ratio.least == pytest.approx(0)
    assert found.all_rounds_ratio == pytest.approx(1.1)
    assert found.ahead == 2
    assert found.per_engine_cpu_s == Range(8_250, 5_500, 11_000)
    assert found.redis_ratio.median == pytest.approx(1.1)
    assert found.stolen_share == 0.2
    assert "ahead in 2 of 2" in describe(found)
    assert "NOISY" in describe(found)


def test_what_git_does_not_know_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="no-such-revision cannot be had"):
        unpack("no-such-revision", tmp_path / "older")


def test_without_a_revision_it_is_the_null_engine() -> None:
    assert parse(["--generator", "python"]).against is None
    assert parse(["--generator", "python", "--against", "HEAD~1"]).against == "HEAD~1"


@pytest.mark.slow
@pytest.mark.servers
def test_a_revision_against_itself(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    arguments = ("--against", "HEAD", "--classes", "durable", "--seconds", "0.3", "--rounds", "2", "--connections", "8")
    command = [sys.executable, "-m", "bench", *arguments, "--codes", "50", "--json", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert run.returncode == 0, run.stdout + run.stderr
    found = msgspec.json.decode(file.read_bytes(), type=Found)
    assert found.complaints == []
    assert [each.cell.workload for each in found.comparisons] == ["campaign", "codes"]
    assert all(each.ratio.median > 0 and each.redis_ratio.median > 0 for each in found.comparisons)
