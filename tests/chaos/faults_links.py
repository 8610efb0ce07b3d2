"""Faults of the network: what one link, or all links to one server, do to the bytes that go through."""

import random
from dataclasses import dataclass
from typing import Literal

from tests.chaos.faults import Fault
from tests.chaos.proxy import Direction
from tests.chaos.world import World


@dataclass
class _OfLinks(Fault):
    """`source` '' means every link to the target."""

    source: str = ""
    target: str = ""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([f"links to {self.target}"])

    def links(self, world: World) -> list[str]:
        """Those that it harms."""
        return world.links.named(self.source, self.target)

    @property
    def where(self) -> str:
        """For the note."""
        return f"{self.source or 'all'}->{self.target}"


@dataclass
class Silence(_OfLinks):
    """Nothing comes through. cut: at once known to both sides. hold: it all comes late. swallow: it never comes."""

    mode: Literal["cut", "hold", "swallow"] = "cut"

    name = "silence"

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"{self.mode} {self.where} for {self.lasts_s:.1f} s")
        await world.links.set(self.links(world), self.mode)

    async def undo(self, world: World) -> None:
        await world.links.set(self.links(world), "pass")


@dataclass
class Slowness(_OfLinks):
    """Each way of a link takes longer."""

    delay_ms: float = 0.0

    name = "slowness"

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"{self.delay_ms:.0f} ms on {self.where} for {self.lasts_s:.1f} s")
        await world.links.set(self.links(world), delay_ms=self.delay_ms)

    async def undo(self, world: World) -> None:
        await world.links.set(self.links(world), delay_ms=0.0)


@dataclass
class HalfClose(_OfLinks):
    """What is connected now loses one direction after so many more bytes, in the middle of a message."""

    after_bytes: int = 0
    direction: Direction = "down"

    name = "half-close"

    async def apply(self, world: World, draw: random.Random) -> None:
        world.note(self.name, f"{self.direction} of {self.where} after {self.after_bytes} bytes")
        await world.links.half_close(self.links(world), self.after_bytes, self.direction)
