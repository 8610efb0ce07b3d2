"""The benchmark from end to end, as short as it can be: no number is asserted, only that all of it is believable."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.report import Report
from tools.dev.paths import ROOT


@pytest.mark.slow
@pytest.mark.servers
def test_what_was_acknowledged_is_in_the_ledger(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    arguments = ("--classes", "durable,committed", "--seconds", "0.3", "--rounds", "1", "--connections", "8")
    command = [sys.executable, "-m", "bench", *arguments, "--codes", "50", "--rivals", "--json", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert file.exists(), run.stdout + run.stderr
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    assert report.complaints == []
    assert [each.cell.durability for each in report.summaries] == ["durable", "durable", "committed"]
    assert [ledger.complaints() for ledger in report.ledgers] == [[], [], []]
    assert all(ledger.redemptions for ledger in report.ledgers)
    assert all(each.granted and each.cpu_s["engine"] and each.ratio.median for each in report.summaries)
    assert [rival.complaints for rival in report.rivals] == [[]]
    # A ratio below what was asked for makes the exit code 1, which a crowded machine may well do.
    assert run.returncode in (0, 1), run.stderr
