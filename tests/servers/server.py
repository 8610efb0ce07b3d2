"""One server that a test may stop, kill and start again on the same port and data."""

from collections.abc import Callable

from tests.servers.waiting import wait_until
from tools.dev.processes import Process, Program, tail


class Server:
    """A program that runs at most once at a time."""

    def __init__(self, program: Program, is_ready: Callable[[int], bool]) -> None:
        self._program = program
        self._is_ready = is_ready
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert self._process is None, "already started"
        process = self._process = Process(self._program)
        wait_until(lambda: process.exit_code() is not None or self._is_ready(process.pid), what=self._program.name)
        assert process.exit_code() is None, tail(self._program.log)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is not None:
            self._process.stop()
            self._process = None
