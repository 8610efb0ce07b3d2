"""Typed stubs: the only callers of the Lua scripts. One method a script, structs in, structs out.

Must never decide anything: they spell keys by number, pack arguments and read replies. The model in domain/model.py
has the same methods.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from domain.definitions import change_key
from domain.ledger import (
    CommitReply,
    CounterState,
    Definition,
    Item,
    Mode,
    Outcome,
    Position,
    Record,
    Settlement,
)
from domain.outcomes import Status, Verdict

from . import lua
from .keys import Keyspace, confirmed_channel

RECORD_TTL_MS = 24 * 3600 * 1000
"""How long the same Idempotency-Key gets the same body from Redis; the ledger's unique ids hold for ever."""

_pack = msgspec.msgpack.Encoder().encode
_GRANTED = Outcome(Verdict.GRANTED)
_PLAIN: dict[int, Outcome] = {int(verdict): Outcome(verdict) for verdict in Verdict}


class Caller(Protocol):
    """Runs a script on the server that holds the shard."""

    async def call(self, script: lua.Script, keys: Sequence[str], args: Sequence[Any]) -> list[Any]: ...


COMMIT = lua.load("commit")
APPLY = lua.load("apply_definition")
PEEK = lua.load("peek")
HYDRATE = lua.load("hydrate")
CONFIRM = lua.load("confirm")
OPEN = lua.load("open_epoch")
CLOSE = lua.load("close_epoch")
RELEASE = lua.load("release_epoch")
RESTORE = lua.load("restore_records")
FORGET = lua.load("forget")


class Forgotten(msgspec.Struct, frozen=True):
    """What became of forgetting: the script's time, the stream's last entry, and the counters that stay for now."""

    status: Status
    now_ms: int = 0
    last: Position = Position()
    kept: tuple[str, ...] = ()


class _Numbers(dict[str, int]):
    """Gives each key a number from `first` on, the same one whenever it is named again. A dict, because most keys of a
    batch have been named before, and then no function is called."""

    __slots__ = ("first",)

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def __missing__(self, name: str) -> int:
        number = self[name] = self.first + len(self)
        return number


class Scripts:
    """The scripts of one shard in one epoch."""

    def __init__(self, caller: Caller, keyspace: Keyspace) -> None:
        self._call = caller.call
        self.keyspace = keyspace
        self._fixed = [keyspace.meta, keyspace.stream]
        self._record = f"{keyspace.prefix}i:"
        self._definition = f"{keyspace.prefix}d:"
        self._counter = f"{keyspace.prefix}k:"

    async def open(self, withheld: bool, bound: int) -> Status:
        reply = await self._call(OPEN, [self.keyspace.meta], [int(withheld), bound])
        return Status(reply[0])

    async def close(self) -> Status:
        return Status((await self._call(CLOSE, [self.keyspace.meta], []))[0])

    async def release(self) -> Status:
        return Status((await self._call(RELEASE, [self.keyspace.meta], []))[0])

    async def commit(self, items: Sequence[Item], record_ttl_ms: int = RECORD_TTL_MS) -> CommitReply:
        """Commit a batch of 1 to 128 items; one outcome for each, in order."""
        number = _Numbers(3)
        packed = [self._pack_item(item, number) for item in items]
        args: list[Any] = [_pack(packed), record_ttl_ms]
        for item in items:
            args += (item.fingerprint, item.payload)
        reply = await self._call(COMMIT, [*self._fixed, *number], args)
        if reply[0] != Status.OK:
            return CommitReply(Status(reply[0]))
        entry = Position.parse(reply[2].decode()) if reply[2] else None
        last = Position.parse(reply[3].decode())
        names = list(number)
        granted = 0
        outcomes = []
        for said in reply[4:]:
            if said == 0:
                outcomes.append(Outcome(Verdict.GRANTED, granted) if granted else _GRANTED)
                granted += 1
            else:
                outcomes.append(_PLAIN[said] if type(said) is int else self._outcome(said, names))
        return CommitReply(Status.OK, reply[1], entry, last, tuple(outcomes))

    def _pack_item(self, item: Item, number: _Numbers) -> tuple[Any, ...]:
        moves: list[Any] = []
        for move in item.moves:
            limit = -1 if move.limit is None else move.limit
            moves += (number[self._counter + move.counter], move.amount, limit, move.window, +move.absent_is_zero)
        checks: list[int] = []
        for check in item.checks:
            checks += (number[self._definition + check.key], check.version)
        guards: list[int] = []
        for guard in item.guards:
            at_most = -1 if guard.at_most is None else guard.at_most
            guards += (number[self._counter + guard.counter], guard.at_least, at_most)
        packed = (
            +item.mode,
            number[self._record + item.record_id] if item.record_id is not None else 0,
            item.not_before_ms,
            item.not_after_ms,
            checks,
            guards,
            moves,
        )
        if item.alias is None and item.hold is None:
            assert item.mode <= Mode.DRY, "a hold says whose it is"
            return packed
        alias = number[self._record + item.alias] if item.alias is not None else 0
        use = item.hold
        hold = (use.tag, use.owner, use.until_ms, +use.required) if use is not None else False
        return (*packed, alias, item.record_id or "", hold)

    def _outcome(self, said: list[Any], names: list[str]) -> Outcome:
        verdict = Verdict(said[0])
        if verdict is Verdict.REPLAY:
            return Outcome(verdict, record=parse_record(said[1]))
        if verdict is Verdict.ORDER:
            return Outcome(verdict, missing=(said[1].decode(),))
        if verdict in (Verdict.MISSING, Verdict.STALE):
            # Names without the prefix and the two characters of the kind: as the item spelled them.
            cut = len(self._counter)
            return Outcome(verdict, missing=tuple(names[number - 3][cut:] for number in said[1:]))
        return Outcome(verdict, said[1])

    async def apply(
        self,
        project_id: str,
        definition: Definition | None,
        limits: Sequence[tuple[str, int | None]],
        version: int,
        create: bool,
    ) -> tuple[Status, list[int | None]]:
        """Put a newer definition and its counters' limits in force; used of each counter, None where absent."""
        keys = [
            self.keyspace.meta,
            self._definition + change_key(project_id),
            self._definition + (definition.key if definition else change_key(project_id)),
            *(self._counter + name for name, _ in limits),
        ]
        texts = ["" if limit is None else limit for _, limit in limits]
        body = definition.body if definition else b""
        reply = await self._call(APPLY, keys, [version, body, int(create), *texts])
        return Status(reply[0]), [None if used < 0 else used for used in reply[1:]]

    async def peek(self, project_id: str, keys: Sequence[str]) -> tuple[Status, int, list[Definition | None]]:
        """The project's change number, and the definitions that Redis has."""
        names = [self.keyspace.meta, self._definition + change_key(project_id)]
        reply = await self._call(PEEK, [*names, *(self._definition + key for key in keys)], [])
        if reply[0] != Status.OK:
            return Status(reply[0]), 0, []
        found = zip(keys, reply[2::2], reply[3::2], strict=True)
        return (
            Status.OK,
            reply[1],
            [Definition(key, version, body) if version else None for key, version, body in found],
        )

    async def hydrate(
        self,
        project_id: str,
        change: int,
        ledger: Position,
        definitions: Sequence[Definition],
        counters: Iterable[tuple[str, CounterState]],
    ) -> Status:
        """Put what PostgreSQL knew at the position `ledger`, where absent: MOVED if the project has changed since
        `change`, BEHIND while Redis has not confirmed that far. What comes from there is settled: granted == confirmed,
        and what is held is the sum of its holds.
        """
        keys = [self.keyspace.meta, self._definition + change_key(project_id)]
        args: list[Any] = [change, str(ledger), len(definitions)]
        for definition in definitions:
            keys.append(self._definition + definition.key)
            args += (definition.version, definition.body)
        for name, state in counters:
            keys.append(self._counter + name)
            limit = "" if state.limit is None else state.limit
            args += (limit, state.granted, state.returned, state.withheld, state.version, len(state.holds))
            for hold in state.holds:
                args += (hold.tag, hold.amount, hold.expires_ms, hold.owner)
        return Status((await self._call(HYDRATE, keys, args))[0])

    async def confirm(
        self,
        old: Position,
        new: Position,
        events: int,
        settlements: Sequence[Settlement],
        dropped: Sequence[str] = (),
        message: bytes = b"",
    ) -> tuple[Status, Position]:
        """Settle what lies between two positions; MOVED and where Redis stands if that is not `old`."""
        number = _Numbers(3)
        packed: list[int] = []
        for s in settlements:
            change = number[self._definition + change_key(s.project_id)] if s.returned else 0
            packed += (number[self._counter + s.counter], s.confirmed, s.returned, change)
        gone = [number[self._record + record_id] for record_id in dropped]
        reply = await self._call(
            CONFIRM,
            [*self._fixed, *number],
            [str(old), str(new), events, _pack(packed), _pack(gone), confirmed_channel(self.keyspace.shard), message],
        )
        status = Status(reply[0])
        return status, Position.parse(reply[1].decode()) if status is not Status.FENCED else Position()

    async def restore(self, records: Sequence[tuple[str, Record]], record_ttl_ms: int = RECORD_TTL_MS) -> Status:
        """Put idempotency records that the ledger knows, each where it is absent, for the rest of their lifetime."""
        keys = [self.keyspace.meta, *(self._record + record_id for record_id, _ in records)]
        args: list[Any] = [record_ttl_ms]
        for _, record in records:
            args += (record.time_ms, format_record(record))
        return Status((await self._call(RESTORE, keys, args))[0])

    async def forget(
        self,
        project_id: str,
        definitions: Sequence[str] = (),
        counters: Sequence[str] = (),
        records: Sequence[tuple[str, bytes]] = (),
    ) -> Forgotten:
        """Let go of definitions, counters, and what records say: each gets the event beside its id, or goes where
        that is empty."""
        keys = [self.keyspace.meta, self._definition + change_key(project_id)]
        keys += [self._definition + key for key in definitions]
        keys += [self._counter + name for name in counters]
        keys += [self._record + record_id for record_id, _ in records]
        args = [len(definitions), len(counters), *(payload for _, payload in records)]
        reply = await self._call(FORGET, keys, args)
        if reply[0] != Status.OK:
            return Forgotten(Status(reply[0]))
        kept = tuple([counters[number] for number in reply[3:]])
        return Forgotten(Status.OK, reply[1], Position.parse(reply[2].decode()), kept)


def format_record(record: Record) -> bytes:
    """An idempotency record as commit writes it."""
    return b"%b%b %d %d %b" % (
        record.fingerprint,
        str(record.position).encode(),
        record.index,
        record.time_ms,
        record.payload,
    )


def parse_record(raw: bytes) -> Record:
    """An idempotency record as commit wrote it: fingerprint, position, index, time, event."""
    position, index, time_ms, payload = raw[16:].split(b" ", 3)
    return Record(raw[:16], Position.parse(position.decode()), int(index), int(time_ms), payload)
