"""`./dev bench --qualifications`: what asking for what applies costs by the number of promotions of which five apply,
and how long the best stack is sought by the number of redeemables.

One engine, one connection, one call after the other; rounds of all sizes take turns, so that a bad minute meets each of
them. Must never report a size of which one call was not answered with exactly the five.
"""

import asyncio
import time
from pathlib import Path
from statistics import median

import httpx
import msgspec

from tools.dev.console import say
from tools.dev.ports import HOST
from tools.dev.signals import Signals

from .alone import play_alone
from .best_stacks import describe_best_stacks
from .options import Options
from .proc import sample, spent
from .promotions import MATCHING, ORDER, fill
from .site import Account, Site

SIZES = (10, 100, 1_000, 10_000)
CALLS = 200
"""Of one size in one round."""

_HEAD = f"{'tiers':>8}{'first ms':>10}{'p50 ms':>9}{'p99 ms':>9}{'engine us':>11}{'Redis us':>10}{'x of 10':>9}"


class Size(msgspec.Struct):
    """A project of so many tiers, and what its calls came to."""

    tiers: int
    client: httpx.Client
    first_ms: float = 0.0
    took_ms: list[float] = []
    engine_us: list[float] = []
    redis_us: list[float] = []

    def row(self, of_least_us: float) -> str:
        """A line of the table; CPU is the median of the rounds'."""
        ordered, engine_us = sorted(self.took_ms), median(self.engine_us)
        p99 = ordered[int(len(ordered) * 0.99)]
        return (
            f"{self.tiers:>8,}{self.first_ms:>10.1f}{median(ordered):>9.2f}{p99:>9.2f}{engine_us:>11,.0f}"
            f"{median(self.redis_us):>10,.0f}{engine_us / of_least_us:>9.2f}"
        )


def run(options: Options, folder: Path, signals: Signals) -> int:
    """All sizes; 1 where one is no result."""
    return play_alone(_play, options, folder, signals, "python")


def _play(site: Site, options: Options) -> list[str]:
    accounts = [site.start(), *(site.open_account() for _ in SIZES[1:])]
    sizes = [_make(site, account, tiers) for account, tiers in zip(accounts, SIZES, strict=True)]
    complaints: list[str] = []
    for number in range(options.rounds * 2 + 1):
        for size in sizes:
            site.check_stop()
            complaints += _round(site, size, is_counted=number > 0)
    for size in sizes:
        size.client.close()
    if not complaints:
        least_us = median(sizes[0].engine_us)
        say(
            f"\n{MATCHING} apply; {options.rounds * 2} rounds of {CALLS} calls each, one after the other, no best stack"
        )
        say("\n".join((_HEAD, *(size.row(least_us) for size in sizes))))
        say(f"\n{describe_best_stacks()}")
    return complaints


def _make(site: Site, account: Account, tiers: int) -> Size:
    """Fill a project. The first call reads all of its tiers."""
    asyncio.run(fill(site, account.project_id, tiers))
    client = httpx.Client(
        base_url=f"http://{HOST}:{site.real_port}",
        headers={"Authorization": f"Bearer {account.secret_key}"},
        timeout=60,
    )
    size = Size(tiers, client)
    began = time.perf_counter()
    _ask(client)
    size.first_ms = (time.perf_counter() - began) * 1000
    return size


def _round(site: Site, size: Size, is_counted: bool) -> list[str]:
    before, complaints = sample(site.pids), []
    for _ in range(CALLS):
        began = time.perf_counter()
        complaint = _ask(size.client)
        if is_counted:
            size.took_ms.append((time.perf_counter() - began) * 1000)
        if complaint:
            complaints.append(f"{size.tiers} tiers: {complaint}")
    if is_counted:
        cpu_s = spent(before, sample(site.pids)).cpu_s
        size.engine_us.append(next(cpu_s[name] for name in cpu_s if name.startswith("engine")) / CALLS * 1e6)
        size.redis_us.append(cpu_s["redis"] / CALLS * 1e6)
    return complaints


def _ask(client: httpx.Client) -> str:
    """Ask once; what was wrong with the answer."""
    response = client.post("/v1/qualifications", json={"order": ORDER, "best_stack": False})
    if response.status_code != 200:
        return f"{response.status_code} {response.text[:200]}"
    found = len(response.json()["redeemables"])
    return "" if found == MATCHING else f"{found} apply"
