"""Closes a broken epoch and opens the next: close, drain, collect the rings, judge, open. DESIGN's "Losing Redis".

Nothing is granted in an epoch that is being recovered, and no counter of it is used again. Must never open an epoch
whose predecessor's surviving events, and the answers that workers have handed in, are not in PostgreSQL.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from domain.ledger import Position
from domain.outcomes import Status
from engine.reconciler.servers import Meta, Servers, last_generated, read_meta
from engine.reconciler.settler import LedgerBehind, Settler
from engine.reconciler.trust import Evidence, why_not
from store import log, recovery, rings
from store.database import Database
from store.keys import Keyspace
from store.ledger_rows import Fate, Kind, Place
from store.link import Identity, Link
from store.recovery import EpochMoved, ShardState, WorkerReport
from store.scripts import Scripts

BACKLOG_BOUND = 200_000
"""Most events of a shard that may wait for the ledger; beyond it grants are refused, never dropped."""

OPENING_PATIENCE_S = 0.3
"""How long another reconciler is given to finish an epoch that it is opening. It takes milliseconds."""

RINGS_PATIENCE_S = 2.0
"""How long workers are waited for where no old server can still be granting. Those that live look every second."""

RINGS_POLL_S = 0.02

_TAKEN_IN = (Kind.APPLIED, Kind.RESERVED, Kind.RELEASED)
"""What an answer becomes that no stream had."""


class Verdict(msgspec.Struct, frozen=True):
    """What recovery makes of an epoch: why it is unaccounted for, if it is, and how many answers were only in rings,
    how many workers have not reported."""

    unaccounted: str | None = None
    reason: str = ""
    handed_in: int = 0
    missing: int = 0


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
        async with self._database.shard_tx(self._shard) as tx:
            await recovery.begin_closing(tx, self._shard, state.epoch)
        keyspace = Keyspace(self._shard, state.epoch)
        await Scripts(link, keyspace).close()
        meta = await read_meta(link, keyspace)
        if state.state in ("open", "closing") and meta is not None and meta.position > state.position:
            raise LedgerBehind(f"PostgreSQL stands at {state.position}, Redis has confirmed {meta.position}")
        if state.state == "opening" and state.ever_open and meta is not None and meta.entry > Position():
            raise LedgerBehind(f"Redis has granted in epoch {state.epoch}, which PostgreSQL has never opened")
        state, drained = await self._drain(state, identity, link, meta)
        verdict = await self._judge(state, await self._evidence(state, identity, link, meta))
        async with self._database.shard_tx(self._shard) as tx:
            epoch, withheld = await recovery.begin_next(tx, state, identity, verdict.unaccounted, verdict.reason)
        await self._finish(link, epoch, withheld)
        log.warning(
            "epoch recovered",
            shard=self._shard,
            epoch=epoch,
            drained_events=drained,
            handed_in=verdict.handed_in,
            missing_workers=verdict.missing,
            unaccounted=verdict.unaccounted,
            reason=verdict.reason,
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

    async def _judge(self, state: ShardState, evidence: Evidence) -> Verdict:
        """Take the rings in, and say whether anything that was acknowledged in the epoch may still be missing."""
        if state.state == "opening":
            return Verdict()  # nothing was ever granted in it
        reason = why_not(evidence)
        # What has not left the memory of the server that granted it cannot have been lost: nobody need be waited for.
        patience_s = 0.0 if evidence.same_server and not reason else RINGS_PATIENCE_S
        workers = await self._collect(state.epoch, patience_s, old_may_grant=not evidence.is_only_server)
        handed_in, contradict = await self._take_rings(state.epoch, evidence.durability)
        if state.state == "closed":
            return Verdict("abandoned", "a person has abandoned the epoch", handed_in)
        missing = [worker for worker in workers if not worker.accounted]
        if not missing:
            return Verdict(handed_in=handed_in)
        if not reason and contradict:
            reason = "a worker has answered what is not in the stream"
        if not reason and any(worker.acknowledged > evidence.last_generated for worker in missing):
            reason = "a worker has acknowledged an entry that is not in the stream"
        return Verdict("workers" if reason else None, reason, handed_in, len(missing))

    async def _collect(self, epoch: int, patience_s: float, old_may_grant: bool) -> list[WorkerReport]:
        """Wait until every worker of the epoch has reported. One that does not is given up after a while: at the
        latest when its lease is over, and not before where the old server may still be granting to it."""
        until = time.monotonic() + patience_s
        while True:
            async with self._database.shard_tx(self._shard) as tx:
                workers = await recovery.registered_workers(tx, self._shard, epoch)
            missing = [worker for worker in workers if not worker.accounted]
            can_grant = old_may_grant and not all(worker.lease_is_over for worker in missing)
            if not missing or (time.monotonic() >= until and not can_grant):
                return workers
            await asyncio.sleep(RINGS_POLL_S)

    async def _take_rings(self, epoch: int, durability: str) -> tuple[int, bool]:
        """Settle what has been handed in of this epoch and of those before it: how much was not known already, and
        whether any of this epoch was in no stream."""
        count, contradict = 0, False
        while True:
            async with self._database.shard_tx(self._shard) as tx:
                handed = await rings.read_handed(tx, self._shard, epoch)
                fates = await rings.take_handed(tx, self._shard, durability, handed)
                await rings.delete_handed(tx, self._shard, handed)
            if not handed:
                return count, contradict
            for of, taken in fates.items():
                self._note(taken)
                count += len(taken)
                contradict |= of == epoch and any(fate.kind in _TAKEN_IN for fate in taken)

    async def _evidence(self, state: ShardState, identity: Identity, link: Link, meta: Meta | None) -> Evidence:
        persistence = await link.command("INFO", "persistence")
        replication = await link.command("INFO", "replication")
        return Evidence(
            meta=meta,
            last_generated=await last_generated(link, Keyspace(self._shard, state.epoch)),
            ledger=state.position,
            same_server=identity == state.identity,
            trust_aof=self._trust_aof,
            durability=await self._servers.durability(identity),
            last_write_status=str(persistence.get("aof_last_write_status", "")),
            # A replica that is promoted keeps the old server's replication id as its second.
            was_replica=str(replication.get("master_replid2", "")) == state.identity.replication_id,
        )

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
    return msgspec.structs.replace(state, position=position)
