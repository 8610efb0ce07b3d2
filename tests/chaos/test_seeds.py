"""A short fixed set of runs, as a person starts them: real processes, drawn faults, and nothing violated.

The long set stands in docs/operating/chaos.md. A seed replays a run's choices; what happens in between is the
machine's.
"""

import subprocess
import sys

import pytest

from tools.dev.paths import ROOT

MINUTES = "0.33"


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.parametrize("seed", [3, 5])
def test_g1_g2_g3_g4_nothing_is_over_and_nothing_is_lost_under_faults(seed: int) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--minutes", MINUTES]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
