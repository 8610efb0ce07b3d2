"""One worker: what its handlers share, how it starts, and how it leaves in good order."""

import asyncio
import os
import time

from domain.ids import time_ordered_id
from domain.problems import Refused
from store import log
from store.database import UNAVAILABLE, Database
from store.queries import query
from store.shards import Shards

from .auth import Keys
from .custody import Custody
from .guessing import Guessing
from .listener import Listener
from .metrics import Metrics
from .records import Records
from .ring import Rings
from .settings import Settings
from .shard import RENEW_S, Gate

DRAIN_S = 10.0
LEAVE_S = 3.0
"""How long a worker that ends waits for the ledger, before it hands in what is not confirmed."""

_PING = query("ping")


class Worker:
    """Everything that a request may need. Built once, in the loop that serves."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.id = time_ordered_id("wrk", int(time.time() * 1000), os.urandom(10))
        self.metrics = Metrics()
        self.keys = Keys(database, settings.secret, self.metrics)
        self.guessing = Guessing()
        self.shards = Shards(database, settings.redis_url)
        self.rings = Rings()
        self.metrics.ring_bytes = lambda: self.rings.budget.used_bytes
        self.gate = Gate(self.shards, database, self.metrics, self.id, self.rings)
        self.custody = Custody(self.rings, self.gate, database, self.id, time.monotonic)
        self.gate.on_doubt = self.custody.doubt
        self.listener = Listener(settings.redis_url, settings.shards, self.rings.confirm)
        self.records = Records(database)
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, settings: Settings) -> "Worker":
        """Connect, waiting for PostgreSQL as long as it takes; serve whatever shards are asked for."""
        while True:
            try:
                database = await Database.connect(
                    settings.database_url, application_name="vauchflow-engine", max_size=8
                )
                break
            except UNAVAILABLE as error:
                log.warning("PostgreSQL is away", error=type(error).__name__)
                await asyncio.sleep(0.2)
        worker = cls(settings, database)
        worker.listener.start()
        worker._tasks = [asyncio.create_task(work) for work in (worker._keep_leases(), worker.custody.run())]
        return worker

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self.gate.renew_leases()

    async def is_ready(self) -> bool:
        """Whether the stores can be reached and some shard can be served."""
        if self.draining:
            return False
        served = self.gate.served()
        try:
            async with self.database.anonymous_tx() as tx:
                await tx.fetchval(_PING)
            await self.gate.enter(served[0].shard.epoch.shard if served else 0)
        except UNAVAILABLE:
            return False
        except Refused:
            return False
        return True

    async def stop(self) -> None:
        """Let what is in flight end, bounded in time; then leave the leases and close."""
        self.draining = True
        drained = await self.metrics.idle(DRAIN_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if drained:  # else its leases run out, and say that it may hold something
                await self.custody.leave(lambda shard: self.listener.shard(shard).is_heard(), LEAVE_S)
        except UNAVAILABLE as error:
            log.warning("the leases could not be left", error=type(error).__name__)
        await self.listener.stop()
        await self.shards.close()
        await self.database.close()
