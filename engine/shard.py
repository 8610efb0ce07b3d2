"""One shard as this worker serves it: epoch, lease, catalog, committer; and the gate through which they are had.

A worker grants only under a lease in PostgreSQL, counted on its own monotonic clock from before it asked. Must never
serve from an epoch that it has reason to believe is over.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from domain.ledger import Item, Position
from domain.problems import Refused
from store import log
from store.database import UNAVAILABLE, Database
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.queries import query
from store.rings import Answer
from store.shards import Recovering, Shard, Shards

from .catalog import Catalog
from .committer import Committed, Committer
from .metrics import Metrics
from .qualifying.tiers import Tiers
from .ring import Ring, Rings

LEASE_S = 30.0
RENEW_S = 10.0
CLOSED_FOR_S = 0.05
"""How long a shard that was found closed is refused without asking PostgreSQL again."""

_LOCK = query("lock_shard_shared")
_TAKE_LEASE = query("take_lease")
_LEAVE = query("leave_lease")


class ServedShard:
    """A shard that this worker may grant from, as long as its lease lasts."""

    def __init__(
        self,
        shard: Shard,
        ring: Ring,
        database: Database,
        metrics: Metrics,
        on_fence: Callable[["ServedShard"], None],
        on_broken: Callable[["ServedShard"], None],
        clock: Callable[[], float],
    ) -> None:
        self.shard = shard
        self.ring = ring
        self.epoch = shard.epoch.number
        # Whether Redis has the records of before the epoch again; Custody learns it.
        self.records_restored = False
        self.leased_until = float("-inf")
        self.offset_ms = 0
        self.acknowledged = Position()
        self._clock = clock
        self.catalog = Catalog(shard, database, metrics)
        self.qualifying = Tiers(shard, database)
        self.committer = Committer(
            shard.scripts, metrics, self.may_grant, lambda: on_fence(self), lambda: on_broken(self)
        )

    def may_grant(self) -> bool:
        """Whether the lease holds, by this worker's own clock, and the ring has not been handed in."""
        return self._clock() < self.leased_until and not self.ring.sealed

    def now_ms(self) -> int:
        """The time as the shard's script sees it, as well as it is known here."""
        return int(time.time() * 1000) + self.offset_ms

    def answer(self, answer: Answer) -> None:
        """Keep what is about to be answered until the ledger has it; Refused where it must not be answered."""
        self.ring.add(answer)
        self.acknowledged = max(self.acknowledged, answer.position)

    async def submit(self, item: Item) -> Committed:
        """Have an item judged, and note what time the script says it is; raises what refused the whole batch."""
        said = await self.committer.submit(item)
        self.offset_ms = said.now_ms - int(time.time() * 1000)
        return said


class Gate:
    """Opens shards on demand, single-flight, and closes them when their epoch is over."""

    def __init__(
        self,
        shards: Shards,
        database: Database,
        metrics: Metrics,
        worker_id: str,
        rings: Rings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_doubt: Callable[[], None] = lambda: None
        self._rings = rings
        self._shards = shards
        self._database = database
        self._metrics = metrics
        self._worker_id = worker_id
        self._clock = clock
        self._served: dict[int, ServedShard] = {}
        self._opening: dict[int, asyncio.Task[ServedShard]] = {}
        self._closed_until: dict[int, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def served(self) -> list[ServedShard]:
        """The shards that are open here."""
        return list(self._served.values())

    def served_in(self, number: int, epoch: int) -> ServedShard | None:
        """The shard, if it is open here in this epoch."""
        served = self._served.get(number)
        return served if served is not None and served.epoch == epoch else None

    async def enter(self, number: int) -> ServedShard:
        """The shard, open and under lease; Refused `recovering` or `store_unavailable` where it cannot be."""
        served = self._served.get(number)
        if served is not None and served.may_grant():
            return served
        if self._clock() < self._closed_until.get(number, 0.0):
            raise Refused("recovering")
        task = self._opening.get(number)
        if task is None:
            task = self._opening[number] = asyncio.create_task(self._open(number))
            task.add_done_callback(lambda _: self._opening.pop(number, None))
        try:
            return await asyncio.shield(task)
        except (Recovering, FencedOut, RedisUnavailable) as error:
            raise Refused("recovering") from error
        except UNAVAILABLE as error:
            raise Refused("store_unavailable", "PostgreSQL is away") from error

    async def _open(self, number: int) -> ServedShard:
        try:
            served = await self._lease(await self._shards.refresh(number))
        except Exception:
            self._closed_until[number] = self._clock() + CLOSED_FOR_S
            raise
        self._served[number] = served
        return served

    async def _lease(self, shard: Shard) -> ServedShard:
        await shard.link.command("PING")  # the identity is checked before anything is decided
        ring = self._rings.of(shard.epoch.shard, shard.epoch.number)
        if ring.sealed:
            raise Recovering(f"the ring of shard {shard.epoch.shard} has been handed in")
        served = ServedShard(
            shard,
            ring,
            self._database,
            self._metrics,
            on_fence=self.fence,
            on_broken=self._broken,
            clock=self._clock,
        )
        if not await self._renew(served):
            raise Recovering(f"shard {shard.epoch.shard} has closed")
        return served

    def fence(self, served: ServedShard) -> None:
        """Its epoch is over, or the server cannot be reached: nothing more from it. What has taken its place stays."""
        number = served.shard.epoch.shard
        if self._served.get(number) is served:
            del self._served[number]
            self._metrics.fences += 1
            self._closed_until[number] = self._clock() + CLOSED_FOR_S
            self._later(self._shards.forget(number))
            self.on_doubt()

    def _broken(self, served: ServedShard) -> None:
        log.error("a script failed: closing the epoch", shard=served.shard.epoch.shard, epoch=served.epoch)
        self._later(self._close_epoch(served))

    async def _close_epoch(self, served: ServedShard) -> None:
        try:
            await served.shard.scripts.close()
        except (FencedOut, RedisFull, RedisUnavailable, ScriptFailed) as error:
            log.error("the epoch could not be closed", shard=served.shard.epoch.shard, error=str(error))
        self.fence(served)

    async def renew_leases(self) -> None:
        """Renew the lease of every shard that is open here; a shard whose epoch has closed is let go."""
        for number, served in list(self._served.items()):
            try:
                if not await self._renew(served):
                    self.fence(served)
            except UNAVAILABLE as error:
                log.warning("the lease could not be renewed", shard=number, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the edge: one shard's trouble must not end the others' leases
                log.error("the lease could not be renewed", shard=number, where=log.where(error))

    async def _renew(self, served: ServedShard) -> bool:
        asked_at = self._clock()
        number, at = served.shard.epoch.shard, served.acknowledged
        async with self._database.shard_tx(number, self._worker_id) as tx:
            await tx.execute(_LOCK, number)
            row = await tx.fetchrow(
                _TAKE_LEASE, number, served.epoch, self._worker_id, int(LEASE_S), at.entry_ms, at.entry_seq
            )
        if row is None:
            return False
        served.leased_until = asked_at + LEASE_S
        return True

    async def leave(self, rings: list[Ring]) -> None:
        """In good order: these epochs have had nothing of this worker that is not in the ledger."""
        for ring in rings:
            ring.seal()
            served = self.served_in(ring.shard, ring.epoch)
            at = served.acknowledged if served is not None else Position()
            async with self._database.shard_tx(ring.shard, self._worker_id) as tx:
                await tx.execute(_LEAVE, ring.shard, ring.epoch, self._worker_id, at.entry_ms, at.entry_seq)
            self._rings.drop(ring)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
