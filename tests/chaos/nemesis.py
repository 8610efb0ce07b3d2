"""Draws faults from a seed and brings them over a world. The plan is pure: the same seed, the same plan.

Never so many faults that nothing is ever sold: what loses Redis's data comes at most every 25 s, nothing is harmed in
two ways at once, and now and then there is a pause in which all heals.
"""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass

import asyncpg
from redis.exceptions import RedisError

from tests.chaos.choosing import Kind, draw_fault
from tests.chaos.faults import Fault, Skipped
from tests.chaos.world import World
from tools.dev.console import LauncherError

FIRST_S = 2.0
"""What a plan leaves alone at first, so that something is sold before the first fault."""

LOSSES_APART_S = 25.0
SETTLES_S = 2.0
"""How long after a fault its subjects are left alone."""

_MAY_FAIL: tuple[type[Exception], ...] = (
    Skipped,
    OSError,
    TimeoutError,
    RedisError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    LauncherError,
)
"""What a fault meets where another has left nothing to harm."""


@dataclass(frozen=True)
class Step:
    """A fault and its time, in seconds from the start of the run."""

    at_s: float
    fault: Fault

    @property
    def ends_s(self) -> float:
        """When it is over and undone."""
        return self.at_s + self.fault.takes_s + self.fault.lasts_s


def plan(seed: int, minutes: float, kind: Kind) -> tuple[Step, ...]:
    """The faults of a run, in the order of their times; each is over when the run is."""
    draw = random.Random(f"{seed} plan")
    steps: list[Step] = []
    free_at: dict[str, float] = {}
    loss_at = 0.0
    at_s = FIRST_S + draw.uniform(0, 2)
    while at_s < minutes * 60:
        fault = draw_fault(draw, kind)
        step = Step(round(at_s, 2), fault)
        is_free = all(free_at.get(subject, 0.0) <= at_s for subject in fault.subjects)
        may_lose = not fault.loses_data or at_s >= loss_at
        if is_free and may_lose and step.ends_s <= minutes * 60:
            steps.append(step)
            free_at |= dict.fromkeys(fault.subjects, step.ends_s + SETTLES_S)
            if fault.loses_data:
                loss_at = step.ends_s + LOSSES_APART_S
            at_s += draw.uniform(1.5, 5.0) if draw.random() > 0.1 else draw.uniform(6.0, 9.0)
        else:
            at_s += 0.5
    return tuple(steps)


def _kind_of(world: World) -> Kind:
    return Kind(world.has_replica, world.clocks, world.keeps)


class Nemesis:
    """One plan on one world."""

    def __init__(self, world: World, seed: int, minutes: float, steps: tuple[Step, ...] | None = None) -> None:
        self._world = world
        self._steps = plan(seed, minutes, _kind_of(world)) if steps is None else steps
        # How often each fault was brought about; those that found nothing to harm are not counted.
        self.counts: Counter[str] = Counter()
        self._healing = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Carry it out; ends when the last fault is undone, or soon after `heal`."""
        started = time.monotonic()
        self._running = [asyncio.create_task(self._step(number, started)) for number in range(len(self._steps))]
        await asyncio.gather(*self._running)

    async def heal(self, within_s: float = 60.0) -> None:
        """Undo whatever is left, make every link pass, and wait until all processes do their work."""
        self._healing.set()
        await asyncio.gather(*self._running)
        await self._world.links.heal()
        self._world.note("healing")
        await self._world.ready(within_s)
        self._world.note("healed")

    async def _step(self, number: int, started: float) -> None:
        step = self._steps[number]
        if await self._healed_within(started + step.at_s - time.monotonic()):
            return
        fault, draw = step.fault, random.Random(f"{self._world.seed} step {number}")
        try:
            await fault.apply(self._world, draw)
            self.counts[fault.name] += 1
        except _MAY_FAIL as error:
            self._world.note("skipped", f"{fault.name}: {type(error).__name__}: {error}")
        await self._healed_within(fault.lasts_s)
        await self._undo(fault)

    async def _undo(self, fault: Fault) -> None:
        try:
            await fault.undo(self._world)
            if fault.lasts_s:
                self._world.note("undone", fault.name)
        except _MAY_FAIL as error:
            self._world.note("not undone", f"{fault.name}: {type(error).__name__}: {error}")

    async def _healed_within(self, seconds: float) -> bool:
        """Wait so long, or until everything is to heal."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._healing.wait()
        except TimeoutError:
            return False
        return True
