"""Whether PostgreSQL, Redis and this host agree on what time it is. Measures by the fastest of a few exchanges."""

import time
from collections.abc import Awaitable, Callable
from itertools import combinations

import msgspec

from control_plane.cli.doctor.findings import Finding, error, warning

SAMPLES = 5
SUSPICIOUS_S, WRONG_S = 0.5, 10.0

Clock = Callable[[], float]


class Offset(msgspec.Struct, frozen=True):
    """How far a clock is ahead of this host's, and how far that may be off."""

    name: str
    ahead_s: float
    doubt_s: float


async def measure(name: str, ask: Callable[[], Awaitable[float]], clock: Clock = time.time) -> Offset:
    """The exchange that took least tells most: the answer was given between its two ends."""
    best = Offset(name, 0.0, float("inf"))
    for _ in range(SAMPLES):
        before, told, after = clock(), await ask(), clock()
        doubt = abs(after - before) / 2
        if doubt < best.doubt_s:
            best = Offset(name, told - (before + after) / 2, doubt)
    return best


def examine(offsets: list[Offset]) -> list[Finding]:
    """Each pair of clocks that is apart for certain."""
    found = []
    for one, other in combinations([Offset("this host", 0.0, 0.0), *offsets], 2):
        apart = abs(one.ahead_s - other.ahead_s) - one.doubt_s - other.doubt_s
        if apart <= SUSPICIOUS_S:
            continue
        ahead, behind = (one, other) if one.ahead_s > other.ahead_s else (other, one)
        say = error if apart > WRONG_S else warning
        found.append(
            say(
                "clocks_apart",
                f"The clock of {ahead.name} is {ahead.ahead_s - behind.ahead_s:.1f} s ahead of that of {behind.name}.",
                "Windows and expiries are judged by Redis's clock, leases by PostgreSQL's, sessions and links by this "
                "host's: codes begin and end at the wrong moment, and decisions near it are made over and over (503 "
                "contended).",
                "Let all machines follow the same time (chrony or systemd-timesyncd), and look why one does not.",
            )
        )
    return found
