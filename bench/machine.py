"""What the numbers were measured on: processors, and how fast the disk says that it has written."""

import os
import platform
import time
from pathlib import Path
from statistics import median

import msgspec

_SYNCS = 50


class Machine(msgspec.Struct, frozen=True):
    """The machine, as far as it matters here."""

    processors: int
    model: str
    fsync_us: float


def look(folder: Path) -> Machine:
    """Look at this machine; the disk is the one that the servers will write to."""
    return Machine(len(os.sched_getaffinity(0)), _model(), fsync_us(folder))


def fsync_us(folder: Path) -> float:
    """The median time of an append of 4 KiB with fdatasync, which is what `appendfsync always` waits for."""
    times = []
    path = folder / "fsync.probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return median(times) * 1e6


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
