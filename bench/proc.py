"""CPU time as the kernel counts it: of a process with its children, and of the machine. Reads /proc, keeps nothing."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ProcessTimes(msgspec.Struct, frozen=True):
    """One line of /proc/<pid>/stat. `reaped_s` is what children spent that have ended and were waited for."""

    pid: int
    parent: int
    own_s: float
    reaped_s: float


class MachineTimes(msgspec.Struct, frozen=True):
    """The first line of /proc/stat. `stolen_s` is what another guest of the same host had instead of us."""

    busy_s: float
    idle_s: float
    stolen_s: float

    @property
    def total_s(self) -> float:
        return self.busy_s + self.idle_s + self.stolen_s


def parse_process(line: str) -> ProcessTimes:
    """See proc_pid_stat(5). The name may hold blanks and brackets, so fields are counted from its last bracket."""
    head, _, tail = line.rpartition(")")
    fields = tail.split()
    user, system, reaped_user, reaped_system = (int(ticks) for ticks in fields[11:15])
    return ProcessTimes(
        pid=int(head.partition(" ")[0]),
        parent=int(fields[1]),
        own_s=(user + system) / TICKS_PER_S,
        reaped_s=(reaped_user + reaped_system) / TICKS_PER_S,
    )


def parse_machine(text: str) -> MachineTimes:
    """See proc_stat(5): user nice system idle iowait irq softirq steal; guest time is in user already."""
    name, *ticks = text.partition("\n")[0].split()
    assert name == "cpu", "the first line is the sum of all processors"
    user, nice, system, idle, iowait, irq, softirq, steal = (int(tick) / TICKS_PER_S for tick in ticks[:8])
    return MachineTimes(user + nice + system + irq + softirq, idle + iowait, steal)


def tree_cpu_s(times: Iterable[ProcessTimes], root: int) -> float:
    """What a process and all below it have spent, those that have ended among them."""
    children: dict[int, list[ProcessTimes]] = {}
    by_pid: dict[int, ProcessTimes] = {}
    for process in times:
        by_pid[process.pid] = process
        children.setdefault(process.parent, []).append(process)
    if root not in by_pid:
        raise ProcessLookupError(f"process {root} is gone")
    spent, waiting = 0.0, [by_pid[root]]
    while waiting:
        process = waiting.pop()
        spent += process.own_s + process.reaped_s
        waiting += children.get(process.pid, [])
    return spent


def read_processes(proc: Path = PROC) -> list[ProcessTimes]:
    """Every process there is; one that ends while we look is left out."""
    found = []
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            try:
                found.append(parse_process((folder / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def read_machine(proc: Path = PROC) -> MachineTimes:
    """The machine's times since it was started."""
    return parse_machine((proc / "stat").read_text())


class Sample(msgspec.Struct, frozen=True):
    """What everybody had spent at one moment."""

    cpu_s: dict[str, float]
    machine: MachineTimes


def sample(pids: Mapping[str, int]) -> Sample:
    """Read the clocks of these processes and of the machine."""
    times = read_processes()
    return Sample({name: tree_cpu_s(times, pid) for name, pid in pids.items()}, read_machine())


class Spent(msgspec.Struct, frozen=True):
    """The difference of two samples; `machine_s` is all the processors' time, the shares are of that."""

    cpu_s: dict[str, float]
    machine_s: float
    busy_share: float
    stolen_share: float

    def foreign_share(self, more_s: float) -> float:
        """What processes had that are no part of the benchmark: all that was busy, less ours and `more_s`."""
        ours_s = sum(self.cpu_s.values()) + more_s
        return max(0.0, self.busy_share - ours_s / self.machine_s) if self.machine_s else 0.0


def spent(before: Sample, after: Sample) -> Spent:
    """What was spent between two samples."""
    total_s = after.machine.total_s - before.machine.total_s
    return Spent(
        {name: after.cpu_s[name] - before.cpu_s[name] for name in before.cpu_s},
        total_s,
        (after.machine.busy_s - before.machine.busy_s) / total_s if total_s else 0.0,
        (after.machine.stolen_s - before.machine.stolen_s) / total_s if total_s else 0.0,
    )
