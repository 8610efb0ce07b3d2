"""Keeps watch over the epochs that this worker has answered in, and hands its rings in when they end.

PostgreSQL says when an epoch ends, whatever Redis still does. Must never hand a ring in before it is sealed, and never
forget one that has not been handed in.
"""

import asyncio
from collections.abc import Callable

from store import log, rings
from store.database import UNAVAILABLE, Database
from store.queries import query

from .ring import Ring, Rings
from .shard import Gate

CALM_S = 1.0
"""How often PostgreSQL is asked about an epoch that is being served."""

DOUBT_S = 0.1
"""The same where this worker has been fenced off, or cannot reach PostgreSQL: everybody may be waiting for its ring."""

PAGE = 1000

_EPOCH_STATE = query("epoch_state")
_OVER = ("closing", "closed", None)


class Custody:
    """The rings of one worker, and what becomes of them."""

    def __init__(self, rings_: Rings, gate: Gate, database: Database, worker_id: str, now: Callable[[], float]) -> None:
        self._rings = rings_
        self._gate = gate
        self._database = database
        self._worker_id = worker_id
        self._now = now
        self._doubt = asyncio.Event()
        self._said: tuple[int, str] | None = None

    def doubt(self) -> None:
        """Something has happened to an epoch: look at once."""
        self._doubt.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            in_doubt = await self._look()
            self._doubt.clear()
            try:
                async with asyncio.timeout(DOUBT_S if in_doubt else CALM_S):
                    await self._doubt.wait()
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        """Ask PostgreSQL about every epoch of ours; whether it should be asked again soon."""
        in_doubt = False
        for ring in self._rings:
            served = self._gate.served_in(ring.shard, ring.epoch)
            in_doubt |= served is None
            try:
                async with self._database.shard_tx(ring.shard, self._worker_id) as tx:
                    row = await tx.fetchrow(_EPOCH_STATE, ring.shard, ring.epoch)
                if row is None or row["state"] in _OVER:
                    await self._end(ring)
                elif served is not None:
                    served.records_restored = row["records_restored"]
            except UNAVAILABLE:
                in_doubt = True
            except Exception as error:  # noqa: BLE001 - the edge: no ring may be forgotten for the sake of another
                in_doubt = True
                if self._said != (ring.epoch, type(error).__name__):
                    self._said = (ring.epoch, type(error).__name__)
                    log.error(
                        "a ring could not be handed in", shard=ring.shard, epoch=ring.epoch, where=log.where(error)
                    )
        return in_doubt

    async def _end(self, ring: Ring) -> None:
        """The epoch is over: answer nothing more in it, and hand in what was answered."""
        served = self._gate.served_in(ring.shard, ring.epoch)
        if served is not None:
            self._gate.fence(served)
        await self.hand_in(ring)

    async def hand_in(self, ring: Ring) -> None:
        """All that is in it, then the report; raises one of UNAVAILABLE, and may be tried again."""
        answers = ring.seal()
        for start in range(0, len(answers), PAGE):
            async with self._database.shard_tx(ring.shard, self._worker_id) as tx:
                await rings.hand_in(tx, ring.shard, ring.epoch, self._worker_id, answers[start : start + PAGE])
        async with self._database.shard_tx(ring.shard, self._worker_id) as tx:
            await rings.report(tx, ring.shard, ring.epoch, self._worker_id)
        self._rings.drop(ring)
        if answers:
            log.info("ring handed in", shard=ring.shard, epoch=ring.epoch, answers=len(answers))

    async def leave(self, is_heard: Callable[[int], bool], patience_s: float) -> None:
        """In good order: while the ledger is heard wait until it has all that was answered, at most so long; hand in
        what it has not."""
        until = self._now() + patience_s
        for ring in self._rings:
            while len(ring) and is_heard(ring.shard) and self._now() < until:  # noqa: ASYNC110 - at the end, once
                await asyncio.sleep(0.01)
        await self._gate.leave([ring for ring in self._rings if not len(ring)])
        for ring in self._rings:
            await self.hand_in(ring)
