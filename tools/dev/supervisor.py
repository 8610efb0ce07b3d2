"""Keeps children alive: starts them, restarts whichever dies, stops them in order. Knows none of their work.

Single-threaded on purpose: the kernel's tether between parent and child is in truth one to the *thread* that
started the child.
"""

import contextlib
import time
from collections.abc import Callable

from tools.dev.console import LauncherError, say
from tools.dev.processes import Process, Program, tail
from tools.dev.signals import Signals

_POLL_S = 0.02
# A child that dies again and again is given a little longer each time, but never as long as two seconds.
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 1.5
_STABLE_AFTER_S = 5.0


# Asks about the process with this id; a port may still be answered by another one.
ReadyCheck = Callable[[int], bool]


class StopRequested(Exception):
    """A person asked to stop while the start was still going on."""


class Supervisor:
    """The children of one launcher, by name, in the order of their start."""

    def __init__(self, signals: Signals, on_change: Callable[[], None]) -> None:
        self._signals = signals
        self._on_change = on_change
        self._children: dict[str, Process] = {}
        self._deaths: dict[str, int] = {}
        self._restart_at_s: dict[str, float] = {}

    @property
    def pids(self) -> dict[str, int]:
        """The children that live, by name."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code() is None}

    def start(self, program: Program) -> Process:
        """Start a child and keep it from now on."""
        child = Process(program)
        self._children[program.name] = child
        self._on_change()
        return child

    def wait_until_ready(self, child: Process, is_ready: ReadyCheck, timeout_s: float = 30) -> None:
        """Wait for a child's first readiness; death or the timeout is an error with the end of its log."""
        deadline = time.monotonic() + timeout_s
        name, log = child.program.name, child.program.log
        while not is_ready(child.pid):
            if self._signals.stop_requested:
                raise StopRequested
            if child.exit_code() is not None:
                raise LauncherError(f"{name} ended with {child.exit_code()}:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise LauncherError(f"{name} was not ready within {timeout_s:.0f} s:\n{tail(log)}")
            self._signals.wait(_POLL_S)

    def watch(self) -> None:
        """Restart whatever dies, until a person asks to stop."""
        while not self._signals.stop_requested:
            self._signals.wait(self._next_wait_s())
            self._tend()

    def stop(self) -> None:
        """Stop the children, the last started first: whoever depends on another goes before it."""
        while self._children:
            _, child = self._children.popitem()
            with contextlib.suppress(ProcessLookupError):
                child.stop()
        self._on_change()

    def _tend(self) -> None:
        now_s = time.monotonic()
        for name, child in self._children.items():
            if child.exit_code() is not None and name not in self._restart_at_s:
                self._on_death(child, now_s)
        for name in [name for name, at_s in self._restart_at_s.items() if at_s <= now_s]:
            del self._restart_at_s[name]
            self.start(self._children[name].program)

    def _on_death(self, child: Process, now_s: float) -> None:
        name = child.program.name
        # What a killed process leaves in its group (a worker it forked) would hold the port.
        child.kill()
        was_stable = now_s - child.started_s > _STABLE_AFTER_S
        deaths = 0 if was_stable else self._deaths.get(name, 0)
        self._deaths[name] = deaths + 1
        self._restart_at_s[name] = now_s + min(_FIRST_DELAY_S * 2**deaths, _LONGEST_DELAY_S)
        say(f"{name} ended with {child.exit_code()}, restarting it (log: {child.program.log})")
        self._on_change()

    def _next_wait_s(self) -> float:
        """Sleep until the next restart; a death wakes the loop by SIGCHLD, the second is only for safety."""
        if not self._restart_at_s:
            return 1.0
        return max(0.0, min(self._restart_at_s.values()) - time.monotonic())
