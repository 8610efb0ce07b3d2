"""One Valkey (or Redis) in one folder: its configuration, its start, its readiness. Knows no key."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.dev.ports import HOST
from tools.dev.processes import Program

AppendFsync = Literal["always", "everysec", "no"]

# A bound, so that a runaway test is refused by the server and not ended by the kernel.
_MAXMEMORY = "1gb"


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server that keeps an append-only file and never evicts: what it holds is money."""

    binary: str
    data: Path
    port: int
    password: str
    log: Path
    appendfsync: AppendFsync = "always"
    name: str = "valkey"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def program(self) -> Program:
        """Say how to run it; the configuration goes in by stdin, because arguments are seen by everybody."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Program(
            name=self.name,
            argv=(self.binary, "-"),
            log=self.log,
            env={"LC_ALL": "C"},
            stdin=self.configuration().encode(),
        )

    def configuration(self) -> str:
        """Write the configuration file."""
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.data}"',
            "appendonly yes",
            f"appendfsync {self.appendfsync}",
            'save ""',
            f"maxmemory {_MAXMEMORY}",
            "maxmemory-policy noeviction",
        ]
        return "\n".join(lines) + "\n"

    def is_ready(self, _pid: int) -> bool:
        """Tell whether it answers with its data loaded: while it loads, a PING gets an error."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return self._read_lines(connection, 2) == ["+OK", "+PONG"]
        except OSError:
            return False

    @staticmethod
    def _read_lines(connection: socket.socket, count: int) -> list[str]:
        with connection.makefile("r", encoding="utf-8", newline="\r\n") as replies:
            return [replies.readline().rstrip("\r\n") for _ in range(count)]
