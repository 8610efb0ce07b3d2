"""Children end with their parent, however it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.stack import is_alive
from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT
from tools.dev.processes import Process, Program, tail

_PARENT = """
import sys, time
from pathlib import Path
from tools.dev.processes import Process, Program
child = Process(Program("child", (sys.executable, "-c", "import time; time.sleep(60)"), Path(sys.argv[1])))
print(child.pid, flush=True)
time.sleep(60)
"""


def program(tmp_path: Path, code: str, **more: object) -> Program:
    return Program("child", (sys.executable, "-c", code), tmp_path / "log", **more)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tether is Linux's")
def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    wait_until(lambda: not is_alive(child), what="the child's death")


def test_stdin_and_output_arrive(tmp_path: Path) -> None:
    child = Process(program(tmp_path, "print(input().upper())", stdin=b"hello\n"))
    wait_until(lambda: child.exit_code() is not None, what="the child's end")
    assert tail(tmp_path / "log") == "HELLO"


def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child = Process(program(tmp_path, code, stop_timeout_s=0.1))
    wait_until(lambda: "deaf" in tail(tmp_path / "log"), what="the child")
    child.stop()
    assert child.exit_code() == -signal.SIGKILL


def test_killing_a_child_ends_what_it_forked(tmp_path: Path) -> None:
    code = "import os, time; pid = os.fork(); pid and print(pid, flush=True); time.sleep(60)"
    child = Process(program(tmp_path, code))
    wait_until(lambda: tail(tmp_path / "log").isdigit(), what="the grandchild")
    grandchild = int(tail(tmp_path / "log"))
    child.kill()
    wait_until(lambda: not is_alive(grandchild), what="the grandchild's death")


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_a_child_does_not_inherit_ignored_signals(tmp_path: Path) -> None:
    child = Process(Program("child", ("grep", "SigIgn", "/proc/self/status"), tmp_path / "log"))
    wait_until(lambda: child.exit_code() is not None, what="the child's end")
    ignored = int(tail(tmp_path / "log").split("\t")[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGINT - 1))
