"""Whatever dies is back within two seconds, and stopping leaves nothing."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.stack import is_alive
from tools.dev.console import LauncherError
from tools.dev.processes import Program
from tools.dev.signals import Signals, caught
from tools.dev.supervisor import StopRequested, Supervisor


@pytest.fixture
def signals() -> Iterator[Signals]:
    with caught() as signals:
        yield signals


def sleeper(tmp_path: Path, name: str = "sleeper") -> Program:
    return Program(name, (sys.executable, "-c", "import time; time.sleep(60)"), tmp_path / f"{name}.log")


def test_a_killed_child_is_back_within_two_seconds(tmp_path: Path, signals: Signals) -> None:
    pids: list[int] = []

    def note_change() -> None:
        pids.append(supervisor.pids.get("sleeper", 0))
        if len({pid for pid in pids if pid}) == 2:
            signals.stop_requested = True

    supervisor = Supervisor(signals, note_change)
    first = supervisor.start(sleeper(tmp_path)).pid
    os.kill(first, signal.SIGKILL)
    began_s = time.monotonic()
    supervisor.watch()
    assert time.monotonic() - began_s < 2
    second = supervisor.pids["sleeper"]
    supervisor.stop()
    assert pids[0] == first != second
    assert not is_alive(second)


def test_a_child_that_cannot_start_is_an_error_with_its_log(tmp_path: Path, signals: Signals) -> None:
    supervisor = Supervisor(signals, lambda: None)
    failing = Program("failing", (sys.executable, "-c", "raise SystemExit('no room')"), tmp_path / "log")
    with pytest.raises(LauncherError, match=r"failing ended with 1:\nno room"):
        supervisor.wait_until_ready(supervisor.start(failing), lambda _pid: False)
    supervisor.stop()


def test_a_wish_to_stop_ends_the_wait(tmp_path: Path, signals: Signals) -> None:
    supervisor = Supervisor(signals, lambda: None)
    child = supervisor.start(sleeper(tmp_path))
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StopRequested):
        supervisor.wait_until_ready(child, lambda _pid: False)
    supervisor.stop()
    assert not is_alive(child.pid)


def test_children_are_stopped_last_started_first(
    tmp_path: Path, signals: Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    states: list[set[str]] = []
    supervisor = Supervisor(signals, lambda: states.append(set(supervisor.pids)))
    for name in ("database", "engine", "gateway"):
        supervisor.start(sleeper(tmp_path, name))
    supervisor.stop()
    assert states == [{"database"}, {"database", "engine"}, {"database", "engine", "gateway"}, set()]
