"""`./dev bench --beside-import`: what redemptions at 200 a second take, without and with an import of 50,000 codes
beside them, in turn in the same run. Exit code 1 where the p99 beside it is more than twice as long in the median of
the pairs.

Must never compare a round in which the import had ended before the load had.
"""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec

from tools.dev.console import LauncherError, say
from tools.dev.paths import ROOT
from tools.dev.ports import HOST
from tools.dev.signals import Signals

from .alone import play_alone
from .answers import Answers, Load
from .arithmetic import spread
from .ledger import wait_until_settled
from .open_loop import OpenLoad
from .options import Options
from .proc import Spent, sample, spent
from .shop import Offer, Shop
from .site import Account, Site

PER_SECOND = 200
ROWS = 50_000
MOST_RATIO = 2.0
_CODES = 5_000
_CONNECTIONS = 64
_HEAD = (
    f"{'pair':>5}{'p50 ms':>9}{'p99 ms':>9}{'beside: p50':>13}{'p99':>9}{'x p99':>8}"
    f"{'rows/s':>9}{'busy':>7}{'others':>8}"
)


class Beside(msgspec.Struct, frozen=True):
    """A pair of rounds: alone, and beside the import."""

    alone: Answers
    beside: Answers
    rows_per_s: float
    spent: Spent

    @property
    def ratio(self) -> float:
        return self.beside.p99_ms / self.alone.p99_ms


def run(options: Options, folder: Path, signals: Signals) -> int:
    """All pairs; 1 where one is no result, or the import is felt too much."""
    return play_alone(_play, options, folder, signals, "python")


def _play(site: Site, options: Options) -> list[str]:
    account = site.start()
    control_plane = site.start_control_plane()
    shop = Shop(site, account)
    http = httpx.Client(
        base_url=f"http://{HOST}:{site.ports.control_plane}",
        headers={"Authorization": f"Bearer {account.secret_key}"},
        timeout=120,
    )
    try:
        offer = shop.offer("codes", False, _CODES)
        return _pairs(site, account, http, offer, options)
    finally:
        http.close()
        shop.close()
        control_plane.stop()


def _pairs(site: Site, account: Account, http: httpx.Client, offer: Offer, options: Options) -> list[str]:
    granted = 0
    pairs: list[Beside] = []
    complaints: list[str] = []
    say(f"\ndurable, {PER_SECOND} redemptions/s (open loop, timed from when each was due), import of {ROWS:,} rows")
    for number in range(options.rounds + 1):
        site.check_stop()
        alone = _load(site, account, offer, options.seconds)
        granted += alone.granted
        wait_until_settled(site.owner_url, offer.campaign_id, granted)
        action, before = _start_import(http, number), sample(site.pids)
        done_before = _done(http, action)
        beside = _load(site, account, offer, options.seconds)
        done, after = _done(http, action), sample(site.pids)
        granted += beside.granted
        wait_until_settled(site.owner_url, offer.campaign_id, granted)
        complaints += [f"pair {number}: {each}" for each in (*alone.complaints(), *beside.complaints())]
        if done == ROWS:
            complaints.append(f"pair {number}: the import had ended before the load; take fewer --seconds")
        rows_per_s = (done - done_before) / beside.seconds
        _finish(http, action)
        if number:  # the first warms up
            pairs.append(Beside(alone, beside, rows_per_s, spent(before, after)))
    if not complaints:
        _describe(pairs)
        if spread([pair.ratio for pair in pairs]).median > MOST_RATIO:
            complaints.append(f"the import makes the p99 more than {MOST_RATIO:.0f} times as long")
    return complaints


def _describe(pairs: list[Beside]) -> None:
    say(_HEAD)
    for number, pair in enumerate(pairs, start=1):
        foreign = pair.spent.foreign_share(pair.beside.cpu_s)
        say(
            f"{number:>5}{pair.alone.p50_ms:>9.1f}{pair.alone.p99_ms:>9.1f}{pair.beside.p50_ms:>13.1f}"
            f"{pair.beside.p99_ms:>9.1f}{pair.ratio:>8.2f}{pair.rows_per_s:>9,.0f}{pair.spent.busy_share:>7.0%}"
            f"{foreign:>8.0%}"
        )
    ratio = spread([pair.ratio for pair in pairs])
    say(f"p99 beside the import: {ratio.median:.2f} times that without ({ratio.least:.2f} to {ratio.greatest:.2f})")


def _load(site: Site, account: Account, offer: Offer, seconds: float) -> Answers:
    load = Load(
        port=site.real_port,
        secret_key=account.secret_key,
        run=f"beside{time.time_ns() % 10**9}",
        codes=offer.codes,
        connections=_CONNECTIONS,
        seconds=seconds,
    )
    result = subprocess.run(
        [sys.executable, "-m", "bench.open_loop"],
        input=msgspec.json.encode(OpenLoad(load, PER_SECOND), enc_hook=str),
        capture_output=True,
        cwd=ROOT,
        timeout=seconds + 60,
        check=False,
    )
    if result.returncode != 0:
        raise LauncherError(f"the load ended with {result.returncode}:\n{result.stderr.decode()}")
    return msgspec.json.decode(result.stdout, type=Answers)


def _start_import(http: httpx.Client, number: int) -> str:
    rows = "".join(f"IMPORT{number}-{row},PERCENT,20,1,\r\n" for row in range(ROWS))
    file = "code,discount_type,discount_value,max_redemptions,expires_at\r\n" + rows
    answer = http.post("/v1/vouchers/import", content=file, headers={"Content-Type": "text/csv"})
    if answer.status_code != 202:
        raise LauncherError(f"the import was refused: {answer.text}")
    return str(answer.json()["async_action_id"])


def _done(http: httpx.Client, action: str) -> int:
    return int(http.get(f"/v1/async-actions/{action}").json()["done_count"])


def _finish(http: httpx.Client, action: str) -> None:
    """What is left would take its time from the next round."""
    answer = http.post(f"/v1/async-actions/{action}/cancel")
    if answer.status_code not in (200, 409):
        raise LauncherError(f"the import cannot be ended: {answer.text}")
