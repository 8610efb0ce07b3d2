"""Serves one shard in one open epoch: batch after batch, and a regular look at both stores.

A look is what notices that the epoch is over, that another reconciler has moved on or has died between commit and
confirm, and that a person has released what is withheld; and it is the heartbeat that workers hear. Must never beat
without having reached PostgreSQL.
"""

import time

from domain.ledger import Position
from domain.outcomes import Status
from engine.reconciler.alarms import Alarms
from engine.reconciler.entries import Entry
from engine.reconciler.inbox import Inbox
from engine.reconciler.metrics import ShardMetrics
from engine.reconciler.reader import Reader
from engine.reconciler.servers import Meta, read_meta
from engine.reconciler.settler import EpochOver, LedgerBehind, Settler
from store import log
from store.database import Database, Transaction
from store.ledger import PositionMoved
from store.link import Link
from store.recovery import ShardState, has_late_rings, may_withhold_less, read_state
from store.rings import delete_known

LOOK_S = 0.2
BEAT_S = 0.35
"""A beat is due when nothing was confirmed for so long; with a look's distance it comes within 0.5 s."""

FRESH_S = 3.0


class Serving:
    """One shard, one epoch."""

    def __init__(
        self,
        settler: Settler,
        state: ShardState,
        database: Database,
        link: Link,
        reader: Reader,
        alarms: Alarms,
        metrics: ShardMetrics,
    ) -> None:
        self._settler = settler
        self._epoch = state
        self._database = database
        self._link = link
        self._reader = reader
        self._alarms = alarms
        self._metrics = metrics
        self._position = Position()
        self._inbox = Inbox(settler.keyspace.stream, Position())
        self._looked = float("-inf")
        self._compared = float("-inf")
        self._spoken = float("-inf")
        self._stopping = False

    @property
    def is_fresh(self) -> bool:
        """Whether both stores have answered lately."""
        return time.monotonic() - self._looked < FRESH_S

    def stop(self) -> None:
        """After the batch under way, end."""
        self._stopping = True
        self._inbox.wake()

    async def prepare(self) -> None:
        """Bring Redis to where PostgreSQL is; EpochOver where it is not open."""
        meta = await read_meta(self._link, self._settler.keyspace)
        if meta is None or meta.state != "open":
            self._check_behind(meta)
            raise EpochOver("the epoch is not open on this server")
        self._position = await self._settler.catch_up()
        self._inbox.restart(self._position)
        self._metrics.watch(self._inbox)
        if not self._epoch.withheld_epochs:
            await self._alarms.close("epoch_withheld")
        await self._look()

    def _check_behind(self, meta: Meta | None) -> None:
        if meta is not None and meta.position > self._epoch.position:
            raise LedgerBehind(f"PostgreSQL stands at {self._epoch.position}, Redis has confirmed {meta.position}")

    async def run(self) -> None:
        """Until the epoch is over, which raises, or it is stopped."""
        self._reader.join(self._epoch.identity, self._inbox)
        try:
            while not self._stopping:
                await self._inbox.wait(LOOK_S)
                entries = self._inbox.take()
                if entries:
                    try:
                        await self._settle(entries)
                    except PositionMoved:
                        await self._go_on_from_ledger()
                if not entries or time.monotonic() - self._looked > LOOK_S:
                    await self._look()
        finally:
            self._reader.leave(self._inbox)

    async def _settle(self, entries: list[Entry]) -> None:
        old, started = self._position, time.monotonic()
        with self._metrics.settling(entries):
            summary = await self._settler.settle(old, entries)
            self._position = entries[-1].position
            status = await self._settler.confirm(old, entries, summary)
        self._metrics.batch(entries, time.monotonic() - started)
        if status is Status.FENCED:
            raise EpochOver("the epoch is gone from this server")
        if status is Status.MOVED:
            # Another reconciler has committed before us and has not confirmed yet, or has died of it.
            await self._go_on_from_ledger()
        self._spoken = time.monotonic()

    async def _go_on_from_ledger(self) -> None:
        self._position = await self._settler.catch_up()
        self._inbox.restart(self._position)
        self._metrics.watch(self._inbox)

    async def _look(self) -> None:
        """Redis's side; now and then PostgreSQL's, however busy the shard is; then say that we are here, where nothing
        that was settled has said it."""
        meta = await read_meta(self._link, self._settler.keyspace)
        if meta is None or meta.state != "open":
            self._check_behind(meta)
            raise EpochOver("the epoch was closed or is gone from this server")
        self._metrics.backlog(meta.added - meta.settled)
        if time.monotonic() - self._compared > BEAT_S:
            await self._compare(meta)
            self._compared = time.monotonic()
        if time.monotonic() - self._spoken > BEAT_S:
            await self._settler.publish(self._position, self._position)
            self._spoken = time.monotonic()
        self._looked = time.monotonic()

    async def _compare(self, meta: Meta) -> None:
        """Both sides, and who the server is: an open connection does not show that it has changed."""
        await self._link.check_identity()
        async with self._database.shard_tx(self._settler.place.shard) as tx:
            state = await read_state(tx, self._settler.place.shard)
            if state is None or (state.epoch, state.state) != (self._epoch.epoch, "open"):
                raise EpochOver("PostgreSQL has another epoch")
            await self._expect_nothing_new(tx, state)
        if state.position != self._position or meta.position != state.position:
            await self._go_on_from_ledger()
        if meta.withheld and not state.withheld_epochs:
            await self._settler.scripts.release()
            await self._alarms.close("epoch_withheld")
            log.info("epoch released", shard=state.shard, epoch=state.epoch)

    async def _expect_nothing_new(self, tx: Transaction, state: ShardState) -> None:
        """What is learned late of older epochs is put to account by going on to the next one, whose counters are read
        from PostgreSQL anew."""
        if await has_late_rings(tx, state.shard, state.epoch) and not await delete_known(
            tx, state.shard, state.epoch - 1
        ):
            raise EpochOver("a worker has handed in answers of an older epoch")
        if state.withheld_epochs and await may_withhold_less(tx, state.shard, state.epoch):
            raise EpochOver("some of what is withheld is accounted for")
