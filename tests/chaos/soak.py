"""Sells at a steady rate for a long time and looks at memory and latency: `python -m tests.chaos.soak --minutes 20`.

Idempotency records live for a minute here instead of a day, so that Redis too comes to a steady state within the run;
everything else is as it is shipped. Must never judge by feel: the rows of its table are the measurement.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import redis.asyncio as aioredis

from tests.chaos.children import descendants
from tests.chaos.tree import Patch
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import Ledger
from tests.e2e.versions import Versions
from tests.servers.factory import ServerFactory
from tests.servers.waiting import eventually
from tools.dev.console import say
from tools.dev.privileges import unprivileged

SHORT_RECORDS = (
    Patch("store/scripts.py", "RECORD_TTL_MS = 24 * 3600 * 1000", "RECORD_TTL_MS = 60 * 1000"),
    Patch("engine/redeem.py", "LOOKED_UP_MS = 24 * 3600 * 1000", "LOOKED_UP_MS = 60 * 1000"),
)
WORKERS, CUSTOMERS = 48, 5_000


@dataclass
class Minute:
    """One row: what was answered within it, and what each process held at its end."""

    answers: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    memory_mb: dict[str, int] = field(default_factory=dict)

    def row(self, number: int) -> str:
        times = sorted(self.latencies_ms)
        p50, p99 = (statistics.median(times), times[int(len(times) * 0.99)]) if times else (0.0, 0.0)
        told = ", ".join(f"{count} {code}" for code, count in self.refused.items()) or "0"
        held = " | ".join(str(self.memory_mb[name]) for name in sorted(self.memory_mb))
        return f"| {number} | {self.answers / 60:.0f} | {told} | {p50:.1f} | {p99:.1f} | {held} |"


def memory_mb(pid: int) -> int:
    """Proportional memory of a process with all below it."""
    total = 0
    for each in (pid, *descendants(pid)):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


class Soak:
    """One run on servers of its own."""

    def __init__(self, shop: Versions, per_second: int, minutes: int) -> None:
        self._shop = shop
        self._per_second = per_second
        self._minutes = minutes
        self.rows: list[str] = []
        self.sold = 0
        self._now = Minute()

    async def run(self, pids: dict[str, int]) -> None:
        await self._shop.start("engine.reconciler", newer=True)
        _, control = await self._shop.start("control_plane", newer=True)
        _, engine = await self._shop.start("engine", newer=True)
        key = self._shop.account.secret_key
        async with Checkout(control, key) as admin:
            body = {"code": "SOAK", "discount_type": "AMOUNT", "discount_value": 5, "max_redemptions": 10**9}
            answer = await admin.call("POST", "/v1/vouchers", {**body, "max_redemptions_per_customer": 10**6})
            assert answer.status == 201, answer
        pids |= self._shop.pids()
        say("| minute | answers/s | not 200 | p50 ms | p99 ms | " + " | ".join(f"{n} MB" for n in sorted(pids)) + " |")
        started = time.monotonic()
        async with Checkout(engine, key, connections=WORKERS) as checkout:
            tasks = [asyncio.create_task(self._sell(checkout, n, started)) for n in range(WORKERS)]
            for number in range(1, self._minutes + 1):
                await asyncio.sleep(started + number * 60 - time.monotonic())
                self._now, done = Minute(), self._now
                done.memory_mb = {name: memory_mb(pid) for name, pid in pids.items()}
                self.rows.append(done.row(number))
                say(self.rows[-1])
            await asyncio.gather(*tasks)

    async def _sell(self, checkout: Checkout, worker: int, started: float) -> None:
        """This worker's share, at even distances; one that is late does not hurry after."""
        every_s = WORKERS / self._per_second
        number, next_at = 0, started + every_s * worker / WORKERS
        while next_at < started + self._minutes * 60:
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            next_at = max(next_at + every_s, time.monotonic())
            number += 1
            customer = f"c{(worker * 7919 + number) % CUSTOMERS}"
            answer = await checkout.redeem("SOAK", f"s-{worker}-{number}", customer_id=customer)
            self._now.answers += 1
            self._now.latencies_ms.append((answer.answered_at - answer.asked_at) * 1000)
            if answer.status == 200:
                self.sold += 1
            else:
                self._now.refused[answer.code or "no answer"] += 1


async def _equal(shop: Versions, redis_url: str, sold: int) -> None:
    """Everything that was answered is in the ledger, once, and Redis says the same."""
    ledger = Ledger(shop.urls.owner)

    async def settled() -> bool:
        return await ledger.number("SELECT count(*) FROM redemptions") == sold

    await eventually(settled, "the ledger", within_s=60)
    granted = await ledger.number("SELECT granted FROM counters WHERE id LIKE 'r:%'")
    async with aioredis.Redis.from_url(redis_url, decode_responses=True) as client:
        (key,) = [key async for key in client.scan_iter(match="*k:r:*")]
        kept = [int(value or 0) for value in await client.hmget(key, "granted", "confirmed")]
    say(f"sold {sold}, in the ledger {granted}, in Redis {kept[0]} granted and {kept[1]} confirmed")
    if not sold == granted == kept[0] == kept[1]:
        raise SystemExit("they differ")


async def soak(per_second: int, minutes: int) -> None:
    """Servers, processes, the run, the comparison."""
    with tempfile.TemporaryDirectory(prefix="vauchflow-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unprivileged().hand_over(folder)

        def new_folder(kind: str) -> Path:
            made = folder / kind
            made.mkdir()
            unprivileged().hand_over(made)
            return made

        factory = ServerFactory(new_folder)
        try:
            postgres, valkey = factory.postgres(), factory.valkey()
            urls = await asyncio.to_thread(postgres.create_database)
            async with Versions(new_folder("processes"), urls, valkey.url, SHORT_RECORDS) as shop:
                run = Soak(shop, per_second, minutes)
                await run.run({"postgres": postgres.pid, "valkey": valkey.pid, "load": os.getpid()})
                await _equal(shop, valkey.url, run.sold)
        finally:
            factory.stop_all()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--per-second", type=int, default=700)
    options = parser.parse_args()
    asyncio.run(soak(options.per_second, options.minutes))


if __name__ == "__main__":
    main()
