"""Throw-away servers for one benchmark: PostgreSQL once; for each appendfsync a database, a Valkey, an engine, a second
one beside it (the same without a committer, or that of another revision), and a reconciler. Made of the launcher's own
parts, so that what is measured is what runs.

PostgreSQL keeps its fsync: the ledger's durability is part of what is measured.
"""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import asyncpg
import msgspec

from tools.dev.binaries import find_postgres, find_valkey
from tools.dev.paths import Home
from tools.dev.ports import Ports, find_free_base
from tools.dev.postgres import OWNER, Cluster
from tools.dev.probe import http_ready
from tools.dev.processes import Program, run_to_end
from tools.dev.product import Product
from tools.dev.signals import Signals
from tools.dev.state import Secrets
from tools.dev.supervisor import StopRequested, Supervisor
from tools.dev.valkey import AppendFsync, Valkey

from .queries import query

_REAL, _SECOND = 0, 1


class Account(msgspec.Struct, frozen=True):
    """What the operator's command line printed."""

    account_id: str
    project_id: str
    secret_key: str


class Database:
    """The PostgreSQL that every site has a database on."""

    def __init__(self, home: Path, signals: Signals) -> None:
        self._home = home
        self._signals = signals
        self._supervisor = Supervisor(signals, on_change=lambda: None)
        self.secrets = Secrets()
        self.cluster = Cluster(
            binaries=find_postgres(),
            home=home,
            port=find_free_base(),
            superuser_password=self.secrets.postgres_superuser_password,
            log=home / "postgres.log",
        )
        self.pid = 0

    def start(self) -> None:
        """Make it and start it."""
        self.cluster.create(self.secrets.owner_password)
        process = self._supervisor.start(self.cluster.program())
        self._supervisor.wait_until_ready(process, self.cluster.is_ready)
        self.pid = process.pid

    def create(self, name: str) -> str:
        """Make an empty database and return its owner's URL."""
        asyncio.run(_execute(self.cluster.superuser_url(), query("create_database").format(name=name, owner=OWNER)))
        return self.cluster.url(OWNER, self.secrets.owner_password, name)

    def stop(self) -> None:
        """End it."""
        self._supervisor.stop()


class Site:
    """One running Vauchflow of a given appendfsync. `older` is a folder with another revision, whose engine then takes
    the place of the null engine."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        signals: Signals,
        appendfsync: AppendFsync,
        older: Path | None = None,
    ) -> None:
        self.home = Home(folder)
        self.home.create()
        self.ports = Ports(find_free_base(engines=2))
        self.owner_url = database.create(appendfsync)
        self.pids: dict[str, int] = {"postgres": database.pid}
        self._signals = signals
        self._supervisor = Supervisor(signals, on_change=lambda: None)
        self._valkey = Valkey(
            binary=find_valkey(),
            data=folder / "valkey",
            port=self.ports.valkey,
            password=database.secrets.redis_password,
            log=self.home.log_of("valkey"),
            appendfsync=appendfsync,
        )
        trusted = appendfsync == "always"
        self._product = Product(
            self.home, self.ports, database.secrets, self.owner_url, self._valkey.url, trust_aof=trusted
        )
        self.redis_url = self._valkey.url
        self.real_port, self.second_port = self.ports.engine(_REAL), self.ports.engine(_SECOND)
        self._older = older

    def start(self) -> Account:
        """Start everything that serves, and make the account whose codes are redeemed."""
        product, supervisor = self._product, self._supervisor
        valkey = supervisor.start(self._valkey.program())
        supervisor.wait_until_ready(valkey, self._valkey.is_ready)
        run_to_end(product.migrate())
        account = self.open_account()
        programs = (
            (product.reconciler(), self.ports.reconciler),
            (product.engine(_REAL), self.real_port),
            (self._second(), self.second_port),
        )
        children = [(supervisor.start(program), port) for program, port in programs]
        for child, port in children:
            supervisor.wait_until_ready(child, http_ready(port))
        self.pids |= {"redis": valkey.pid} | {child.program.name: child.pid for child, _ in children}
        return account

    def open_account(self) -> Account:
        """One account more, with a project of its own."""
        return msgspec.convert(json.loads(run_to_end(self._product.create_account())), Account)

    def _second(self) -> Program:
        program = self._product.engine(_SECOND)
        if self._older is None:
            return dataclasses.replace(program, name="null", argv=(sys.executable, "-m", "bench.null_engine"))
        return dataclasses.replace(program, name="older", cwd=self._older)

    def start_control_plane(self) -> Supervisor:
        """Start the control plane on its own; whoever needed it stops it, so that it takes no part in what follows."""
        supervisor = Supervisor(self._signals, on_change=lambda: None)
        child = supervisor.start(self._product.control_plane())
        supervisor.wait_until_ready(child, http_ready(self.ports.control_plane))
        return supervisor

    def stop(self) -> None:
        """End it, in the reverse order of its start."""
        self._supervisor.stop()

    def check_stop(self) -> None:
        """Leave if a person has asked to."""
        if self._signals.stop_requested:
            raise StopRequested


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
