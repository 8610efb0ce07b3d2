"""The processes of a world: started, watched, started again after they died, and at the end none is left.

Must never decide that something should die; faults do. Knows no fault.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.chaos.servers import drawn_delay_s
from tests.servers.stack import is_alive
from tools.dev.processes import Process, Program, tail
from tools.dev.supervisor import ReadyCheck

_POLL_S = 0.03

OnDeath = Callable[[str, int], None]


class Child:
    """One process by name. Its program is asked for at each start, because roles and addresses may have changed."""

    def __init__(self, name: str, program: Callable[[], Program], is_ready: ReadyCheck) -> None:
        self.name = name
        self.program = program
        self.is_ready = is_ready
        self.process: Process | None = None
        # Held down: whoever holds it starts it again.
        self.holders = 0
        self.restart_at = 0.0


class Children:
    """All of them, supervised."""

    def __init__(self, seed: int, on_death: OnDeath) -> None:
        self._draw = random.Random(f"{seed} restarts")
        self._on_death = on_death
        self._by_name: dict[str, Child] = {}
        self._watching: asyncio.Task[None] | None = None

    def add(self, child: Child, *, held: bool = False) -> None:
        """Know a process; supervised from `watch` on."""
        child.holders = int(held)
        self._by_name[child.name] = child

    def __getitem__(self, name: str) -> Child:
        return self._by_name[name]

    def names(self) -> list[str]:
        """Those that are meant to run."""
        return [child.name for child in self._by_name.values() if not child.holders]

    def start(self, name: str) -> None:
        """Start it now, in this thread: the tether between parent and child is one to the thread."""
        child = self._by_name[name]
        assert child.process is None, f"{name} runs already"
        child.process = Process(child.program())

    def watch(self) -> None:
        """Start again whatever dies."""
        self._watching = asyncio.create_task(self._watch(), name="children")

    def pids(self, name: str) -> list[int]:
        """A process with all its descendants, none where it does not run."""
        process = self._by_name[name].process
        return [] if process is None else [process.pid, *descendants(process.pid)]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and its descendants: servers of many processes stop only all together."""
        send(self.pids(name), number)

    def hold(self, name: str) -> None:
        """From now on nobody starts it again."""
        self._by_name[name].holders += 1

    def release(self, name: str) -> None:
        """Whoever held it lets it be started again, at once."""
        child = self._by_name[name]
        child.holders -= 1
        assert child.holders >= 0, f"{name} was not held"
        child.restart_at = 0.0

    async def kill(self, name: str) -> None:
        """kill -9; returns when it is dead. Its death is noted like any other."""
        self.signal(name, signal.SIGKILL)
        await self._gone(name)

    async def stop(self, name: str) -> None:
        """Ask it to end, and insist after a while."""
        process = self._by_name[name].process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.ask_to_stop()
        deadline = time.monotonic() + process.program.stop_timeout_s
        while self._by_name[name].process is process and time.monotonic() < deadline:
            self._look()
            await asyncio.sleep(_POLL_S)
        if self._by_name[name].process is process:
            await self.kill(name)

    async def ready(self, names: Iterable[str], within_s: float) -> None:
        """Wait until all of them do their work."""
        deadline = time.monotonic() + within_s
        waiting = list(names)
        while waiting:
            waiting = [name for name in waiting if not await self.is_ready(name)]
            if waiting and time.monotonic() > deadline:
                logs = "\n".join(f"{name}:\n{tail(self._by_name[name].program().log)}" for name in waiting)
                raise TimeoutError(f"not ready within {within_s:.0f} s: {', '.join(waiting)}\n{logs}")
            await asyncio.sleep(_POLL_S if waiting else 0)

    async def is_ready(self, name: str) -> bool:
        """Whether it runs and does its work."""
        child = self._by_name[name]
        process = child.process
        # A server's own word outlives it: postmaster.pid says `ready` until somebody writes it anew.
        if process is None or process.exit_code() is not None:
            return False
        return await asyncio.to_thread(child.is_ready, process.pid)

    async def end(self) -> None:
        """Kill all that is left, the last started first; whatever state it is in."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        killed: list[int] = []
        for child in reversed(self._by_name.values()):
            if child.process is not None:
                below = self.pids(child.name)
                send(below, signal.SIGKILL)
                killed += below
                await asyncio.to_thread(child.process.kill)
                child.process = None
        # Those that were children of a child are not ours to wait for, but whoever comes next needs their ports.
        while any(is_alive(pid) for pid in killed):  # noqa: ASYNC110 - the kernel has no event for it
            await asyncio.sleep(_POLL_S)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            self._look()
            now = time.monotonic()
            for child in self._by_name.values():
                if child.process is None and not child.holders and now >= child.restart_at:
                    self.start(child.name)

    def _look(self) -> None:
        for child in self._by_name.values():
            process = child.process
            code = None if process is None else process.exit_code()
            if process is None or code is None:
                continue
            # What it leaves in its group would hold its port.
            process.kill()
            child.process = None
            child.restart_at = time.monotonic() + drawn_delay_s(self._draw)
            self._on_death(child.name, code)

    async def _gone(self, name: str) -> None:
        process = self._by_name[name].process
        while process is not None and self._by_name[name].process is process:
            self._look()
            await asyncio.sleep(0.005)


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each that still is."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
