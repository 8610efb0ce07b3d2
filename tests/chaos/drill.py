"""What a checkout sees of each failure, and for how long: one after the other, under load, measured.

`python -m tests.chaos.drill --record` writes the table of docs/operating/failures.md. Must never judge: whether a
promise held is the checker's to say, this only looks at the clock.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import redis.asyncio as aioredis

from tests.e2e.checkout import LOST, Checkout
from tests.servers.stack import RunningStack
from tools.dev.paths import ROOT
from tools.dev.privileges import unprivileged

PAGE = ROOT / "docs" / "operating" / "failures.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
BEFORE_S, AFTER_S, STOPPED_S = 1.5, 9.0, 10.0
CLASSES = {"durable": 12, "committed": 4}
"""Connections that buy without a pause, by class."""


@dataclass
class Seen:
    """What the clients of one class saw after a failure."""

    granted_at: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def gap_s(self, since: float) -> float:
        """The longest time without a grant, from the failure on."""
        times = [since, *(at for at in self.granted_at if at > since)]
        return max((later - earlier for earlier, later in pairwise(times)), default=float("nan"))


Harm = Callable[[RunningStack], Awaitable[None]]


def kill(*names: str) -> Harm:
    """kill -9 of these, at once."""

    async def harm(stack: RunningStack) -> None:
        for name in names:
            stack.kill(name)

    return harm


def stop(name: str) -> Harm:
    """It stands still for a while, as a machine does that swaps."""

    async def harm(stack: RunningStack) -> None:
        pid = stack.state.pids[name]
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    return harm


def lose_disk(*others: str) -> Harm:
    """Redis's files are deleted, then it is killed, with these."""

    async def harm(stack: RunningStack) -> None:
        for path in (stack.home.path / "valkey").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await kill(*others, "valkey")(stack)

    return harm


async def flush(stack: RunningStack) -> None:
    """FLUSHALL"""
    async with aioredis.Redis.from_url(stack.state.redis_url) as client:
        await client.flushall()


FAILURES: dict[str, Harm] = {
    "one of two engines is killed": kill("engine"),
    "the reconciler is killed": kill("reconciler"),
    "the reconciler stands still for 10 s": stop("reconciler"),
    "the control plane is killed": kill("control_plane"),
    "PostgreSQL is killed": kill("postgres"),
    "Redis is killed": kill("valkey"),
    "Redis stands still for 10 s": stop("valkey"),
    "FLUSHALL": flush,
    "Redis is killed and its disk lost": lose_disk(),
    "Redis and both engines are killed": kill("valkey", "engine", "engine-2"),
    "engines, reconciler, Redis and PostgreSQL are killed": kill(
        "engine", "engine-2", "reconciler", "valkey", "postgres"
    ),
}


async def _buy(checkout: Checkout, code: str, seen: Seen, until: Callable[[], bool]) -> None:
    number = 0
    while not until():
        number += 1
        answer = await checkout.redeem(code, f"{code}-{id(seen)}-{number}-{os.urandom(4).hex()}")
        if answer.status == 200:
            seen.granted_at.append(time.monotonic())
        else:
            seen.others["no answer" if answer.status == LOST else f"{answer.status} `{answer.code}`"] += 1
            await asyncio.sleep(0.02)


async def measure(stack: RunningStack, harm: Harm) -> dict[str, tuple[float, Counter[str]]]:
    """One failure under load: by class, the longest time without a grant, and what was answered instead."""
    state = stack.state
    done = False
    seen = {name: Seen() for name in CLASSES}
    async with Checkout(state.api_url, state.secret_key, connections=sum(CLASSES.values())) as checkout:
        buyers = [
            asyncio.create_task(_buy(checkout, name.upper(), seen[name], lambda: done))
            for name, count in CLASSES.items()
            for _ in range(count)
        ]
        await asyncio.sleep(BEFORE_S)
        for each in seen.values():
            each.others.clear()
        failed_at = time.monotonic()
        await harm(stack)
        await asyncio.sleep(AFTER_S)
        done = True
        await asyncio.gather(*buyers)
    return {name: (each.gap_s(failed_at), each.others) for name, each in seen.items()}


async def drill() -> list[str]:
    """All failures; the rows of the table."""
    with tempfile.TemporaryDirectory(prefix="vauchflow-drill-", ignore_cleanup_errors=True) as folder:
        unprivileged().hand_over(Path(folder))
        stack = RunningStack(Path(folder), engines=2)
        stack.start()
        try:
            await _make_codes(stack)
            rows = []
            for name, harm in FAILURES.items():
                found = await measure(stack, harm)
                gaps = [f"{found[each][0]:.1f} s" for each in CLASSES]
                others = found["durable"][1] + found["committed"][1]
                told = ", ".join(f"{what}" for what, _ in others.most_common(4)) or "nothing but 200"
                rows.append(f"| {name} | {' | '.join(gaps)} | {told} |")
                sys.stdout.write(rows[-1] + "\n")
                sys.stdout.flush()
                await asyncio.to_thread(stack.wait_until_serving)
            return rows
        finally:
            stack.stop()


async def _make_codes(stack: RunningStack) -> None:
    state = stack.state
    async with Checkout(state.api_url, state.secret_key) as checkout:
        for name in CLASSES:
            body = {"code": name.upper(), "discount_type": "AMOUNT", "discount_value": 5, "max_redemptions": 10**9}
            more = {"durability": "committed"} if name == "committed" else {}
            answer = await checkout.call("POST", "/v1/vouchers", {**body, **more})
            if answer.status != 201:
                raise RuntimeError(answer.body.decode())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.drill", description=__doc__)
    parser.add_argument("--record", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args()
    rows = asyncio.run(drill())
    if options.record:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        head = "| failure | no `durable` grant for | no `committed` grant for | seen meanwhile |\n|---|---|---|---|\n"
        PAGE.write_text(before + BEGIN + "\n" + head + "\n".join(rows) + "\n" + END + after)


if __name__ == "__main__":
    main()
