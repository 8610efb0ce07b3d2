"""Runs a load in a process of its own and returns what came back: wrk where it is installed, else our own generator.

Must never run inside the benchmark's process: its CPU time is to be seen, and must not slow the clock.
"""

import math
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

from tools.dev.console import LauncherError
from tools.dev.paths import ROOT
from tools.dev.ports import HOST

from .answers import Answers, Load

Generator = Literal["wrk", "python"]

_SCRIPT = Path(__file__).parent / "wrk" / "redeem.lua"
# One is enough to saturate an engine, and leaves the other processors to those who are measured.
_WRK_THREADS = 1
# wrk knows whole seconds only; in the rest no request is begun, so that all are answered.
_TAIL_S = 0.5


class _Printed(msgspec.Struct, frozen=True):
    """What redeem.lua prints."""

    sent: int
    granted: int
    wrong: int
    duplicates: int
    seconds: float
    p50_ms: float
    p99_ms: float
    broken: int
    refused: str
    samples: str


def find_generator(wanted: str) -> Generator:
    """`auto`, `wrk` or `python`: which one it is here."""
    if wanted == "wrk" and shutil.which("wrk") is None:
        raise LauncherError("wrk is not here: `apt-get install wrk`, or --generator python")
    return "wrk" if wanted == "wrk" or (wanted == "auto" and shutil.which("wrk") is not None) else "python"


def run_load(generator: Generator, load: Load) -> Answers:
    """Run it to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answers = _run_wrk(load) if generator == "wrk" else _run_python(load)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return msgspec.structs.replace(answers, cpu_s=cpu_s)


def parse_wrk(output: str) -> Answers:
    """What redeem.lua printed behind wrk's own lines."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise LauncherError(f"wrk did not come to its end:\n{output}")
    said = msgspec.json.decode(lines[-1], type=_Printed)
    refused: dict[str, int] = {}
    for pair in said.refused.split():
        status, _, count = pair.partition("=")
        refused[status] = refused.get(status, 0) + int(count)
    answered = said.granted + said.wrong + said.duplicates + sum(refused.values())
    return Answers(
        sent=said.sent,
        granted=said.granted,
        refused=refused,
        wrong=said.wrong,
        duplicates=said.duplicates,
        lost=max(said.sent - answered, said.broken),
        seconds=said.seconds,
        p50_ms=said.p50_ms,
        p99_ms=said.p99_ms,
        samples=tuple(filter(None, said.samples.splitlines())),
    )


def _run_wrk(load: Load) -> Answers:
    duration_s = math.ceil(load.seconds + _TAIL_S)
    command = ["wrk", f"-t{_WRK_THREADS}", f"-c{load.connections}", f"-d{duration_s}s", "--timeout", "30s"]
    env = {
        "BENCH_SECRET_KEY": load.secret_key,
        "BENCH_RUN": load.run,
        "BENCH_SECONDS": str(load.seconds),
        "BENCH_MOST": str(load.most_requests),
        "BENCH_THREADS": str(_WRK_THREADS),
        "BENCH_CODES": str(load.codes),
    }
    return parse_wrk(_run([*command, "-s", str(_SCRIPT), f"http://{HOST}:{load.port}"], env, b"", duration_s))


def _run_python(load: Load) -> Answers:
    command = [sys.executable, "-m", "bench.generator"]
    return msgspec.json.decode(_run(command, {}, msgspec.json.encode(load, enc_hook=str), load.seconds), type=Answers)


def _run(command: list[str], env: dict[str, str], stdin: bytes, seconds: float) -> str:
    """Run a generator, which must end by itself; one that does not is ended and is no result."""
    try:
        result = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, **env},
            timeout=seconds + 60,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LauncherError(f"{command[0]} did not end") from error
    if result.returncode != 0:
        raise LauncherError(f"{command[0]} ended with {result.returncode}:\n{result.stderr.decode()}")
    return result.stdout.decode()
