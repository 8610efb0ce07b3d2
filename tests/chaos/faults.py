"""What a fault is; and those that end or stop processes: kill -9, SIGSTOP, a death at a named place, a second
reconciler. A fault names its subjects, so that a plan never harms one thing in two ways at once.
"""

import asyncio
import random
import signal
from dataclasses import dataclass, field
from typing import ClassVar

from tests.chaos.children import send
from tests.chaos.world import World


class Skipped(Exception):
    """The fault found nothing that it could harm; the message says why."""


@dataclass
class Fault:
    """`takes_s` is how long apply itself lasts, `lasts_s` how long after it undo follows. What a fault remembers
    between the two is no part of what it is."""

    lasts_s: float = 0.0
    takes_s: float = 0.0

    name: ClassVar[str] = ""
    # Whether Redis's data are gone or set back by it: a plan spaces these.
    loses_data: ClassVar[bool] = False

    @property
    def subjects(self) -> frozenset[str]:
        """What it harms: names of processes or links."""
        return frozenset()

    async def apply(self, world: World, draw: random.Random) -> None:
        """Do the harm; Skipped where it cannot be done."""
        raise NotImplementedError

    async def undo(self, world: World) -> None:
        """Take it back; may be called when the harm is gone already, e.g. because the process has died."""


@dataclass
class Crash(Fault):
    """kill -9 of some processes at once."""

    processes: tuple[str, ...] = ()

    name = "crash"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(self.processes)

    async def apply(self, world: World, draw: random.Random) -> None:
        running = [world.process_of(name) for name in self.processes]
        world.note(self.name, ", ".join(running))
        await asyncio.gather(*(world.children.kill(name) for name in running))


@dataclass
class Pause(Fault):
    """SIGSTOP: the process and all below it do nothing for a while, and know nothing of it afterwards."""

    process: str = ""

    name = "pause"
    _stopped: list[int] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([self.process])

    async def apply(self, world: World, draw: random.Random) -> None:
        name = world.process_of(self.process)
        self._stopped = world.children.pids(name)
        world.note(self.name, f"{name} for {self.lasts_s:.1f} s")
        send(self._stopped, signal.SIGSTOP)

    async def undo(self, world: World) -> None:
        send(self._stopped, signal.SIGCONT)


@dataclass
class AtFailpoint(Fault):
    """Dies (or stops) the next time it comes to a named place."""

    process: str = ""
    place: str = ""
    wish: str = "kill"

    name = "failpoint"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([self.process])

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"{self.process}: {self.wish} at {self.place}")
        folder = world.servers.failpoints_of(self.process)
        # Renamed into place: who finds the file must find the wish in it.
        written = folder / ".wish"
        written.write_text(self.wish)
        written.rename(folder / self.place)

    async def undo(self, world: World) -> None:
        (world.servers.failpoints_of(self.process) / self.place).unlink(missing_ok=True)
        if self.wish == "stop":
            world.children.signal(self.process, signal.SIGCONT)


@dataclass
class SecondReconciler(Fault):
    """Another reconciler on the same shards; then it is asked to leave, or killed."""

    leaves_politely: bool = False

    name = "second reconciler"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["reconciler-2"])

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"for {self.lasts_s:.1f} s")
        world.children.release("reconciler-2")

    async def undo(self, world: World) -> None:
        world.children.hold("reconciler-2")
        if self.leaves_politely:
            await world.children.stop("reconciler-2")
        else:
            await world.children.kill("reconciler-2")
