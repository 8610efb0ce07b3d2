"""Faults of Valkey and of its data: flushed, gone, set back to an older copy, torn, full, without its scripts.

Each that loses data says so in world.losses before Valkey answers again: a judge must never take such a loss for one
that nothing excuses.
"""

import asyncio
import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.children import send
from tests.chaos.faults import Fault, Skipped
from tests.chaos.servers import ENGINES
from tests.chaos.world import World

_COPY_LOADS_WITHIN_S = 10.0
_MAXMEMORY = "1gb"


@dataclass
class _OfValkey(Fault):
    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["valkey"])


@dataclass
class ForgetScripts(_OfValkey):
    """SCRIPT FLUSH: the next call of each script finds that it is not known."""

    name = "script flush"

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name)
        async with world.redis() as client:
            await client.script_flush()


@dataclass
class Flush(_OfValkey):
    """FLUSHALL: the same server, with nothing in it."""

    name = "flushall"
    loses_data = True

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name)
        world.lose("disk", f"{world.primary} (flushed)")
        async with world.redis() as client:
            await client.flushall()


@dataclass
class _SetBack(_OfValkey):
    """Killed, its folder harmed while it is down, started again."""

    loses_data = True

    async def harmed(self, world: World, data: Path, draw: random.Random) -> None:
        """Harm the folder."""
        raise NotImplementedError

    async def apply(self, world: World, draw: random.Random) -> None:
        name, children = world.primary, world.children
        children.hold(name)
        try:
            world.note(self.name, name)
            world.lose("disk", f"{name} ({self.name})")
            await children.kill(name)
            await self.harmed(world, world.servers.valkey(name).data, draw)
        finally:
            children.release(name)


@dataclass
class DataGone(_SetBack):
    """The data folder deleted; with the engines killed too, if asked for, nobody has a second copy."""

    with_engines: bool = False

    name = "data gone"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["valkey", *(ENGINES if self.with_engines else ())])

    async def harmed(self, world: World, data: Path, draw: random.Random) -> None:
        shutil.rmtree(data)
        if self.with_engines:
            for engine in ENGINES:
                await world.children.kill(engine)


@dataclass
class TornTail(_SetBack):
    """The append-only file ends in the middle of a command: as after a crash of the machine."""

    most_bytes: int = 1

    name = "torn tail"

    async def harmed(self, world: World, data: Path, draw: random.Random) -> None:
        last = max((data / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime, default=None)
        if last is None:
            return
        size = last.stat().st_size
        torn = min(size, draw.randint(1, self.most_bytes))
        world.note(self.name, f"{torn} of {size} bytes")
        with last.open("r+b") as file:
            file.truncate(size - torn)


@dataclass
class OlderCopy(_SetBack):
    """Restarted with a copy of its append-only file that was taken `takes_s` before."""

    name = "older copy"

    async def apply(self, world: World, draw: random.Random) -> None:
        name = await self.copied(world)
        await asyncio.sleep(self.takes_s)
        await self.come_back(world, name, draw)

    async def copied(self, world: World) -> str:
        """Take the copy of the primary's data; the primary."""
        name = world.primary
        data, copy = world.servers.valkey(name).data / "appendonlydir", world.folder / "older-copy"
        shutil.rmtree(copy, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, data, copy)
        return name

    async def come_back(self, world: World, name: str, draw: random.Random) -> None:
        """Go on with the copy."""
        if world.primary != name:
            raise Skipped(f"{name} is not the primary any more")
        await super().apply(world, draw)
        try:
            await world.children.ready([name], _COPY_LOADS_WITHIN_S)
        except TimeoutError:
            # Taken while the files were being exchanged. It must not keep the world down.
            world.note("the copy did not load", "its data are gone instead")
            await DataGone().apply(world, draw)

    async def harmed(self, world: World, data: Path, draw: random.Random) -> None:
        shutil.rmtree(data / "appendonlydir")
        shutil.copytree(world.folder / "older-copy", data / "appendonlydir")


@dataclass
class LedgerBehind(_OfValkey):
    """The reconciler stands still while selling goes on; then Redis's data are gone, and with them all that was not
    settled yet: the only copy is in the engines' rings."""

    flushed: bool = False

    name = "data gone, ledger behind"
    loses_data = True

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["valkey", "reconciler-1", "reconciler-2"])

    async def apply(self, world: World, draw: random.Random) -> None:
        stopped = world.children.pids("reconciler-1")
        world.note(self.name, f"reconciler-1 for {self.takes_s:.1f} s")
        send(stopped, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.takes_s)
            await (Flush() if self.flushed else DataGone()).apply(world, draw)
        finally:
            send(stopped, signal.SIGCONT)


@dataclass
class MemoryFull(_OfValkey):
    """maxmemory just above what is used."""

    room_bytes: int = 0

    name = "maxmemory"

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"{self.room_bytes} bytes of room for {self.lasts_s:.1f} s")
        async with world.redis() as client:
            used = (await client.info("memory"))["used_memory"]
            await client.config_set("maxmemory", used + self.room_bytes)

    async def undo(self, world: World) -> None:
        async with world.redis() as client:
            await client.config_set("maxmemory", _MAXMEMORY)
