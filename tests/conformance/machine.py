"""One stateful machine that runs the model and the Lua scripts side by side and compares every answer and all state.

The server's clock and stream ids are its own: the model is told them, everything else it must work out.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import redis.asyncio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from domain.ledger import CounterState, Definition, Item, Mode, Position, Record, Settlement
from domain.model import Model
from domain.outcomes import Status
from store.keys import Keyspace
from store.lua import Script
from store.scripts import RECORD_TTL_MS, Scripts, parse_record
from tests.conformance.strategies import (
    CHANGE,
    COUNTERS,
    DEFINITIONS,
    ORDERS,
    RECORDS,
    first_holds,
    hydrated_counters,
    items,
    limits,
    meetings,
    spends,
    state_of,
)


async def _await(work: Awaitable[Any]) -> Any:
    return await work


class Direct:
    """A Caller that sends the whole script each time."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def call(self, script: Script, keys: Any, args: Any) -> Any:
        return await self.client.eval(script.source, len(keys), *keys, *args)


class Conformance(RuleBasedStateMachine):
    url = ""
    epochs = 0

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.client: Any = redis.asyncio.Redis.from_url(self.url)  # redis-py types every answer as every type
        Conformance.epochs += 1
        self.keys = Keyspace(3, Conformance.epochs)
        self.scripts = Scripts(Direct(self.client), self.keys)
        self.model = Model()
        self.refunds: list[Settlement] = []

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(_await(work))

    def teardown(self) -> None:
        self.run(self.client.flushall())
        self.run(self.client.aclose())
        self.loop.close()

    @initialize(withheld=st.booleans(), bound=st.sampled_from([5, 1000]))
    def open(self, withheld: bool, bound: int) -> None:
        self.run(self.client.flushall())
        assert self.run(self.scripts.commit([Item(Mode.DRY)])).status is Status.FENCED
        assert self.run(self.scripts.open(withheld, bound)) == self.model.open(withheld, bound) == Status.OK
        assert self.run(self.scripts.open(withheld, bound)) == self.model.open(withheld, bound) == Status.EXISTS

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        self._commit(data.draw(st.lists(items(int(time.time() * 1000)), min_size=1, max_size=6)))

    @rule(data=st.data())
    def commit_pair(self, data: st.DataObject) -> None:
        self._commit(data.draw(st.lists(items(int(time.time() * 1000)), min_size=2, max_size=2)))

    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        self._commit([data.draw(first_holds(int(time.time() * 1000)))])

    @precondition(lambda self: self._any_held())
    @rule(data=st.data())
    def meet_holds(self, data: st.DataObject) -> None:
        self._commit([data.draw(meetings(int(time.time() * 1000), self.model.counters))])

    @precondition(lambda self: self._any_held())
    @rule(data=st.data())
    def meet_holds_twice(self, data: st.DataObject) -> None:
        each = meetings(int(time.time() * 1000), self.model.counters)
        self._commit([data.draw(each), data.draw(each)])

    @precondition(lambda self: self._limited())
    @rule(data=st.data())
    def spend_of_a_card(self, data: st.DataObject) -> None:
        """Its limit is the counter's own, of whatever version: at the edge of what is left of it."""
        self._commit(data.draw(st.lists(spends(self._limited()), min_size=1, max_size=3)))

    @precondition(lambda self: self._limited())
    @rule(data=st.data(), newer=st.sampled_from([-1, 0, 1, 1, 2]), more=st.integers(-4, 4))
    def fund_a_card(self, data: st.DataObject, newer: int, more: int) -> None:
        """Such a limit raised or lowered, by a version that is newer or late."""
        name, state = data.draw(st.sampled_from(sorted(self._limited().items())))
        version = max(0, state.version + newer)
        limits: list[tuple[str, int | None]] = [(name, max(0, (state.limit or 0) + more))]
        definition = Definition(DEFINITIONS[0], max(1, version), b"card-%d" % version)
        got = self.run(self.scripts.apply("prj", definition, limits, version, False))
        assert got == self.model.apply(CHANGE, definition, limits, version, False)

    def _limited(self) -> dict[str, CounterState]:
        return {name: state for name, state in self.model.counters.items() if state.limit is not None}

    def _any_held(self) -> bool:
        return any(state.holds for state in self.model.counters.values())

    def _commit(self, batch: list[Item]) -> None:
        got = self.run(self.scripts.commit(batch))
        assert got == self.model.commit(batch, got.now_ms, got.entry or Position())

    @rule(version=st.integers(1, 4), key=st.none() | st.sampled_from(DEFINITIONS), limits=limits, create=st.booleans())
    def apply(self, version: int, key: str | None, limits: list[tuple[str, int | None]], create: bool) -> None:
        definition = Definition(key, version, b"body-%d" % version) if key else None
        got = self.run(self.scripts.apply("prj", definition, limits, version, create))
        assert got == self.model.apply(CHANGE, definition, limits, version, create)

    @rule(
        behind=st.sampled_from([0, 0, 0, 1]),
        ahead=st.sampled_from([0, 0, 0, 1]),
        keys=st.lists(st.sampled_from(DEFINITIONS), unique=True),
        counters=hydrated_counters,
    )
    def hydrate(self, behind: int, ahead: int, keys: list[str], counters: list[tuple[Any, ...]]) -> None:
        status, change, found = self.run(self.scripts.peek("prj", keys))
        assert (status, change, found) == self.model.peek(CHANGE, keys)
        definitions = [Definition(key, 1, b"hydrated") for key in keys]
        now_ms = int(time.time() * 1000)
        states = []
        for name, limit, g, r, withheld, version, lasting in counters:
            holds = [structs.replace(hold, expires_ms=now_ms + hold.expires_ms) for hold in lasting]
            holds.sort(key=lambda hold: hold.tag)
            held = sum(hold.amount for hold in holds)
            states.append((name, CounterState(limit, g, min(g, r), g, held, withheld, version, tuple(holds))))
        at = self.model.position
        ledger = Position(at.entry_ms, at.entry_seq + ahead)
        got = self.run(self.scripts.hydrate("prj", change - behind, ledger, definitions, states))
        assert got == self.model.hydrate(CHANGE, change - behind, ledger, definitions, states)

    @rule(upto=st.floats(0, 1), refuse=st.booleans(), returned=st.sampled_from([0, 0, 1, 2]), stale=st.booleans())
    def confirm(self, upto: float, refuse: bool, returned: int, stale: bool) -> None:
        """Settle a prefix of the stream; with `refuse`, every unit comes back and the records are dropped. Else
        `returned` of each counter come back, as after rollbacks of a part."""
        entries = sorted(self.model.stream)
        if not entries:
            return
        new = entries[round(upto * (len(entries) - 1))]
        exposed = {
            name: state.exposure for name, state in self.model.counters.items() if new == entries[-1] and state.exposure
        }
        used = {name: self.model.counters[name].used for name in exposed}
        settlements = [
            Settlement(name, "prj", n, n if refuse else min(returned, used[name])) for name, n in exposed.items()
        ]
        settlements += [Settlement("r:absent", "prj", 0, 1)]
        dropped = [key for key, r in self.model.records.items() if refuse and r.position <= new]
        dropped += [alias for alias, record_id in self.model.orders.items() if record_id in dropped]
        old = Position(1, 1) if stale else self.model.position
        events = sum(len(self.model.stream[e][1]) for e in entries if e <= new)
        got = self.run(self.scripts.confirm(old, new, events, settlements, dropped, b"m"))
        assert got == self.model.confirm(old, new, events, settlements, dropped)

    @rule(names=st.lists(st.sampled_from(RECORDS), min_size=1, max_size=3, unique=True), old=st.booleans())
    def restore(self, names: list[str], old: bool) -> None:
        """Records as the ledger has them: settled, so before every position."""
        now_ms = int(time.time() * 1000)
        granted_ms = now_ms - RECORD_TTL_MS - 60_000 if old else now_ms - 60_000
        records = [(name, Record(b"f" * 16, Position(), 0, granted_ms, b"\xc4\x01x")) for name in names]
        got = self.run(self.scripts.restore(records))
        assert got == self.model.restore(records, now_ms - RECORD_TTL_MS)

    @rule(
        definitions=st.lists(st.sampled_from(DEFINITIONS), max_size=2, unique=True),
        counters=st.lists(st.sampled_from(COUNTERS), max_size=2, unique=True),
        names=st.lists(st.sampled_from(RECORDS), max_size=2, unique=True),
        payload=st.sampled_from([b"", b"\xc4\x01z"]),
    )
    def forget(self, definitions: list[str], counters: list[str], names: list[str], payload: bytes) -> None:
        records = [(name, payload) for name in names]
        got = self.run(self.scripts.forget("prj", definitions, counters, records))
        assert (got.status, got.kept) == self.model.forget(CHANGE, definitions, counters, records, got.now_ms)

    @rule()
    def release(self) -> None:
        assert self.run(self.scripts.release()) == self.model.release()

    @precondition(lambda self: self.model.added > 30)
    @rule()
    def close(self) -> None:
        assert self.run(self.scripts.close()) == self.model.close()

    @invariant()
    def same_state(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        read, keys, model = self.client, self.keys, self.model
        meta = {k.decode(): v.decode() for k, v in (await read.hgetall(keys.meta)).items()}
        if model.state == "absent":
            assert not meta
            return
        assert meta["state"] == model.state
        assert (int(meta["last"]), int(meta["added"]), int(meta["settled"]), Position.parse(meta["position"])) == (
            model.last_ms,
            model.added,
            model.settled,
            model.position,
        )
        entries = [(Position.parse(i.decode()), f) for i, f in await read.xrange(keys.stream)]
        assert [at for at, _ in entries] == sorted(model.stream)
        for at, fields in entries:
            time_ms, payloads = model.stream[at]
            assert int(fields[b"t"]) == time_ms
            assert fields[b"e"][1:] == b"".join(payloads)  # at most 15 a batch here: a header of one byte
        for name in COUNTERS:
            fields = state_of(await read.hgetall(keys.counter(name)))
            soonest = fields.pop("soonest", None)
            state = CounterState(**fields) if fields else None
            assert state == model.counters.get(name)
            if state is not None and state.holds:
                assert soonest <= min(hold.expires_ms for hold in state.holds)
        for record_id in RECORDS:
            raw_record = await read.get(keys.record(record_id))
            assert (parse_record(raw_record) if raw_record else None) == model.records.get(record_id)
        for alias in ORDERS:
            first = await read.get(keys.record(alias))
            assert (first.decode() if first else None) == model.orders.get(alias)

    @invariant()
    def g1_never_over_redeemed(self) -> None:
        """S2: confirmed <= granted, and nothing is granted past the window that was in force."""
        for state in self.model.counters.values():
            assert 0 <= state.confirmed <= state.granted
            assert state.exposure <= 20
            assert state.held == sum(hold.amount for hold in state.holds)
            assert len({hold.tag for hold in state.holds}) == len(state.holds)
