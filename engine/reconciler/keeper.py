"""Keeps one shard: finds its epoch, serves it, recovers it, and never ends of an error.

Whatever happens is one of: the epoch is over (recover), a store is away (wait), another reconciler was faster (read
again), or something that a person must see (alarm, stop this shard, try again slowly). Must never guess which epoch
is in force: PostgreSQL says it, each time anew.
"""

import asyncio

from engine.reconciler.alarms import Alarms
from engine.reconciler.backoff import Backoff
from engine.reconciler.metrics import ShardMetrics
from engine.reconciler.reader import Reader
from engine.reconciler.recovery import Recovery
from engine.reconciler.servers import Servers
from engine.reconciler.serving import Serving
from engine.reconciler.settler import EpochOver, LedgerBehind, NewerSchema, Settler
from store import log
from store.database import UNAVAILABLE, Database
from store.ledger import PositionMoved
from store.ledger_rows import Place
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.recovery import EpochMoved, ShardState, read_state

_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, RedisUnavailable, RedisFull)
_OVER = (EpochOver, FencedOut, ScriptFailed)
_RACED = (PositionMoved, EpochMoved)

STORE_RETRY_S = 0.15
"""Longest wait for a store that is away: a shard sells again so soon after it is back."""


class Keeper:
    """One shard of this process."""

    def __init__(
        self, shard: int, database: Database, servers: Servers, reader: Reader, metrics: ShardMetrics, trust_aof: bool
    ) -> None:
        self.shard = shard
        self.metrics = metrics
        self._database = database
        self._servers = servers
        self._reader = reader
        self._alarms = Alarms(shard, database, metrics)
        self._recovery = Recovery(shard, database, servers, trust_aof, metrics.note)
        self._over = 0
        self._stopping = False
        self.serving: Serving | None = None
        self._store_retry = Backoff(STORE_RETRY_S)
        self._retry = Backoff()

    @property
    def is_ready(self) -> bool:
        """Whether this shard is being served, and was heard of lately."""
        return self.serving is not None and self.serving.is_fresh

    def stop(self) -> None:
        """After the batch under way, end."""
        self._stopping = True
        if self.serving is not None:
            self.serving.stop()

    async def run(self) -> None:
        """Until stopped."""
        while not self._stopping:
            try:
                await self._step()
            except _OVER as error:
                log.warning("epoch over", shard=self.shard, why=f"{type(error).__name__}: {error}")
            except _RACED:
                await asyncio.sleep(0)
            except _AWAY as error:
                self._say_away(error)
                await self._store_retry.wait()
            except (LedgerBehind, NewerSchema) as error:
                kind = "ledger_behind" if isinstance(error, LedgerBehind) else "shard_stopped"
                await self._stopped(kind, error)
            except Exception as error:  # noqa: BLE001 - the edge: nothing unknown may end the process or be passed over
                await self._stopped("shard_stopped", error)

    async def _stopped(self, kind: str, error: Exception) -> None:
        # The first line only: PostgreSQL's further ones quote rows.
        await self._alarms.open(kind, {"error": f"{type(error).__name__}: {error}".partition("\n")[0][:1000]})
        await self._retry.wait()

    def _say_away(self, error: Exception) -> None:
        if self.metrics.away(type(error).__name__):
            log.warning("a store is away", shard=self.shard, error=f"{type(error).__name__}: {error}"[:300])

    async def _step(self) -> None:
        async with self._database.shard_tx(self.shard) as tx:
            state = await read_state(tx, self.shard)
        if state is None:
            await self._recovery.first()
        elif state.state == "open" and self._over != state.epoch:
            await self._serve(state)
        else:
            await self._recover(state)

    async def _recover(self, state: ShardState) -> None:
        await self._recovery.next(state)
        if state.state == "opening":
            # Another reconciler may be at it, or died of it: look again soon.
            await asyncio.sleep(0.02)

    async def _serve(self, state: ShardState) -> None:
        """Serve the epoch until it is over. `_over` remembers that, so that the next step recovers it."""
        link = self._servers.link(state.identity)
        try:
            place = Place(self.shard, state.epoch, await self._servers.durability(state.identity))
            settler = Settler(self._database, link, place, self.metrics.note)
            self.serving = Serving(settler, state, self._database, link, self._reader, self._alarms, self.metrics)
            await self.serving.prepare()
            await self._alarms.close("shard_stopped")
            await self._alarms.close("ledger_behind")
            self._store_retry.reset()
            self._retry.reset()
            self.metrics.back()
            if self._stopping:
                return
            await self.serving.run()
        except LedgerBehind:
            # Nothing more may be granted: what Redis has confirmed, the ledger does not know.
            await settler.scripts.close()
            raise
        except _OVER:
            self._over = state.epoch
            raise
        finally:
            self.serving = None
