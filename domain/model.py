"""The model: one shard's ledger in one epoch, as plain Python over dicts. It is the specification.

The Lua scripts must answer and change exactly as this does; the conformance suite runs both side by side. Written
to be read: no cleverness, no performance. Must never be used in production.
"""

import msgspec

from .ledger import (
    Check,
    CommitReply,
    CounterHold,
    CounterState,
    Definition,
    HoldUse,
    Item,
    Mode,
    Move,
    Outcome,
    Position,
    Record,
    Settlement,
)
from .outcomes import Status, Verdict

# When several moves refuse, the most definite refusal is told; ties go to the earlier move.
RANK = (Verdict.LIMIT, Verdict.MISSING, Verdict.HELD, Verdict.WITHHELD, Verdict.UNCONFIRMED, Verdict.WINDOW)


class _Call:
    """What one call has granted so far, and how it leaves the counters that it has looked at."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.granted: list[Item] = []
        self.counters: dict[str, CounterState] = {}
        self.fresh: dict[str, bytes] = {}
        self.orders: dict[str, str] = {}

    def take(self, item: Item) -> None:
        """Grant, hold or give up what has been judged."""
        self.granted.append(item)
        if item.record_id is not None:
            self.fresh[item.record_id] = item.fingerprint
        if item.alias is not None:
            self.orders[item.alias] = item.record_id or ""
        use = item.hold
        for move in item.moves:
            state = self.counters[move.counter]
            holds = [hold for hold in state.holds if not is_own(hold, use, self.now_ms)]
            if item.mode is Mode.HOLD and use is not None:
                holds.append(CounterHold(use.tag, move.amount, use.until_ms, use.owner))
            granted = state.granted + (move.amount if item.mode is Mode.COMMIT else 0)
            self.counters[move.counter] = with_holds(msgspec.structs.replace(state, granted=granted), holds)


def is_own(hold: CounterHold, use: HoldUse | None, now_ms: int) -> bool:
    """Whether an item replaces or uses up this hold: of another reservation of its session only what has expired."""
    return use is not None and hold.tag == use.tag and (hold.expires_ms <= now_ms or use.owner in ("", hold.owner))


def own_units(state: CounterState, use: HoldUse | None, now_ms: int) -> int:
    """What of the units held does not stand in the item's way."""
    return sum(hold.amount for hold in state.holds if is_own(hold, use, now_ms))


def with_holds(state: CounterState, holds: list[CounterHold]) -> CounterState:
    """The counter with these holds and no others."""
    held = sum(hold.amount for hold in holds)
    return msgspec.structs.replace(state, held=held, holds=tuple(sorted(holds, key=lambda hold: hold.tag)))


class Model:
    """State of one shard in one epoch. Methods mirror the stubs in store/scripts.py, with time passed in."""

    def __init__(self) -> None:
        self.state = "absent"
        self.last_ms = 0
        self.added = 0
        self.settled = 0
        self.bound = 0
        self.withheld = False
        self.position = Position()
        self.last_entry = Position()
        self.stream: dict[Position, tuple[int, list[bytes]]] = {}
        self.records: dict[str, Record] = {}
        self.orders: dict[str, str] = {}
        self.definitions: dict[str, Definition] = {}
        self.changes: dict[str, int] = {}
        self.counters: dict[str, CounterState] = {}

    # -- the epoch -------------------------------------------------------------------------------------------------

    def open(self, withheld: bool, bound: int) -> Status:
        if self.state != "absent":
            return Status.EXISTS
        self.state, self.withheld, self.bound = "open", withheld, bound
        return Status.OK

    def close(self) -> Status:
        if self.state == "absent":
            return Status.FENCED
        self.state = "closed"
        return Status.OK

    def release(self) -> Status:
        if self.state != "open":
            return Status.FENCED
        self.withheld = False
        return Status.OK

    # -- commit ----------------------------------------------------------------------------------------------------

    def commit(self, items: list[Item], clock_ms: int, entry: Position) -> CommitReply:
        """Judge items in order, each against what this call has granted so far; then write. `entry` is the
        position that the stream gives to the entry, if one is written."""
        if self.state != "open":
            return CommitReply(Status.FENCED)
        call = _Call(max(clock_ms, self.last_ms))
        outcomes: list[Outcome] = []
        replayed: dict[int, str] = {}  # outcome index -> record that this very call writes
        for item in items:
            if item.record_id in call.fresh:
                same = call.fresh[item.record_id] == item.fingerprint
                if same:
                    replayed[len(outcomes)] = item.record_id
                outcomes.append(Outcome(Verdict.REPLAY if same else Verdict.KEY_REUSED))
                continue
            outcome = self._judge(item, call)
            outcomes.append(outcome)
            if outcome.verdict is Verdict.GRANTED:
                call.take(item)
        self._write(call, entry)
        for at, record_id in replayed.items():
            outcomes[at] = Outcome(Verdict.REPLAY, record=self.records[record_id])
        return CommitReply(Status.OK, call.now_ms, entry if call.granted else None, self.last_entry, tuple(outcomes))

    def _judge(self, item: Item, call: "_Call") -> Outcome:
        if item.record_id in self.records:
            record = self.records[item.record_id]
            if record.fingerprint != item.fingerprint:
                return Outcome(Verdict.KEY_REUSED)
            return Outcome(Verdict.REPLAY, record=record)
        if item.alias is not None:
            first = call.orders.get(item.alias, self.orders.get(item.alias))
            if first is not None:
                return Outcome(Verdict.ORDER, missing=(first,))
        if call.now_ms < item.not_before_ms or (item.not_after_ms and call.now_ms >= item.not_after_ms):
            return Outcome(Verdict.STALE)
        refused = self._check(item.checks)
        if refused is not None:
            return refused
        if item.mode is Mode.PROBE:
            return Outcome(Verdict.STANDS)
        refused = self._judge_release(item, call) if item.mode is Mode.RELEASE else self._judge_units(item, call)
        if refused is not None:
            return refused
        if item.mode is Mode.DRY:
            return Outcome(Verdict.STANDS)
        if self.added + len(call.granted) + 1 - self.settled > self.bound:
            return Outcome(Verdict.BACKLOG)
        return Outcome(Verdict.GRANTED, len(call.granted))

    def _check(self, checks: tuple[Check, ...]) -> Outcome | None:
        missing: list[str] = []
        stale: list[str] = []
        for check in checks:
            if check.key in self.definitions:
                version = self.definitions[check.key].version
            else:
                version = self.changes.get(check.key, 0)
            if version != check.version:
                (missing if version == 0 else stale).append(check.key)
        if missing:
            return Outcome(Verdict.MISSING, missing=tuple(missing))
        return Outcome(Verdict.STALE, missing=tuple(stale)) if stale else None

    def _judge_release(self, item: Item, call: "_Call") -> Outcome | None:
        """What is held may always be given up; but a hold that is hydrated only afterwards would come back."""
        names = [move.counter for move in item.moves if self._load(move.counter, move.absent_is_zero, call) is None]
        if names:
            return Outcome(Verdict.MISSING, missing=tuple(names))
        return self._judge_holds(item, item.hold, call) if item.hold is not None and item.hold.required else None

    def _judge_units(self, item: Item, call: "_Call") -> Outcome | None:
        for index, guard in enumerate(item.guards):
            state = self._load(guard.counter, False, call)
            if state is None:
                return Outcome(Verdict.MISSING, missing=(guard.counter,))
            if state.used < guard.at_least or (guard.at_most is not None and state.used > guard.at_most):
                return Outcome(Verdict.GUARD, index)
        if item.hold is not None:
            refused = self._judge_holds(item, item.hold, call)
            if refused is not None:
                return refused
        verdicts = [self._admit(move, item.hold, call) for move in item.moves]
        for verdict in RANK:
            if verdict is Verdict.MISSING and verdict in verdicts:
                names = [move.counter for move, said in zip(item.moves, verdicts, strict=True) if said is verdict]
                return Outcome(verdict, missing=tuple(names))
            if verdict in verdicts:
                return Outcome(verdict, verdicts.index(verdict))
        return None

    def _judge_holds(self, item: Item, use: HoldUse, call: "_Call") -> Outcome | None:
        """Whether the session's holds are as the item needs them; counters that are missing are told later."""
        for index, move in enumerate(item.moves):
            state = self._load(move.counter, move.absent_is_zero, call)
            if state is None:
                continue
            live = [hold for hold in state.holds if hold.tag == use.tag and hold.expires_ms > call.now_ms]
            mine = [hold for hold in live if use.owner in ("", hold.owner)]
            if item.mode is Mode.HOLD and live and not mine:
                return Outcome(Verdict.HOLD_TAKEN, index)
            if use.required and not mine:
                return Outcome(Verdict.HOLD_GONE, index)
        return None

    def _admit(self, move: Move, use: HoldUse | None, call: "_Call") -> Verdict:
        state = self._load(move.counter, move.absent_is_zero, call)
        if state is None:
            return Verdict.MISSING
        verdict = self._judge_move(move, state, own_units(state, use, call.now_ms))
        if verdict in (Verdict.HELD, Verdict.WITHHELD):
            # Before it refuses, what has expired is freed.
            state = call.counters[move.counter] = with_holds(
                state, [h for h in state.holds if h.expires_ms > call.now_ms]
            )
            verdict = self._judge_move(move, state, own_units(state, use, call.now_ms))
        return verdict

    def _judge_move(self, move: Move, state: CounterState, own: int) -> Verdict:
        limit = state.limit if move.limit is None else move.limit
        if limit is not None:
            withheld = state.withheld if self.withheld else 0
            if state.confirmed - state.returned + move.amount > limit:
                return Verdict.LIMIT
            if state.used + move.amount > limit:
                return Verdict.UNCONFIRMED
            if state.used + state.held - own + move.amount > limit:
                return Verdict.HELD
            if state.used + state.held - own + withheld + move.amount > limit:
                return Verdict.WITHHELD
        if state.exposure + move.amount > move.window:
            return Verdict.WINDOW
        return Verdict.GRANTED

    def _load(self, name: str, absent_is_zero: bool, call: "_Call") -> CounterState | None:
        if name not in call.counters:
            if name not in self.counters and not absent_is_zero:
                return None
            call.counters[name] = self.counters.get(name, CounterState())
        return call.counters[name]

    def _write(self, call: "_Call", entry: Position) -> None:
        for name, state in call.counters.items():
            if state != self.counters.get(name, CounterState()):
                self.counters[name] = state
        if not call.granted:
            return
        self.stream[entry] = (call.now_ms, [item.payload for item in call.granted])
        self.last_entry, self.last_ms = entry, call.now_ms
        self.added += len(call.granted)
        self.orders |= call.orders
        for index, item in enumerate(call.granted):
            if item.record_id is not None:
                self.records[item.record_id] = Record(item.fingerprint, entry, index, call.now_ms, item.payload)

    # -- definitions -----------------------------------------------------------------------------------------------

    def apply(
        self,
        project_change: str,
        definition: Definition | None,
        limits: list[tuple[str, int | None]],
        version: int,
        create: bool,
    ) -> tuple[Status, list[int | None]]:
        """Put a newer definition and its counters' limits in force; absent ones only where `create`. Answers what
        is used of each counter, None where it is absent. Always raises the project's change number."""
        if self.state != "open":
            return Status.FENCED, []
        self.changes[project_change] = self.changes.get(project_change, 0) + 1
        if definition is not None:
            known = self.definitions.get(definition.key)
            if (known is None and create) or (known is not None and definition.version > known.version):
                self.definitions[definition.key] = definition
        used: list[int | None] = []
        for name, limit in limits:
            state = self.counters.get(name)
            if state is None and create:
                state = self.counters[name] = CounterState(limit=limit, version=version)
            elif state is not None and version > state.version:
                state = self.counters[name] = msgspec.structs.replace(state, limit=limit, version=version)
            used.append(None if state is None else state.used)
        return Status.OK, used

    def peek(self, project_change: str, keys: list[str]) -> tuple[Status, int, list[Definition | None]]:
        if self.state != "open":
            return Status.FENCED, 0, []
        return Status.OK, self.changes.get(project_change, 0), [self.definitions.get(key) for key in keys]

    def hydrate(
        self,
        project_change: str,
        change: int,
        ledger: Position,
        definitions: list[Definition],
        counters: list[tuple[str, CounterState]],
    ) -> Status:
        """Put what PostgreSQL knew at `ledger`, where absent. Refused if the project has changed since it was read,
        and while a confirm of what it includes is still to come: that would give a returned unit back twice."""
        if self.state != "open":
            return Status.FENCED
        if self.changes.get(project_change, 0) != change:
            return Status.MOVED
        if self.position < ledger:
            return Status.BEHIND
        for definition in definitions:
            self.definitions.setdefault(definition.key, definition)
        for name, state in counters:
            self.counters.setdefault(name, state)
        return Status.OK

    def restore(self, records: list[tuple[str, Record]], since_ms: int) -> Status:
        """Put records that PostgreSQL knows, where absent; those of before `since_ms` have had their time."""
        if self.state != "open":
            return Status.FENCED
        for record_id, record in records:
            if record.time_ms > since_ms:
                self.records.setdefault(record_id, record)
        return Status.OK

    def forget(
        self,
        project_change: str,
        definitions: list[str],
        counters: list[str],
        records: list[tuple[str, bytes]],
        now_ms: int,
    ) -> tuple[Status, tuple[str, ...]]:
        """Let go of definitions, of counters of which nothing is unsettled or held, and of what records say. Answers
        the counters that stay."""
        if self.state != "open":
            return Status.FENCED, ()
        self.changes[project_change] = self.changes.get(project_change, 0) + 1
        for key in definitions:
            self.definitions.pop(key, None)
        kept = []
        for name in counters:
            state = self.counters.get(name)
            if state is not None and (state.exposure or any(hold.expires_ms > now_ms for hold in state.holds)):
                kept.append(name)
            else:
                self.counters.pop(name, None)
        for record_id, payload in records:
            record = self.records.pop(record_id, None)
            if record is not None and payload:
                self.records[record_id] = msgspec.structs.replace(record, fingerprint=bytes(16), payload=payload)
        return Status.OK, tuple(kept)

    # -- confirm ---------------------------------------------------------------------------------------------------

    def confirm(
        self, old: Position, new: Position, events: int, settlements: list[Settlement], dropped: list[str]
    ) -> tuple[Status, Position]:
        """The ledger stands at `new`: settle what lies between, only if Redis stands at `old`. Records of refused
        events are dropped, because a refusal is not recorded, and so are aliases of what is undone. Answers where
        Redis stands."""
        if self.state == "absent":
            return Status.FENCED, Position()
        if self.position != old:
            return Status.MOVED, self.position
        for settlement in settlements:
            state = self.counters.get(settlement.counter)
            if state is not None:
                self.counters[settlement.counter] = msgspec.structs.replace(
                    state,
                    confirmed=state.confirmed + settlement.confirmed,
                    returned=state.returned + settlement.returned,
                )
            elif settlement.returned:
                change = f"n:{settlement.project_id}"
                self.changes[change] = self.changes.get(change, 0) + 1
        for record_id in dropped:
            self.records.pop(record_id, None)
            self.orders.pop(record_id, None)
        self.position, self.settled = new, self.settled + events
        self.stream = {entry: batch for entry, batch in self.stream.items() if entry > new}
        return Status.OK, new
