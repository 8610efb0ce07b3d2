"""One Vauchflow of real processes, whose network and whose processes faults may harm. Judges nothing.

Two engines, a reconciler, the control plane, PostgreSQL, Valkey, and a replica of it where asked for; every way from
one to another is a link of the proxy's, the clients' ways included. What dies is started again after a drawn delay.
"""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import redis.asyncio as aioredis

from tests.chaos.children import Child, Children
from tests.chaos.clocks import draw_clocks, find_faketime, stepped_clock
from tests.chaos.links import Links
from tests.chaos.servers import ENGINES, RECONCILERS, SHARDS, VALKEYS, Servers
from tools.dev.ports import HOST
from tools.dev.processes import Program, run_to_end

START_S = 60.0


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was done to the world, or happened in it. `at` is time.monotonic()."""

    at: float
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Loss:
    """What guarantees may depend on: Redis's data gone or set back (disk, stale), or an engine that died (engine)."""

    at: float
    kind: Literal["disk", "engine", "stale"]
    name: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One account with one project, on a shard of its own."""

    account_id: str
    project_id: str
    secret_key: str
    admin_key: str
    shard: int


class World:
    """Start it, use it, harm it, stop it."""

    def __init__(
        self, folder: Path, seed: int, tree: Path, *, appendfsync: Literal["always", "everysec"], replica: bool
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.appendfsync = appendfsync
        self.has_replica = replica
        self.trust_aof = appendfsync == "always" and not replica
        folder.mkdir(parents=True, exist_ok=True)
        self.servers = Servers(folder, tree, appendfsync, self.trust_aof)
        self.links = Links(folder)
        self.children = Children(seed, self._on_death)
        self.primary = "valkey"
        self.tenants: list[Tenant] = []
        self.notes: list[Note] = []
        self.losses: list[Loss] = []
        # Ids of redemptions that a fault put into a stream, and the campaign of each shard that is only for them.
        self.injected: list[str] = []
        self.injected_campaigns: dict[int, str] = {}
        # What redemptions of cards took that a fault had delivered twice: since when, of which counter, how much.
        self.repeated: list[tuple[float, str, int]] = []
        # What a fault saw that must never be.
        self.surprises: list[str] = []
        # Processes that see a clock which a fault can step, where that can be done at all: not in every run, because
        # it makes them a little slower.
        self._faketime = find_faketime()
        self.clocks: tuple[str, ...] = draw_clocks(seed) if self._faketime else ()
        # Whether the proxy may keep its clients while it goes on to another server.
        self.keeps = seed % 8 == 7

    # -- addresses -----------------------------------------------------------------------------------------------------

    @property
    def engine_urls(self) -> list[str]:
        """The engines, through the clients' links."""
        return [self._through(f"clients->{name}") for name in ENGINES]

    @property
    def control_url(self) -> str:
        """The control plane, through the clients' link."""
        return self._through("clients->control_plane")

    @property
    def database_url(self) -> str:
        """PostgreSQL as the owner, directly: for reading facts."""
        return self.servers.database_url

    @property
    def redis_url(self) -> str:
        """Who is the primary now, directly: for reading facts."""
        return self.servers.valkey(self.primary).url

    @property
    def replica(self) -> str:
        """The other Valkey."""
        return VALKEYS[1 - VALKEYS.index(self.primary)]

    def process_of(self, subject: str) -> str:
        """The process that a fault means: `valkey` is the primary, whichever that is now."""
        return self.primary if subject == "valkey" else self.replica if subject == "valkey-replica" else subject

    def redis(self, name: str | None = None) -> Any:
        """A client of one Valkey, the primary if none is named; for the length of a fault."""
        return aioredis.Redis.from_url(
            self.servers.valkey(name or self.primary).url, socket_timeout=3.0, socket_connect_timeout=1.0
        )

    # -- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Everything, in the order in which one needs the other; on a failure nothing is left behind."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill all of it. What a world has to tell is in its stores before this, and in its logs."""
        await self.children.end()
        await self.links.stop()

    async def command_line(self, *arguments: str) -> str:
        """One of the operator's commands; what it prints. LauncherError where it fails."""
        return await self._run(self.servers.command_line(self.redis_url, *arguments))

    def note(self, what: str, detail: str = "") -> None:
        """Remember what was done or happened."""
        self.notes.append(Note(time.monotonic(), what, detail))

    def lose(self, kind: Literal["disk", "engine", "stale"], name: str) -> None:
        """Remember what may be gone."""
        self.losses.append(Loss(time.monotonic(), kind, name))

    async def ready(self, within_s: float = START_S) -> None:
        """Wait until everything that is meant to run does its work."""
        await self.children.ready(self.children.names(), within_s)

    async def _start(self) -> None:
        servers, children = self.servers, self.children
        await asyncio.to_thread(servers.cluster.create, servers.secrets.owner_password)
        await self.links.start(servers.targets())
        self._add_children()
        stores = ["postgres", *(VALKEYS if self.has_replica else VALKEYS[:1])]
        for name in stores:
            children.start(name)
        await children.ready(stores, START_S)
        await self._run(servers.migrate())
        self.tenants = [await self._tenant(shard) for shard in range(SHARDS)]
        for name in children.names():
            if children[name].process is None:
                children.start(name)
        children.watch()
        await self.ready()

    def _add_children(self) -> None:
        servers = self.servers
        self.children.add(self._child("postgres"))
        for name in VALKEYS if self.has_replica else VALKEYS[:1]:
            self.children.add(self._child(name))
        for name in (*RECONCILERS, "control_plane", *ENGINES):
            self.children.add(self._child(name), held=name == "reconciler-2")
        for name in (*RECONCILERS, "control_plane", *ENGINES):
            servers.failpoints_of(name).mkdir(parents=True, exist_ok=True)

    def _child(self, name: str) -> Child:
        return Child(name, lambda: self._with_clock(self._program(name)), self.servers.ready_check(name))

    def _with_clock(self, program: Program) -> Program:
        if self._faketime is None or program.name not in self.clocks:
            return program
        return replace(
            program, env={**program.env, **stepped_clock(self._faketime, self.servers.clock_of(program.name))}
        )

    def _program(self, name: str) -> Program:
        """How it is started as things stand now."""
        if name == "postgres":
            return self.servers.cluster.program()
        if name in VALKEYS:
            follows = 0 if name == self.primary else self.links.ports[f"replication->{self.primary}"]
            return self.servers.valkey(name, follows).program()
        return self.servers.program(name, self.links.ports)

    async def _tenant(self, shard: int) -> Tenant:
        name = f"Tenant {shard}"
        said = await self.command_line("account", "create", "--name", name, "--project", name, "--shard", str(shard))
        made = json.loads(said)
        return Tenant(made["account_id"], made["project_id"], made["secret_key"], made["admin_key"], shard)

    async def _run(self, program: Program) -> str:
        return await asyncio.to_thread(run_to_end, program)

    def _through(self, link: str) -> str:
        return f"http://{HOST}:{self.links.ports[link]}"

    def _on_death(self, name: str, code: int) -> None:
        self.note("died", f"{name} ({code})")
        if name in ENGINES and code != 0:
            self.lose("engine", name)
        elif name == self.primary and code != 0 and self.appendfsync != "always":
            # What a write that was put off behind a running fsync had not yet given to the kernel.
            self.lose("disk", f"{name} (everysec)")
