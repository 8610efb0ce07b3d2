"""The whole of ./dev in a temporary folder, and what a test may do to it."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT, Home
from tools.dev.ports import find_free_base
from tools.dev.probe import http_ready
from tools.dev.processes import Process, Program, tail
from tools.dev.state import State

_START_TIMEOUT_S = 90.0


class RunningStack:
    """One ./dev, started as a person starts it, that ends with the tests at the latest."""

    def __init__(self, folder: Path, *options: str, engines: int = 1) -> None:
        self.home = Home(folder)
        self.home.create()
        self.base_port = find_free_base(engines)
        arguments = ("--data", str(folder), "--port", str(self.base_port), "--engines", str(engines))
        self._program = Program(
            name="dev",
            argv=(sys.executable, str(ROOT / "dev"), *arguments, *options),
            # Not among the logs of its children, which it removes when it starts.
            log=folder / "output.log",
            env={"DATABASE_URL": "", "REDIS_URL": ""},
        )
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The launcher itself."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def state(self) -> State:
        """dev.json as it is now."""
        return State.load(self.home.state_file)

    @property
    def output(self) -> str:
        """What the launcher has said."""
        return self._program.log.read_text()

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        self._program.log.unlink(missing_ok=True)
        process = self._process = Process(self._program)
        wait_until(
            lambda: process.exit_code() is not None or "is ready" in self.output,
            what="./dev",
            timeout_s=_START_TIMEOUT_S,
        )
        assert process.exit_code() is None, tail(self._program.log, 60)

    def stop(self) -> int | None:
        """Stop it as a person does, and return its exit code."""
        if self._process is None:
            return None
        self._process.ask_to_stop()
        process, self._process = self._process, None
        wait_until(lambda: process.exit_code() is not None, what="the end of ./dev")
        return process.exit_code()

    def kill_launcher(self) -> None:
        """Kill the launcher itself; its children must follow it without its help."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        process, self._process = self._process, None
        wait_until(lambda: process.exit_code() is not None, what="the launcher's death")

    def kill(self, name: str) -> int:
        """Kill one process of the stack; return the pid it had."""
        pid = self.state.pids[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def command_line(self, *arguments: str) -> str:
        """Run one of the operator's commands on this stack; what it prints."""
        command = (sys.executable, str(ROOT / "dev"), "vauchflow", "--data", str(self.home.path), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def wait_for_restart(self, name: str, old_pid: int, timeout_s: float = 10.0) -> int:
        """Wait until the process runs under a new pid, and return that."""
        wait_until(lambda: self.state.pids.get(name, old_pid) != old_pid, what=f"{name} again", timeout_s=timeout_s)
        return self.state.pids[name]

    def wait_until_serving(self) -> None:
        """Wait until each plane answers /readyz with 200."""
        state = self.state
        for url in (state.engine_url, state.control_url, state.api_url):
            is_ready = http_ready(int(url.rpartition(":")[2]))
            wait_until(partial(is_ready, 0), what=url)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and not yet reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
