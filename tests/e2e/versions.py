"""Two versions of the product on the same stores: this one, and the one after it, whose events and scripts differ.

The next version is a copy of this one with a newer event schema: an event has one more field, an entry another
version. Must never be taken for a release.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from control_plane.accounts.creation import MadeAccount, NewAccount, create_account
from store.database import owner_connection
from tests.chaos.tree import Patch, make_tree
from tests.servers.postgres import DatabaseUrls
from tests.servers.waiting import eventually
from tools.dev.paths import ROOT
from tools.dev.ports import HOST, find_free_base
from tools.dev.probe import http_ready
from tools.dev.processes import Process, Program, tail

_SECRET = "a secret of the tests of two versions, and of nothing else"

NEXT_VERSION = (
    Patch("domain/events.py", "SCHEMA_VERSION = 3\n", "SCHEMA_VERSION = 4\n"),
    Patch(
        "domain/events.py",
        "    referral: Referral | None = None\n",
        '    referral: Referral | None = None\n    channel: str = "web"\n',
    ),
    Patch("lua/commit.lua", "'*', 'v', '3', 't'", "'*', 'v', '4', 't'"),
    Patch("lua/confirm.lua", "local meta =", "-- the next version\nlocal meta ="),
)


class Versions:
    """Processes of either version, by name; all end with it."""

    def __init__(
        self, folder: Path, urls: DatabaseUrls, redis_url: str, patches: Sequence[Patch] = NEXT_VERSION
    ) -> None:
        self.folder = folder
        self.urls = urls
        self._env = {
            "VAUCHFLOW_REDIS_URL": redis_url,
            "VAUCHFLOW_SECRET": _SECRET,
            "VAUCHFLOW_SHARDS": "1",
            "VAUCHFLOW_TRUST_AOF": "1",
            "VAUCHFLOW_HOST": HOST,
        }
        self._next = make_tree(folder / "next", patches)
        self._running: dict[str, Process] = {}
        self.account: MadeAccount = None  # type: ignore[assignment] # set on entry

    async def __aenter__(self) -> Self:
        async with owner_connection(self.urls.owner, "tests") as owner:
            new = NewAccount("Acme", "unlimited", "Shop", "EUR", 0)
            self.account = await create_account(owner, _SECRET.encode(), new, 1)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop_all()

    async def start(self, module: str, *, newer: bool = False, serving: bool = True) -> tuple[str, str]:
        """Start a process of this or the next version and wait until it can serve, if it is expected to; its name
        and its address."""
        name = f"{module}-{'next' if newer else 'this'}"
        port = find_free_base()
        program = Program(
            name=name,
            argv=(sys.executable, "-m", module),
            log=self.folder / f"{name}.log",
            env={**self._environment(), "VAUCHFLOW_PORT": str(port)},
            cwd=self._next if newer else ROOT,
        )
        process = self._running[name] = Process(program)
        is_ready = http_ready(port)

        async def serves() -> bool:
            assert process.exit_code() is None, tail(program.log, 40)
            return is_ready(process.pid)

        if serving:
            await eventually(serves, name)
        return name, f"http://{HOST}:{port}"

    def _environment(self) -> dict[str, str]:
        return {
            **self._env,
            "VAUCHFLOW_OWNER_DATABASE_URL": self.urls.owner,
            "VAUCHFLOW_APP_DATABASE_URL": self.urls.app,
            "VAUCHFLOW_RECONCILER_DATABASE_URL": self.urls.reconciler,
        }

    def pids(self) -> dict[str, int]:
        """The processes that run, by name."""
        return {name: process.pid for name, process in self._running.items()}

    def command_line(self, *arguments: str) -> str:
        """Run one of the operator's commands; what it prints."""
        command = (sys.executable, "-m", "control_plane.cli", *arguments)
        env = {**os.environ, **self._environment()}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60).stdout

    def stop(self, name: str) -> None:
        """End one in good order."""
        self._running.pop(name).stop()

    def stop_all(self) -> None:
        """End all of them, the last started first."""
        for name in reversed(list(self._running)):
            self.stop(name)
