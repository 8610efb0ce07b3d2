"""Which faults there are, how often each comes, and between which bounds their numbers are drawn. Pure."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.chaos.faults import AtFailpoint, Crash, Fault, Pause, SecondReconciler
from tests.chaos.faults_failover import StaleFailover
from tests.chaos.faults_host import ClockStep, DiskFull
from tests.chaos.faults_kept import KeptConnections
from tests.chaos.faults_links import HalfClose, Silence, Slowness
from tests.chaos.faults_redis import DataGone, Flush, ForgetScripts, LedgerBehind, MemoryFull, OlderCopy, TornTail
from tests.chaos.faults_stream import ConfirmedTwice, DeliveredTwice, OneTooMany, Poison
from tests.chaos.proxy import Direction
from tests.chaos.servers import CLIENT_TARGETS, ENGINES, PRODUCT, SHARDS

PROCESSES = (*ENGINES, "reconciler-1", "control_plane", "postgres", "valkey")
SPEAKERS = tuple(name for name in PRODUCT if name != "reconciler-2")

ENGINE_PLACES = ("engine.before_send", "engine.after_send")
RECONCILER_PLACES = (
    "reconciler.before_commit",
    "reconciler.after_commit",
    "reconciler.before_confirm",
    "reconciler.after_confirm",
)

_MODES: tuple[Literal["cut", "hold", "swallow"], ...] = ("cut", "hold", "swallow")
_DIRECTIONS: tuple[Direction, ...] = ("up", "down")


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of world a plan is for. `clocks` are the processes whose clock can be stepped; `keeps`, whether the
    proxy in front of Redis may keep its clients while the server changes."""

    replica: bool = False
    clocks: tuple[str, ...] = ()
    keeps: bool = False


def draw_fault(draw: random.Random, kind: Kind) -> Fault:
    """One fault with its numbers."""
    makers = [(weight, make) for weight, make, fits in _FAULTS if fits(kind)]
    (make,) = draw.choices([make for _, make in makers], [weight for weight, _ in makers])
    return make(draw, kind)


def _seconds(draw: random.Random, low: float, high: float) -> float:
    return round(draw.uniform(low, high), 2)


def _crash(draw: random.Random, kind: Kind) -> Fault:
    return Crash(processes=(draw.choice((*PROCESSES, "valkey-replica") if kind.replica else PROCESSES),))


def _crash_together(draw: random.Random, _kind: Kind) -> Fault:
    together = (
        ("valkey", *ENGINES),
        ENGINES,
        ("valkey", "reconciler-1"),
        ("postgres", "valkey"),
        ("valkey", "engine-1"),
    )
    return Crash(processes=draw.choice(together))


def _pause(draw: random.Random, _kind: Kind) -> Fault:
    # Mostly short; a long one outlasts a lease.
    longest = draw.choice((1.5, 4.0, 12.0))
    return Pause(process=draw.choice(PROCESSES), lasts_s=_seconds(draw, 0.5, longest))


def _failpoint(draw: random.Random, _kind: Kind) -> Fault:
    place = draw.choice((*ENGINE_PLACES, *RECONCILER_PLACES))
    process = draw.choice(ENGINES) if place in ENGINE_PLACES else "reconciler-1"
    wish = draw.choice(("kill", "kill", "stop"))
    return AtFailpoint(
        process=process, place=place, wish=wish, lasts_s=_seconds(draw, 1.0, 9.0 if wish == "stop" else 3.0)
    )


def _ends(draw: random.Random) -> tuple[str, str]:
    """Source and target of one link, or of all to one server."""
    target = draw.choice(("valkey", "valkey", "postgres", "postgres", *CLIENT_TARGETS))
    if target in CLIENT_TARGETS:
        return "clients", target
    return draw.choice(("", *SPEAKERS)), target


def _silence(draw: random.Random, _kind: Kind) -> Fault:
    source, target = _ends(draw)
    mode = draw.choice(_MODES)
    return Silence(source=source, target=target, mode=mode, lasts_s=_seconds(draw, 0.3, draw.choice((1.0, 3.0, 8.0))))


def _slowness(draw: random.Random, _kind: Kind) -> Fault:
    source, target = _ends(draw)
    return Slowness(source=source, target=target, delay_ms=draw.randint(20, 300), lasts_s=_seconds(draw, 1.0, 6.0))


def _half_close(draw: random.Random, _kind: Kind) -> Fault:
    source, target = _ends(draw)
    direction = draw.choice(_DIRECTIONS)
    return HalfClose(source=source, target=target, after_bytes=draw.randint(1, 5000), direction=direction)


def _kept(draw: random.Random, _kind: Kind) -> Fault:
    stale_s, stops_s = _seconds(draw, 1.0, 5.0), _seconds(draw, 0.0, 2.0)
    takes_s = stale_s + stops_s + KeptConnections.DRAINS_S + KeptConnections.COMES_UP_S
    return KeptConnections(takes_s=round(takes_s, 2), stale_s=stale_s, stops_s=stops_s)


def _torn_tail(draw: random.Random, _kind: Kind) -> Fault:
    return TornTail(most_bytes=draw.choice((3, 300, 5000)))


def _older_copy(draw: random.Random, _kind: Kind) -> Fault:
    return OlderCopy(takes_s=_seconds(draw, 0.2, 5.0))


def _data_gone(draw: random.Random, _kind: Kind) -> Fault:
    return DataGone(with_engines=draw.random() < 0.3)


def _ledger_behind(draw: random.Random, _kind: Kind) -> Fault:
    return LedgerBehind(takes_s=_seconds(draw, 1.0, 3.0), flushed=draw.random() < 0.5)


def _full(draw: random.Random, _kind: Kind) -> Fault:
    return MemoryFull(room_bytes=draw.choice((-500_000, 0, 100_000)), lasts_s=_seconds(draw, 1.0, 5.0))


def _failover(draw: random.Random, _kind: Kind) -> Fault:
    stale_s, straggles_s = _seconds(draw, 0.3, 2.0), _seconds(draw, 0.2, 4.0)
    return StaleFailover(
        takes_s=stale_s + straggles_s + 1.0,
        stale_s=stale_s,
        straggles_s=straggles_s,
        straggler=draw.choice(ENGINES),
        old_dies=draw.random() < 0.5,
    )


def _second_reconciler(draw: random.Random, _kind: Kind) -> Fault:
    return SecondReconciler(leaves_politely=draw.random() < 0.5, lasts_s=_seconds(draw, 2.0, 8.0))


def _poison(draw: random.Random, _kind: Kind) -> Fault:
    return Poison(shard=draw.randrange(SHARDS), variant=draw.choice(("garbage", "fields", "time", "torn", "unknown")))


def _in_stream(draw: random.Random, _kind: Kind) -> Fault:
    return draw.choice((OneTooMany, DeliveredTwice, DeliveredTwice, ConfirmedTwice))(shard=draw.randrange(SHARDS))


def _clock(draw: random.Random, kind: Kind) -> Fault:
    step_s = draw.choice((-300, -5, -1, 5, 300))
    return ClockStep(process=draw.choice(kind.clocks), step_s=step_s, lasts_s=_seconds(draw, 1.0, 12.0))


def _disk_full(draw: random.Random, _kind: Kind) -> Fault:
    process = draw.choice(("valkey", "valkey", "postgres"))
    return DiskFull(process=process, room_bytes=draw.randint(0, 100_000), lasts_s=_seconds(draw, 1.0, 4.0))


def _always(_kind: Kind) -> bool:
    return True


def _with_clocks(kind: Kind) -> bool:
    return bool(kind.clocks)


def _with_replica(kind: Kind) -> bool:
    return kind.replica


def _that_keeps(kind: Kind) -> bool:
    return kind.keeps


_FAULTS: tuple[tuple[int, Callable[[random.Random, Kind], Fault], Callable[[Kind], bool]], ...] = (
    (10, _crash, _always),
    (4, _crash_together, _always),
    (10, _pause, _always),
    (10, _failpoint, _always),
    (9, _silence, _always),
    (5, _slowness, _always),
    (5, _half_close, _always),
    (2, lambda _draw, _kind: ForgetScripts(), _always),
    (2, lambda _draw, _kind: Flush(), _always),
    (2, _data_gone, _always),
    (4, _ledger_behind, _always),
    (3, _older_copy, _always),
    (3, _torn_tail, _always),
    (3, _full, _always),
    (5, _failover, _with_replica),
    (4, _second_reconciler, _always),
    (3, _poison, _always),
    (8, _in_stream, _always),
    (3, _disk_full, _always),
    (6, _clock, _with_clocks),
    (6, _kept, _that_keeps),
)
