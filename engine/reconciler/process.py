"""The reconciler's process: its parts, put together, started and ended in order."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import asyncpg
from granian.constants import Interfaces
from granian.server.embed import Server

from engine.reconciler import restoring, sweeping, vanished
from engine.reconciler.backoff import Backoff
from engine.reconciler.http import Health
from engine.reconciler.keeper import Keeper
from engine.reconciler.metrics import Metrics
from engine.reconciler.projector import Projector
from engine.reconciler.reader import Reader
from engine.reconciler.restoring import Restoring
from engine.reconciler.rounds import rounds
from engine.reconciler.servers import Servers
from engine.reconciler.settings import Settings
from engine.reconciler.sweeping import Sweeper
from engine.reconciler.vanished import Vanished
from store import log
from store.database import UNAVAILABLE, Database

DRAIN_S = 10.0
"""How long the batches under way may take when the process is asked to end."""

_REFUSED: tuple[type[Exception], ...] = (*UNAVAILABLE, asyncpg.PostgresError)


class Reconciler:
    """Everything but the HTTP side: tests run it by itself, too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.metrics = Metrics()
        self._keepers: list[Keeper] = []
        self._stopping = asyncio.Event()

    def is_ready(self) -> bool:
        """Whether every shard is served."""
        return bool(self._keepers) and all(keeper.is_ready for keeper in self._keepers)

    def stop(self) -> None:
        """Finish the batches under way, and end."""
        self._stopping.set()
        for keeper in self._keepers:
            keeper.stop()

    async def run(self) -> None:
        """Until stopped."""
        database = await self._connect()
        if database is None:
            return
        servers, reader = Servers(self._settings.redis_url), Reader(self._settings.redis_url)
        shards = {number: self.metrics.shard(number) for number in range(self._settings.shards)}
        self._keepers = [
            Keeper(number, database, servers, reader, metrics, self._settings.trust_aof)
            for number, metrics in shards.items()
        ]
        helpers = [
            asyncio.create_task(reader.run(), name="reader"),
            asyncio.create_task(Projector(database, servers, shards).run(), name="projector"),
            *(asyncio.create_task(work, name=name) for name, work in self._rounds(database, servers)),
        ]
        keeping = [asyncio.create_task(keeper.run(), name=f"shard {keeper.shard}") for keeper in self._keepers]
        try:
            await self._until_stopped(helpers, keeping)
        finally:
            for task in (*helpers, *keeping):
                task.cancel()
            await asyncio.gather(*helpers, *keeping, return_exceptions=True)
            await servers.close()
            await database.close()

    def _rounds(self, database: Database, servers: Servers) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What is done shard by shard, over and over."""
        shards = range(self._settings.shards)
        return [
            ("sweeper", rounds(shards, Sweeper(database, servers, shards).visit, sweeping.LOOK_S)),
            ("vanished", rounds(shards, Vanished(database, servers).visit, vanished.LOOK_S)),
            ("restoring", rounds(shards, Restoring(database, servers).visit, restoring.LOOK_S)),
        ]

    async def _until_stopped(self, helpers: list[asyncio.Task[None]], keeping: list[asyncio.Task[None]]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            # None of them ends by itself: one that does is a fault of ours, and the process ends with it.
            done, _ = await asyncio.wait([stopping, *helpers, *keeping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not self._stopping.is_set():
            for task in done:
                task.result()
            raise RuntimeError("a task of the reconciler has ended")
        await asyncio.wait(keeping, timeout=DRAIN_S)

    async def _connect(self) -> Database | None:
        """The pool; PostgreSQL may come later than we do. None if we are stopped before."""
        backoff = Backoff()
        said = ""
        while not self._stopping.is_set():
            try:
                return await Database.connect(
                    self._settings.database_url,
                    application_name="vauchflow-reconciler",
                    max_size=self._settings.shards + 4,
                )
            except _REFUSED as error:
                # A server that refuses us (no such database, no such role yet) may be migrated any moment.
                if said != type(error).__name__:
                    said = type(error).__name__
                    log.warning("PostgreSQL is away", error=said)
                await backoff.wait()
        return None


async def serve(settings: Settings) -> None:
    """The process until SIGTERM or SIGINT."""
    reconciler = Reconciler(settings)
    health = Health(reconciler.is_ready, reconciler.metrics.render)
    server = Server(
        health.__rsgi__,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, reconciler.stop)
    serving = asyncio.create_task(server.serve(), name="http")
    log.info("reconciler started", shards=settings.shards, port=settings.port)
    working = asyncio.create_task(reconciler.run(), name="reconciler")
    try:
        await asyncio.wait([working, serving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            serving.result()
            raise RuntimeError("the health server has ended")
        working.result()
    finally:
        reconciler.stop()
        await asyncio.gather(working, return_exceptions=True)
        server.stop()  # type: ignore[no-untyped-call]
        with suppress(asyncio.CancelledError):
            await serving
    log.info("reconciler ended")
