"""Micro-benchmarks of the hot path's parts: `./dev bench --micro`. They assert nothing about time."""

import subprocess
import sys
from pathlib import Path

from tools.dev.paths import ROOT

_COLUMNS = "min,median,iqr,ops,rounds"


def run() -> int:
    """Run them all with pytest-benchmark, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(Path(__file__).parent),
        "-q",
        "--benchmark-enable",
        "-p",
        "no:randomly",
    ]
    columns = (f"--benchmark-columns={_COLUMNS}", "--benchmark-group-by=group", "--benchmark-sort=name")
    return subprocess.run([*command, *columns], cwd=ROOT, check=False).returncode
