"""Faults of the machine: a clock that steps, a disk that is full.

Both are undone while the process lives, or forgotten with it.
"""

import asyncio
import random
import resource
from dataclasses import dataclass, field

import asyncpg

from tests.chaos.faults import Fault, Skipped
from tests.chaos.world import World


@dataclass
class ClockStep(Fault):
    """The clock of one process is wrong by so much for a while, then right again: a step each time."""

    process: str = ""
    step_s: int = 0

    name = "clock step"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([f"clock of {self.process}"])

    async def apply(self, world: World, draw: random.Random) -> None:
        if self.process not in world.clocks:
            raise Skipped(f"the clock of {self.process} cannot be stepped here")
        world.note(self.name, f"{self.process} by {self.step_s} s for {self.lasts_s:.1f} s")
        self._set(world, self.step_s)

    async def undo(self, world: World) -> None:
        if self.process in world.clocks:
            self._set(world, 0)

    def _set(self, world: World, step_s: int) -> None:
        file = world.servers.clock_of(self.process)
        # Renamed into place: the process must never read half a number.
        written = file.with_suffix(".new")
        written.write_text(f"{step_s:+d}")
        written.replace(file)


_RECOVERS_WITHIN_S = 3.0


@dataclass
class DiskFull(Fault):
    """No file of the server may grow beyond what it has: a write fails as on a full disk. What a server does about it
    (refuse, or end itself) is its own affair; started again, it finds room."""

    process: str = "valkey"
    room_bytes: int = 0

    name = "disk full"
    _limited: list[int] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([self.process])

    async def apply(self, world: World, draw: random.Random) -> None:
        name = world.process_of(self.process)
        largest = 0
        if name != "postgres":
            files = (world.servers.valkey(name).data / "appendonlydir").glob("*.aof")
            largest = max((file.stat().st_size for file in files), default=0)
        self._limited = world.children.pids(name)
        world.note(self.name, f"{name} for {self.lasts_s:.1f} s")
        self._limit(largest + self.room_bytes)

    async def undo(self, world: World) -> None:
        # Children that were born meanwhile have it from their parent.
        self._limited += world.children.pids(world.process_of(self.process))
        self._limit(resource.RLIM_INFINITY)
        if self.process == "postgres":
            await self._start_anew(world)

    async def _start_anew(self, world: World) -> None:
        """A PostgreSQL whose recovery met the limit may stand for ever; who has made room starts it again."""
        try:
            async with asyncio.timeout(_RECOVERS_WITHIN_S):
                while not await _answers(world.database_url):  # noqa: ASYNC110 - another process has no event
                    await asyncio.sleep(0.2)
        except TimeoutError:
            world.note("started anew", "postgres")
            await world.children.kill("postgres")

    def _limit(self, most_bytes: int) -> None:
        for pid in self._limited:
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
            except ProcessLookupError:
                continue


async def _answers(url: str) -> bool:
    try:
        await (await asyncpg.connect(url, timeout=1.0)).close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
