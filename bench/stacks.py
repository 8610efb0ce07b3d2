"""`./dev bench --stacks`: what a call costs by the number of its redeemables and of its order's items.

One engine, `durable`; rounds of all sizes take turns, so that a bad minute meets each of them. The load comes from our
own generator, whose CPU is not the engine's. Must never report a size of which one call was refused.
"""

import time
from pathlib import Path

import msgspec

from tools.dev.console import say
from tools.dev.signals import Signals

from .alone import play_alone
from .answers import Load
from .arithmetic import Round, spread
from .generators import run_load
from .ledger import wait_until_settled
from .options import Options
from .proc import sample, spent
from .shop import Offer, make_offers
from .site import Account, Site

SIZES = ((1, 1), (2, 1), (5, 1), (30, 1), (1, 10), (1, 100), (5, 10), (30, 100))
"""Redeemables, items."""


class Size(msgspec.Struct, frozen=True):
    """One size with the rounds that were played."""

    redeemables: int
    items: int
    rounds: list[Round]

    def row(self) -> str:
        """A line of the table: medians."""
        calls = sum(each.answers.granted for each in self.rounds)
        us = {who: sum(each.spent.cpu_s[who] for each in self.rounds) / calls * 1e6 for who in ("engine", "redis")}
        behind_us = sum(each.spent.cpu_s[who] for each in self.rounds for who in ("reconciler", "postgres"))
        rate = spread([each.answers.per_second for each in self.rounds])
        p50, p99 = (spread([getattr(each.answers, name) for each in self.rounds]) for name in ("p50_ms", "p99_ms"))
        return (
            f"{self.redeemables:>11}{self.items:>7}{rate.median:>9,.0f}{rate.median * self.redeemables:>12,.0f}"
            f"{p50.median:>8.1f}{p99.median:>8.1f}{us['engine']:>12,.0f}{us['redis']:>10,.0f}"
            f"{behind_us / calls * 1e6:>10,.0f}"
        )


HEAD = (
    f"{'redeemables':>11}{'items':>7}{'calls/s':>9}{'codes/s':>12}{'p50 ms':>8}{'p99 ms':>8}"
    f"{'engine us':>12}{'Redis us':>10}{'behind us':>10}"
)
"""CPU in microseconds a call; behind: the reconciler and PostgreSQL."""


def run(options: Options, folder: Path, signals: Signals) -> int:
    """All sizes; 1 where one is no result."""
    return play_alone(_play, options, folder, signals, "python")


def _play(site: Site, options: Options) -> list[str]:
    account = site.start()
    offer = make_offers(site, account, [("codes", False)], options.codes)["codes", False]
    sizes = [Size(redeemables, items, []) for redeemables, items in SIZES]
    complaints: list[str] = []
    units = 0
    for number in range(options.rounds + 1):
        for size in sizes:
            site.check_stop()
            played, units = _round(site, account, offer, options, size, units)
            complaints += [f"{size.redeemables} on {size.items}: {each}" for each in played.answers.complaints()]
            if number:  # the first warms up
                size.rounds.append(played)
    if not complaints:
        say(f"\ndurable, {options.connections[0]} connections, {options.rounds} rounds of each size")
        say("\n".join((HEAD, *(size.row() for size in sizes))))
        every = [each for size in sizes for each in size.rounds]
        foreign = max(each.spent.foreign_share(each.answers.cpu_s) for each in every)
        say(f"at worst {max(each.spent.stolen_share for each in every):.0%} stolen, {foreign:.0%} taken by others")
    return complaints


def _round(site: Site, account: Account, offer: Offer, options: Options, size: Size, units: int) -> tuple[Round, int]:
    """One load, and the units that the campaign has granted after it."""
    load = Load(
        port=site.real_port,
        secret_key=account.secret_key,
        run=f"stack{time.time_ns() % 10**9}",
        codes=offer.codes,
        connections=options.connections[0],
        seconds=options.seconds,
        redeemables=size.redeemables,
        items=size.items,
    )
    before = sample(site.pids)
    answers = run_load("python", load)
    units += answers.granted * size.redeemables
    settled_after_s = wait_until_settled(site.owner_url, offer.campaign_id, units)
    return Round("real", answers, spent(before, sample(site.pids)), settled_after_s), units
