"""`./dev bench --unmet N`: N codes, each redeemed once, none of which the engine or Redis has met; alone, and beside
a stream of upserted customers, each of which changes the project while its codes are being read.

Counts what PostgreSQL is asked. Must never report a run in which one code was refused.
"""

import asyncio
import threading
import time
from pathlib import Path

import asyncpg
import msgspec

from tools.dev.console import say
from tools.dev.signals import Signals

from .alone import play_alone
from .answers import Answers, Load
from .arithmetic import per_second
from .generators import run_load
from .ledger import inspect, wait_until_settled
from .options import Options
from .proc import sample, spent
from .queries import query
from .report import describe_ledger
from .scrape import scrape
from .shop import Offer, Shop
from .site import Account, Site

WINDOW_S = 60.0
UPSERTS_PER_S = 100


class Unmet(msgspec.Struct, frozen=True):
    """What one run came to."""

    name: str
    codes: int
    answers: Answers
    hydrations: int
    transactions: int
    upserts: int
    engine_cpu_s: float
    postgres_cpu_s: float
    stolen_share: float
    foreign_share: float

    def describe(self) -> str:
        """For a person."""
        said = self.answers
        each = said.granted / max(1, self.hydrations)
        pace = (
            f"{said.seconds:.1f} s, {said.per_second:,.0f} a second; p50 {said.p50_ms:.1f} ms, p99 {said.p99_ms:.1f} ms"
        )
        asked = (
            f"{self.hydrations:,}: {each:.0f} codes each; {self.transactions:,} transactions of PostgreSQL, all told"
        )
        postgres_us = self.postgres_cpu_s / max(1, said.granted) * 1e6
        return "\n".join(
            (
                f"{self.name}: {said.granted:,} of {self.codes:,} answered 200 in {pace}",
                f"  p50, p99            {said.p50_ms:.1f} ms, {said.p99_ms:.1f} ms",
                f"  hydrations          {asked}; {self.upserts:,} customers upserted meanwhile",
                f"  per engine CPU s    {per_second(said.granted, self.engine_cpu_s):,.0f}",
                f"  PostgreSQL          {postgres_us:.0f} us of CPU a redemption",
                f"  machine             {self.stolen_share:.0%} stolen, {self.foreign_share:.0%} taken by others",
            )
        )


def run(options: Options, folder: Path, signals: Signals) -> int:
    """Both runs; 1 where one is no result."""
    return play_alone(_play, options, folder, signals, options.generator)


def _play(site: Site, options: Options) -> list[str]:
    account = site.start()
    control_plane = site.start_control_plane()
    shop = Shop(site, account)
    complaints: list[str] = []
    try:
        for name, upserts in (("alone", 0), ("beside upserted customers", UPSERTS_PER_S)):
            offer = shop.make(f"unmet-{upserts}", "codes", False, options.unmet)
            found = _measure(site, account, shop, offer, options, name, upserts)
            say(f"\n{found.describe()}")
            complaints += [f"{name}: {each}" for each in found.answers.complaints()]
            if found.answers.granted < options.unmet:
                complaints.append(f"{name}: not all were redeemed within {WINDOW_S:.0f} s")
            wait_until_settled(site.owner_url, offer.campaign_id, found.answers.granted)
            settled = inspect(
                site.owner_url, site.redis_url, offer.campaign_id, account.project_id, found.answers.granted
            )
            say(describe_ledger(settled))
            complaints += settled.complaints()
    finally:
        shop.close()
        control_plane.stop()
    return complaints


def _measure(
    site: Site, account: Account, shop: Shop, offer: Offer, options: Options, name: str, upserts_per_s: int
) -> Unmet:
    load = Load(
        port=site.real_port,
        secret_key=account.secret_key,
        run=f"unmet{time.time_ns() % 10**9}",
        codes=offer.codes,
        connections=options.connections[0],
        seconds=WINDOW_S,
        most_requests=options.unmet,
    )
    stream = _Upserts(shop, upserts_per_s)
    transactions, counted, before = _transactions(site), scrape(site.real_port), sample(site.pids)
    stream.start()
    answers = run_load("python", load)  # it ends with the last code; wrk would go on until its time is over
    stream.stop()
    clocks = spent(before, sample(site.pids))
    return Unmet(
        name=name,
        codes=options.unmet,
        answers=answers,
        hydrations=int(_hydrations(scrape(site.real_port)) - _hydrations(counted)),
        transactions=_transactions(site) - transactions,
        upserts=stream.done,
        engine_cpu_s=clocks.cpu_s["engine"],
        postgres_cpu_s=clocks.cpu_s["postgres"],
        stolen_share=clocks.stolen_share,
        foreign_share=clocks.foreign_share(answers.cpu_s),
    )


class _Upserts:
    """Upserts customers at a pace, beside whatever else is done."""

    def __init__(self, shop: Shop, per_s: int) -> None:
        self._shop = shop
        self._per_s = per_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.done = 0

    def start(self) -> None:
        if self._per_s:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._per_s:
            self._thread.join()

    def _run(self) -> None:
        began_s = time.monotonic()
        while not self._over.wait(max(0.0, began_s + self.done / self._per_s - time.monotonic())):
            self._shop.upsert_customer(f"regular-{self.done}", ["vip"])
            self.done += 1


def _hydrations(counted: dict[str, float]) -> float:
    return counted["vauchflow_engine_hydrations_total"]


def _transactions(site: Site) -> int:
    return asyncio.run(_ask(site.owner_url))


async def _ask(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(query("transactions")))
    finally:
        await connection.close()
