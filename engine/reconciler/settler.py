"""Settles batches of one shard's stream in one epoch: PostgreSQL first, then Redis is told.

Must never tell Redis what PostgreSQL has not committed. What a crash leaves between the two, `catch_up` finishes.
"""

from collections.abc import Callable, Sequence

import msgspec

from domain.events import Confirmed
from domain.ledger import Position
from domain.outcomes import Status
from engine.reconciler.entries import Entry, parse_entry
from engine.reconciler.inbox import BATCH_EVENTS
from engine.reconciler.servers import read_meta
from store.bisect import settle_by_halves
from store.database import Database
from store.failpoints import reached
from store.keys import Keyspace, confirmed_channel
from store.ledger import INTEGRITY, settle
from store.ledger_recall import recall
from store.ledger_rows import Fate, Place, Summary, summarise
from store.link import Link
from store.queries import query
from store.scripts import Scripts

RANGE_ENTRIES = 64
"""Entries of one XRANGE, and so of one batch, while catching up and draining."""

_READ_POSITION = query("read_position")
_encode = msgspec.msgpack.Encoder().encode


class EpochOver(Exception):
    """The epoch is closed or gone from this server, or PostgreSQL has another one by now."""


class LedgerBehind(Exception):
    """PostgreSQL stands behind what Redis has confirmed: it was restored. A person decides."""


class NewerSchema(Exception):
    """The stream has entries of a newer version than this process knows: it must be upgraded."""


class Settler:
    """One shard in one epoch. `note` is told the fates of each batch."""

    def __init__(self, database: Database, link: Link, place: Place, note: Callable[[Sequence[Fate]], None]) -> None:
        self._database = database
        self._link = link
        self._note = note
        self.place = place
        self.keyspace = Keyspace(place.shard, place.epoch)
        self.scripts = Scripts(link, self.keyspace)

    async def settle(self, old: Position, entries: Sequence[Entry]) -> Summary:
        """One transaction: the position goes from `old` to the last entry, and every event is settled."""
        if entries[0].newer:
            raise NewerSchema(f"schema version {entries[0].newer} at {entries[0].position}")
        new = entries[-1].position
        slots = [slot for entry in entries for slot in entry.slots]
        shard = self.place.shard
        try:
            async with self._database.shard_tx(shard) as tx:
                fates = await settle(tx, self.place, old, new, slots)
                reached("reconciler.before_commit")
        except INTEGRITY:
            async with self._database.shard_tx(shard) as tx:
                fates = await settle_by_halves(tx, self.place, old, new, slots)
        reached("reconciler.after_commit")
        self._note(fates)
        return summarise(fates)

    async def confirm(self, old: Position, entries: Sequence[Entry], summary: Summary) -> Status:
        """Tell Redis, which tells the workers that wait."""
        new = entries[-1].position
        message = self.message(old, new, summary)
        events = sum(entry.events for entry in entries)
        reached("reconciler.before_confirm")
        status, _ = await self.scripts.confirm(old, new, events, summary.settlements, summary.dropped, message)
        reached("reconciler.after_confirm")
        return status

    def message(self, old: Position, new: Position, summary: Summary | None = None) -> bytes:
        """What workers hear; with old == new, a heartbeat."""
        if summary is None:
            return _encode(Confirmed(self.place.epoch, old, new))
        return _encode(Confirmed(self.place.epoch, old, new, summary.refused, summary.collapsed))

    async def publish(self, old: Position, new: Position, summary: Summary | None = None) -> None:
        """Say it without a confirm: a heartbeat, or for an epoch that this server does not have."""
        await self._link.command("PUBLISH", confirmed_channel(self.place.shard), self.message(old, new, summary))

    async def entries(self, after: Position, until: Position | None = None) -> list[Entry]:
        """The next entries of the stream, straight from it; as many as make a batch."""
        end = "+" if until is None else str(until)
        reply = await self._link.command("XRANGE", self.keyspace.stream, f"({after}", end, "COUNT", RANGE_ENTRIES)
        taken: list[Entry] = []
        events = 0
        for entry_id, fields in reply:
            entry = parse_entry(entry_id, fields or {})
            events += len(entry.slots)
            if taken and (events > BATCH_EVENTS or entry.newer):
                break
            taken.append(entry)
        return taken

    async def read_position(self) -> Position:
        """Where PostgreSQL stands in this epoch; EpochOver if it is in another one."""
        async with self._database.shard_tx(self.place.shard) as tx:
            row = await tx.fetchrow(_READ_POSITION, self.place.shard)
        if row is None or row["epoch"] != self.place.epoch:
            raise EpochOver("the ledger is in another epoch")
        return Position(row["entry_ms"], row["entry_seq"])

    async def catch_up(self) -> Position:
        """Confirm what PostgreSQL has and Redis has not been told; where both stand then."""
        while True:
            # Redis is read first: it never gets ahead of PostgreSQL, so a greater position there is no race.
            meta = await read_meta(self._link, self.keyspace)
            if meta is None:
                raise EpochOver("this server does not have the epoch")
            ledger = await self.read_position()
            if meta.position == ledger:
                return ledger
            if meta.position > ledger:
                raise LedgerBehind(f"PostgreSQL stands at {ledger}, Redis has confirmed {meta.position}")
            entries = await self.entries(meta.position, ledger)
            if not entries:
                if (await self._still_at(meta.position)) is False:
                    continue
                raise EpochOver("entries that were not confirmed are gone from the stream")
            new = entries[-1].position
            slots = [slot for entry in entries for slot in entry.slots]
            async with self._database.shard_tx(self.place.shard) as tx:
                fates = await recall(tx, self.place, meta.position, new, slots)
            await self.confirm(meta.position, entries, summarise(fates))

    async def _still_at(self, position: Position) -> bool:
        """Whether Redis still stands there: another reconciler may have confirmed and trimmed meanwhile."""
        meta = await read_meta(self._link, self.keyspace)
        return meta is not None and meta.position == position
