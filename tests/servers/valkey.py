"""A Valkey or Redis of the tests' own, with an append-only file that is synced before each answer."""

from pathlib import Path

import redis

from tests.servers.server import Server
from tools.dev.ports import find_free_base
from tools.dev.valkey import AppendFsync, Valkey


class ValkeyServer(Server):
    """One server; its data stay over `kill` and `start`."""

    def __init__(self, binary: str, home: Path, *, appendfsync: AppendFsync = "always") -> None:
        self._valkey = Valkey(
            binary=binary,
            data=home / "data",
            port=find_free_base(),
            password="redis-of-a-test",
            log=home / "valkey.log",
            appendfsync=appendfsync,
        )
        super().__init__(self._valkey.program(), self._valkey.is_ready)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._valkey.url

    @property
    def data(self) -> Path:
        """Its folder, for tests that damage the append-only file."""
        return self._valkey.data

    def flush(self) -> None:
        """Forget everything, scripts included."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.script_flush()
