"""Makes servers and stacks that a test may harm, and ends what the test left running."""

from collections.abc import Callable
from pathlib import Path

from tests.servers.postgres import PostgresServer
from tests.servers.stack import RunningStack
from tests.servers.valkey import ValkeyServer
from tools.dev.binaries import find_valkey
from tools.dev.valkey import AppendFsync


class ServerFactory:
    """Starts servers that a test may harm; what it started ends with the test."""

    def __init__(self, new_folder: Callable[[str], Path]) -> None:
        self._new_folder = new_folder
        self._started: list[PostgresServer | ValkeyServer] = []

    def postgres(self) -> PostgresServer:
        """A PostgreSQL that keeps what it has confirmed, so that killing it tells something."""
        server = PostgresServer(self._new_folder("postgres"), throw_away=False)
        self._started.append(server)
        server.start()
        return server

    def valkey(self, appendfsync: AppendFsync = "always", binary: str | None = None) -> ValkeyServer:
        """A Valkey with its own append-only file."""
        server = ValkeyServer(binary or find_valkey(), self._new_folder("valkey"), appendfsync=appendfsync)
        self._started.append(server)
        server.start()
        return server

    def stop_all(self) -> None:
        """Leave nothing behind."""
        for server in self._started:
            server.stop()


class StackFactory:
    """Starts stacks: `stack_factory(engines=2)`, or with more of ./dev's options."""

    def __init__(self, new_folder: Callable[[str], Path]) -> None:
        self._new_folder = new_folder
        self._started: list[RunningStack] = []

    def __call__(self, *options: str, engines: int = 1) -> RunningStack:
        """Start one and return it when it is ready."""
        running = RunningStack(self._new_folder("stack"), *options, engines=engines)
        self._started.append(running)
        running.start()
        return running

    def stop_all(self) -> None:
        """Leave nothing behind."""
        for running in self._started:
            running.stop()
