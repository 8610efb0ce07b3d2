"""Starts and ends child processes so that none can outlive the launcher. Knows nothing of what they do."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.dev.console import LauncherError
from tools.dev.paths import ROOT

_TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one child, and how it likes to be stopped."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    stdin: bytes = b""
    # Runs before the tether, because a change of user makes the kernel forget the tether.
    prefix: tuple[str, ...] = ()
    # Where the product's packages are found; a copy of the tree runs from its own folder.
    cwd: Path = ROOT


class Process:
    """One running child, in a session of its own: a Ctrl-C in the terminal reaches only the launcher."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.started_s = time.monotonic()
        self._popen = self._spawn()

    @property
    def pid(self) -> int:
        """The child's process id; the tether became the child, so there is only the one."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it lives."""
        return self._popen.poll()

    def kill(self) -> None:
        """End the child at once, with whatever it left in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def ask_to_stop(self) -> None:
        """Send the polite signal."""
        self._popen.send_signal(self.program.stop_signal)

    def stop(self) -> None:
        """Ask, wait, and in the end insist."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(self.program.stop_timeout_s)
        self.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = self.program
        tether = (sys.executable, "-I", "-S", str(_TETHER), program.stop_signal.name, str(os.getpid()))
        with program.log.open("ab") as log:
            popen = subprocess.Popen(
                [*program.prefix, *tether, *program.argv],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.env},
                cwd=program.cwd,
                start_new_session=True,
            )
        if popen.stdin is None:
            raise AssertionError("a pipe was asked for")
        # A child that died at once has closed its end; whoever waits for it to be ready will see the log.
        with contextlib.suppress(BrokenPipeError), popen.stdin:
            popen.stdin.write(program.stdin)
        return popen


def run_to_end(program: Program) -> str:
    """Run a command to its end and return what it printed; LauncherError with its log where it failed."""
    with program.log.open("ab") as log:
        result = subprocess.run(
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **program.env},
            cwd=program.cwd,
            start_new_session=True,
            check=False,
        )
    if result.returncode != 0:
        raise LauncherError(f"{program.name} ended with {result.returncode}:\n{tail(program.log)}")
    return result.stdout.decode()


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log, for an error message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
