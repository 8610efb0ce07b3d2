"""Plays rounds: a load on the real engine, the same on the null engine, in turn, with every clock read around it."""

import time
from collections.abc import Iterator

from .answers import Answers, Load
from .arithmetic import Peer, Round
from .generators import Generator, run_load
from .ledger import wait_until_settled
from .options import Cell
from .proc import sample, spent
from .scrape import mean_batch, scrape
from .shop import Offer
from .site import Account, Site

# Long enough to fill every cache: definitions in the engine, scripts in Redis, pages in PostgreSQL.
_WARM_UP_S = {"campaign": 0.5, "codes": 1.5}

_REVISIONS: tuple[Peer, Peer] = ("real", "older")


class NoResult(Exception):
    """A round that may not be reported: says why."""


class Player:
    """Plays the rounds of one site, and keeps count of what was acknowledged for each campaign."""

    def __init__(self, site: Site, account: Account, generator: Generator, seconds: float) -> None:
        self._site = site
        self._account = account
        self._generator = generator
        self._seconds = seconds
        self._runs = 0
        self.acknowledged: dict[str, int] = {}

    def play(self, cell: Cell, offer: Offer, null_offer: Offer, rounds: int) -> Iterator[Round]:
        """Warm both engines up, then real, null, real, null. The null engine has its own offer only where the real
        one's waits for the ledger, which nothing of the null engine's ever reaches."""
        self._round("real", cell, offer, _WARM_UP_S[cell.workload])
        self._round("null", cell, null_offer, _WARM_UP_S[cell.workload])
        for _ in range(rounds):
            yield self._round("real", cell, offer, self._seconds)
            yield self._round("null", cell, null_offer, self._seconds)

    def alternate(self, cell: Cell, offer: Offer, rounds: int) -> Iterator[tuple[Round, Round]]:
        """Warm both up, then pairs of this revision and the other one. Who begins takes turns, so that a machine which
        becomes slower all the time is nobody's advantage."""
        for peer in _REVISIONS:
            self._round(peer, cell, offer, _WARM_UP_S[cell.workload])
        for number in range(rounds):
            order = _REVISIONS if number % 2 == 0 else _REVISIONS[::-1]
            played = {peer: self._round(peer, cell, offer, self._seconds) for peer in order}
            yield played["real"], played["older"]

    def _round(self, peer: Peer, cell: Cell, offer: Offer, seconds: float) -> Round:
        self._site.check_stop()
        port = self._site.real_port if peer == "real" else self._site.second_port
        counted, before = scrape(port), sample(self._site.pids)
        answers = self._load(port, peer, cell, offer, seconds)
        settled_after_s = 0.0
        if peer != "null":
            acknowledged = self.acknowledged.get(offer.campaign_id, 0) + answers.granted
            self.acknowledged[offer.campaign_id] = acknowledged
            settled_after_s = wait_until_settled(self._site.owner_url, offer.campaign_id, acknowledged)
        after = sample(self._site.pids)
        complaints = answers.complaints()
        if complaints:
            raise NoResult(f"{cell.durability}, {cell.workload}, {peer} engine: {'; '.join(complaints)}")
        batch = mean_batch(counted, scrape(port))
        return Round(peer, answers, spent(before, after), settled_after_s, batch)

    def _load(self, port: int, peer: Peer, cell: Cell, offer: Offer, seconds: float) -> Answers:
        self._runs += 1
        load = Load(
            port=port,
            secret_key=self._account.secret_key,
            run=f"{peer}{self._runs}{time.time_ns() % 10**6:06d}",
            codes=offer.codes,
            connections=cell.connections,
            seconds=seconds,
        )
        return run_load(self._generator, load)
