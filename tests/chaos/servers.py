"""How the processes of a world are started: which program, which addresses, which files. Starts none of them.

Every address that a process is given is a link of the proxy's; only the driver knows the servers' own.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tools.dev.binaries import find_postgres, find_valkey
from tools.dev.paths import Home
from tools.dev.ports import HOST, Ports, find_free_base, is_free
from tools.dev.postgres import DATABASE, OWNER, Cluster
from tools.dev.privileges import unprivileged
from tools.dev.probe import http_ready
from tools.dev.processes import Program
from tools.dev.product import Product
from tools.dev.state import Secrets
from tools.dev.supervisor import ReadyCheck
from tools.dev.valkey import AppendFsync, Valkey

SHARDS = 2
ENGINES = ("engine-1", "engine-2")
RECONCILERS = ("reconciler-1", "reconciler-2")
PRODUCT = (*ENGINES, *RECONCILERS, "control_plane")
CLIENT_TARGETS = (*ENGINES, "control_plane")
VALKEYS = ("valkey", "valkey-replica")


@dataclass(frozen=True, slots=True)
class ChaosValkey(Valkey):
    """A Valkey that may be a replica. It loads what a crash has left of its file, as most installations do."""

    primary_port: int = 0

    def configuration(self) -> str:
        """Write the configuration file."""
        lines = [
            "aof-load-truncated yes",
            "repl-diskless-sync-delay 0",
            "repl-timeout 5",
            "repl-ping-replica-period 1",
            f"masterauth {self.password}",
        ]
        if self.primary_port:
            lines.append(f"replicaof {HOST} {self.primary_port}")
        return Valkey.configuration(self) + "\n".join(lines) + "\n"


def via(url: str, port: int) -> str:
    """The same address through a link."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@{HOST}:{port}"))


class Servers:
    """Every process of one world, as programs."""

    def __init__(self, folder: Path, tree: Path, appendfsync: AppendFsync, trust_aof: bool) -> None:
        self._folder = folder
        self._tree = tree
        self._appendfsync: AppendFsync = appendfsync
        self._trust_aof = trust_aof
        self.home = Home(folder)
        self.home.create()
        self.secrets = Secrets()
        self.ports = Ports(_free_base())
        postgres_home = folder / "postgres"
        postgres_home.mkdir(exist_ok=True)
        for shared in (folder, postgres_home):
            unprivileged().hand_over(shared)
        self.cluster = Cluster(
            binaries=find_postgres(),
            home=postgres_home,
            port=self.ports.postgres,
            superuser_password=self.secrets.postgres_superuser_password,
            log=self.home.log_of("postgres"),
        )

    @property
    def database_url(self) -> str:
        """The database as its owner sees it, directly."""
        return self.cluster.url(OWNER, self.secrets.owner_password, DATABASE)

    def port_of(self, name: str) -> int:
        """Where a process listens."""
        ports = self.ports
        return {
            "engine-1": ports.engine(0),
            "engine-2": ports.engine(1),
            "control_plane": ports.control_plane,
            "postgres": ports.postgres,
            "valkey": ports.valkey,
            "reconciler-1": ports.reconciler,
            "valkey-replica": ports.base + 6,
            "reconciler-2": ports.base + 7,
        }[name]

    def targets(self) -> dict[str, int]:
        """All links, with the port each goes to at first."""
        links = {f"{name}->{server}": self.port_of(server) for name in PRODUCT for server in ("postgres", "valkey")}
        # A link to `valkey` goes to whoever is the primary; the replication's links to the server they name.
        links |= {f"replication->{name}": self.port_of(name) for name in VALKEYS}
        return links | {f"clients->{name}": self.port_of(name) for name in CLIENT_TARGETS}

    def valkey(self, name: str, primary_port: int = 0) -> ChaosValkey:
        """One of the two; `primary_port` is 0 for the primary."""
        return ChaosValkey(
            binary=find_valkey(),
            data=self._folder / name,
            port=self.port_of(name),
            password=self.secrets.redis_password,
            log=self.home.log_of(name),
            appendfsync=self._appendfsync,
            name=name,
            primary_port=primary_port,
        )

    def failpoints_of(self, name: str) -> Path:
        """The folder in which a process looks for its wishes to die."""
        return self._folder / "failpoints" / name

    def clock_of(self, name: str) -> Path:
        """The file that a process's clock follows, where it does."""
        return self._folder / f"clock-{name}"

    def program(self, name: str, links: Mapping[str, int]) -> Program:
        """A process of the product, which sees both stores through its own links."""
        product = self._product(via(self.database_url, links[f"{name}->postgres"]), links[f"{name}->valkey"])
        if name in ENGINES:
            program = product.engine(ENGINES.index(name))
        else:
            program = product.control_plane() if name == "control_plane" else product.reconciler()
        failpoints = self.failpoints_of(name)
        failpoints.mkdir(parents=True, exist_ok=True)
        more = {"VAUCHFLOW_FAILPOINTS": str(failpoints), "VAUCHFLOW_PORT": str(self.port_of(name))}
        return replace(self.in_tree(program, **more), name=name, log=self.home.log_of(name))

    def migrate(self) -> Program:
        """Roles and tables."""
        return self.in_tree(self._product(self.database_url, self.ports.valkey).migrate())

    def command_line(self, redis_url: str, *arguments: str) -> Program:
        """The operator's command line."""
        product = self._product(self.database_url, self.ports.valkey)
        program = product.create_account()
        python = program.argv[0]
        return replace(
            self.in_tree(program, VAUCHFLOW_REDIS_URL=redis_url),
            name="command-line",
            argv=(python, "-m", "control_plane.cli", *arguments),
            log=self.home.log_of("command-line"),
        )

    def ready_check(self, name: str) -> ReadyCheck:
        """Whether a process does its work, asked directly."""
        if name == "postgres":
            return self.cluster.is_ready
        if name in VALKEYS:
            return self.valkey(name).is_ready
        return http_ready(self.port_of(name))

    def in_tree(self, program: Program, **more: str) -> Program:
        """A program of the product, from the copy."""
        env = {**program.env, "PYTHONPATH": str(self._tree), "VAUCHFLOW_SHARDS": str(SHARDS), **more}
        return replace(program, cwd=self._tree, env=env)

    def _product(self, owner_url: str, redis_port: int) -> Product:
        redis_url = via(self.valkey("valkey").url, redis_port)
        return Product(self.home, self.ports, self.secrets, owner_url, redis_url, self._trust_aof)


def _free_base() -> int:
    for _ in range(20):
        base = find_free_base(len(ENGINES))
        if is_free(base + 6) and is_free(base + 7):
            return base
    raise AssertionError("no room for a world")


def drawn_delay_s(draw: random.Random) -> float:
    """How long whoever restarts a process takes to notice."""
    return draw.uniform(0.05, 1.0)
