"""CPU times, read from what the kernel writes."""

import os
import subprocess
import sys

import pytest

from bench.proc import (
    TICKS_PER_S,
    MachineTimes,
    ProcessTimes,
    Sample,
    parse_machine,
    parse_process,
    read_machine,
    read_processes,
    sample,
    spent,
    tree_cpu_s,
)

_BEHIND = " ".join(["0"] * 37)


def stat_line(pid: int, name: str, parent: int, ticks: tuple[int, int, int, int]) -> str:
    times = " ".join(map(str, ticks))
    return f"{pid} ({name}) S {parent} 1 1 0 -1 4194304 102 0 0 0 {times} {_BEHIND}"


@pytest.mark.parametrize("name", ["engine", "a b", "x) S 99 (y", ":)"])
def test_a_process_is_read_whatever_its_name(name: str) -> None:
    read = parse_process(stat_line(12, name, 3, (250, 50, 70, 30)))
    assert (read.pid, read.parent) == (12, 3)
    assert read.own_s == pytest.approx(300 / TICKS_PER_S)
    assert read.reaped_s == pytest.approx(100 / TICKS_PER_S)


def test_a_tree_counts_the_living_and_the_reaped() -> None:
    tree = [
        ProcessTimes(10, 1, 1.0, 0.5),
        ProcessTimes(11, 10, 2.0, 0.0),
        ProcessTimes(12, 11, 4.0, 0.25),
        ProcessTimes(20, 1, 100.0, 100.0),
    ]
    assert tree_cpu_s(tree, 10) == 7.75
    with pytest.raises(ProcessLookupError):
        tree_cpu_s(tree, 99)


def test_the_machine_counts_steal_apart_and_guests_once() -> None:
    text = "cpu  100 10 50 800 40 5 5 90 60 6\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    read = parse_machine(text)
    assert read.busy_s == pytest.approx(170 / TICKS_PER_S)
    assert read.idle_s == pytest.approx(840 / TICKS_PER_S)
    assert read.stolen_s == pytest.approx(90 / TICKS_PER_S)


def test_what_was_spent_is_the_difference() -> None:
    before = Sample({"engine": 1.0, "redis": 2.0}, MachineTimes(10.0, 10.0, 0.0))
    after = Sample({"engine": 2.5, "redis": 2.0}, MachineTimes(13.0, 16.0, 1.0))
    taken = spent(before, after)
    assert taken.cpu_s == {"engine": 1.5, "redis": 0.0}
    assert (taken.machine_s, taken.busy_share, taken.stolen_share) == (10.0, 0.3, 0.1)
    assert taken.foreign_share(0.5) == pytest.approx(0.1)
    assert taken.foreign_share(9.9) == 0.0


def test_no_time_at_all_is_no_share() -> None:
    at = Sample({"engine": 1.0}, MachineTimes(1.0, 1.0, 1.0))
    assert spent(at, at).stolen_share == 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux")
def test_the_real_clocks_see_a_child_that_has_ended() -> None:
    before = sample({"us": os.getpid()})
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    taken = spent(before, sample({"us": os.getpid()}))
    assert taken.cpu_s["us"] > 0
    assert read_machine().total_s > 0
    assert os.getpid() in {process.pid for process in read_processes()}
