"""Which process listens where. Every port follows from one number; nothing else spells a port."""

import contextlib
import random
import socket
import time
from dataclasses import dataclass

from tools.dev.console import LauncherError

HOST = "127.0.0.1"
DEFAULT_BASE = 8700

# Below the range from which the kernel takes ports for outgoing connections; in random order, so that two
# test runs on one machine seldom meet. Not by the seed of a test run: its processes would meet every time.
_ROOM = range(20_000, 32_000, 20)
_untried = random.SystemRandom().sample(_ROOM, k=len(_ROOM))


@dataclass(frozen=True, slots=True)
class Ports:
    """The layout above one base port."""

    base: int

    @property
    def gateway(self) -> int:
        """Both planes, as a customer sees them."""
        return self.base

    @property
    def control_plane(self) -> int:
        """The control plane itself."""
        return self.base + 2

    @property
    def postgres(self) -> int:
        """The database."""
        return self.base + 3

    @property
    def valkey(self) -> int:
        """The counters."""
        return self.base + 4

    @property
    def reconciler(self) -> int:
        """Health and metrics of the reconciler."""
        return self.base + 5

    def engine(self, index: int) -> int:
        """Return the port of an engine; the first keeps its place however many there are."""
        return self.base + 1 if index == 0 else self.base + 9 + index

    def all(self, engines: int) -> list[int]:
        """Every port that a stack with so many engines takes."""
        fixed = [self.gateway, self.control_plane, self.postgres, self.valkey, self.reconciler]
        return [*fixed, *(self.engine(index) for index in range(engines))]


def is_free(port: int) -> bool:
    """Tell whether a server could listen there now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(ports: list[int], timeout_s: float = 5.0) -> None:
    """Wait for ports that servers of a killed launcher are just leaving; refuse what stays taken."""
    deadline = time.monotonic() + timeout_s
    while taken := [port for port in ports if not is_free(port)]:
        if time.monotonic() > deadline:
            names = ", ".join(map(str, taken))
            raise LauncherError(f"port {names} is in use; `./dev --port N` takes ports from N on")
        time.sleep(0.05)


def share_room(part: int, parts: int) -> None:
    """Keep to this part of the room, from 0 on: processes of one test run that all do so never meet."""
    _untried[:] = [base for base in _untried if base // _ROOM.step % parts == part]


def find_free_base(engines: int = 1) -> int:
    """Find room for a whole stack, for tests and benchmarks; never the same twice in one process."""
    while _untried:
        base = _untried.pop()
        if all(is_free(port) for port in Ports(base).all(engines)):
            return base
    raise LauncherError("no room for a stack between ports 20000 and 32000")
