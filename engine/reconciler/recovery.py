"""Closes a broken epoch and opens the next: close, drain, judge, open. DESIGN's "Losing Redis", first part.

Nothing is granted in an epoch that is being recovered, and no counter of it is used again. Must never open an epoch
whose predecessor's surviving events are not in PostgreSQL.
"""

import time
from collections.abc import Callable, Sequence

from domain.ledger import Position
from domain.outcomes import Status
from engine.reconciler.servers import Meta, Servers, last_generated, read_meta, setting
from engine.reconciler.settler import LedgerBehind, Settler
from engine.reconciler.trust import Evidence, why_not
from store import log, recovery
from store.database import Database
from store.keys import Keyspace
from store.ledger_rows import Fate, Place
from store.link import Identity, Link
from store.recovery import EpochMoved, ShardState
from store.scripts import Scripts

BACKLOG_BOUND = 200_000
"""Most events of a shard that may wait for the ledger; beyond it grants are refused, never dropped."""

OPENING_PATIENCE_S = 0.3
"""How long another reconciler is given to finish an epoch that it is opening. It takes milliseconds."""


class Recovery:
    """Opens epochs of one shard."""

    def __init__(
        self,
        shard: int,
        database: Database,
        servers: Servers,
        trust_aof: bool,
        note: Callable[[Sequence[Fate]], None],
    ) -> None:
        self._shard = shard
        self._database = database
        self._servers = servers
        self._trust_aof = trust_aof
        self._note = note
        self._opening: tuple[int, float] | None = None

    async def first(self) -> None:
        """The shard never had an epoch."""
        identity, link = await self._servers.newest()
        async with self._database.shard_tx(self._shard) as tx:
            epoch = await recovery.begin_first(tx, self._shard, identity)
        await self._finish(link, epoch, withheld=0)

    async def next(self, state: ShardState) -> None:
        """The newest epoch is over, or was never finished: open the one after it."""
        started = time.monotonic()
        if state.state == "opening" and self._wait_for(state.epoch):
            return
        identity, link = await self._servers.newest()
        keyspace = Keyspace(self._shard, state.epoch)
        await Scripts(link, keyspace).close()
        meta = await read_meta(link, keyspace)
        if state.state == "open" and meta is not None and meta.position > state.position:
            raise LedgerBehind(f"PostgreSQL stands at {state.position}, Redis has confirmed {meta.position}")
        state, drained = await self._drain(state, identity, link, meta)
        reason = await self._judge(state, identity, link, meta)
        withheld = state.withheld_epochs + (1 if reason else 0)
        async with self._database.shard_tx(self._shard) as tx:
            epoch = await recovery.begin_next(tx, state, identity, withheld, reason)
        await self._finish(link, epoch, withheld)
        log.warning(
            "epoch recovered",
            shard=self._shard,
            epoch=epoch,
            drained_events=drained,
            believed=not reason,
            reason=reason,
            withheld_epochs=withheld,
            took_ms=int((time.monotonic() - started) * 1000),
        )

    def _wait_for(self, epoch: int) -> bool:
        """Whether the one who is opening this epoch still has time to finish it."""
        now = time.monotonic()
        if self._opening is None or self._opening[0] != epoch:
            self._opening = (epoch, now)
        return now - self._opening[1] < OPENING_PATIENCE_S

    async def _drain(
        self, state: ShardState, identity: Identity, link: Link, meta: Meta | None
    ) -> tuple[ShardState, int]:
        """Settle all that survives of the old epoch's stream, on the server that answers now."""
        if state.position_epoch != state.epoch:
            raise EpochMoved(f"shard {self._shard} was moved on")
        place = Place(self._shard, state.epoch, await self._servers.durability(identity))
        settler = Settler(self._database, link, place, self._note)
        position, drained = state.position, 0
        while entries := await settler.entries(position):
            summary = await settler.settle(position, entries)
            new = entries[-1].position
            status = Status.FENCED
            if meta is not None:
                status = await settler.confirm(position, entries, summary)
            if status is not Status.OK:
                # This server does not stand where PostgreSQL did, or has no such epoch. Its counters are never
                # used again, so only those who wait have to hear.
                await settler.publish(position, new, summary)
            drained += sum(len(entry.slots) for entry in entries)
            position = new
        return _at(state, position), drained

    async def _judge(self, state: ShardState, identity: Identity, link: Link, meta: Meta | None) -> str:
        """Why the data of the old epoch are not believed; '' if they are."""
        if state.state == "opening":
            return ""  # nothing was ever granted in it
        if state.state == "closed":
            return "a person has abandoned the epoch"
        async with self._database.shard_tx(self._shard) as tx:
            acknowledged = await recovery.furthest_acknowledged(tx, self._shard, state.epoch)
        persistence = await link.command("INFO", "persistence")
        evidence = Evidence(
            meta=meta,
            last_generated=await last_generated(link, Keyspace(self._shard, state.epoch)),
            ledger=state.position,
            acknowledged=acknowledged,
            same_server=identity == state.identity,
            trust_aof=self._trust_aof,
            appendonly=await setting(link, "appendonly"),
            appendfsync=await setting(link, "appendfsync"),
            last_write_status=str(persistence.get("aof_last_write_status", "")),
            role="master",  # `newest` binds to nothing else
        )
        return why_not(evidence)

    async def _finish(self, link: Link, epoch: int, withheld: int) -> None:
        """Open it in Redis, then in PostgreSQL: workers see it only when it is there."""
        scripts = Scripts(link, Keyspace(self._shard, epoch))
        status = await scripts.open(withheld > 0, BACKLOG_BOUND)
        if status is not Status.OK:
            # A server that has this epoch already was used with another database: its keys are never used.
            log.error("the server has this epoch already", shard=self._shard, epoch=epoch)
            raise EpochMoved(f"epoch {epoch} of shard {self._shard} is on the server already")
        async with self._database.shard_tx(self._shard) as tx:
            await recovery.open_epoch(tx, self._shard, epoch)
        self._opening = None
        log.info("epoch opened", shard=self._shard, epoch=epoch, withheld_epochs=withheld)


def _at(state: ShardState, position: Position) -> ShardState:
    return ShardState(
        state.shard, state.epoch, state.state, state.identity, state.withheld_epochs, state.position_epoch, position
    )
