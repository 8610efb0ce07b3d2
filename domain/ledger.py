"""The ledger's vocabulary: what is asked of the commit script, and what it answers.

Shared by the model (the specification) and the typed stubs over Lua. Must never contain behaviour beyond
construction: who decides is decisions.py, who commits is Lua or the model.
"""

from enum import IntEnum

import msgspec

from .outcomes import Status, Verdict


class Mode(IntEnum):
    """COMMIT: judge and write. PROBE: Python refused; does that stand? DRY: judge as if to commit, write nothing.
    HOLD: judge as if to commit, then hold the units instead of granting them. RELEASE: give a hold up."""

    COMMIT = 0
    PROBE = 1
    DRY = 2
    HOLD = 3
    RELEASE = 4


class Move(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Take `amount` of a counter.

    `limit` is that of the definition that was decided from; None: the counter's own, which is written from PostgreSQL.
    `window` bounds exposure. `absent_is_zero`: the counter has never been moved in any epoch.
    """

    counter: str
    amount: int
    limit: int | None
    window: int
    absent_is_zero: bool = False


class Guard(msgspec.Struct, frozen=True, array_like=True):
    """The counter's used amount must lie where the decision needs it; `at_most` None leaves that side open.

    Used is granted - returned, so a hold is not in it, and an unconfirmed grant is.
    """

    counter: str
    at_least: int
    at_most: int | None = None


class Check(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The definition (or change number) must have the version that the decision was made from."""

    key: str
    version: int


class HoldUse(msgspec.Struct, frozen=True, array_like=True):
    """Whose holds an item makes, uses up or gives up: at most one stands on a counter for each `tag`, a session's name.

    `owner` is the reservation's id; '' (COMMIT, DRY): whatever the session holds. HOLD: until `until_ms`. `required`
    (a HOLD that extends, a capture, a RELEASE that must not come too late): each counter of the moves must carry a
    live hold of this tag and owner.

    `until_ms` is best a whole second: once a hold can have expired, all fields of its counter are read before anybody
    is refused, and that is then once a second at most.
    """

    tag: str
    owner: str = ""
    until_ms: int = 0
    required: bool = False


class Item(msgspec.Struct, frozen=True, gc=False):
    """One redemption, rollback, reservation, refusal or validation of a batch.

    `record_id` names its idempotency record, None where nothing is recorded (DRY, keyless PROBE). The decision
    holds from `not_before_ms` until before `not_after_ms`; 0 leaves that side open. `payload` is the event. `alias`
    names a second record, of the order, which leads to the first: one effect an order. Moves name each counter once.
    """

    mode: Mode
    record_id: str | None = None
    fingerprint: bytes = b""
    payload: bytes = b""
    not_before_ms: int = 0
    not_after_ms: int = 0
    checks: tuple[Check, ...] = ()
    guards: tuple[Guard, ...] = ()
    moves: tuple[Move, ...] = ()
    alias: str | None = None
    hold: HoldUse | None = None


class Position(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """Place of an entry in a shard's stream of one epoch."""

    entry_ms: int = 0
    entry_seq: int = 0

    @classmethod
    def parse(cls, entry_id: str) -> "Position":
        """From Redis's spelling `ms-seq`."""
        entry_ms, _, entry_seq = entry_id.partition("-")
        return cls(int(entry_ms), int(entry_seq))

    def __str__(self) -> str:
        return f"{self.entry_ms}-{self.entry_seq}"


class Record(msgspec.Struct, frozen=True):
    """An idempotency record: where the event stands, when it was granted, and the event itself."""

    fingerprint: bytes
    position: Position
    index: int
    time_ms: int
    payload: bytes


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one item. `index` is the event's place in its entry (GRANTED), or the move or guard that
    refused. `missing` names what must be hydrated first (MISSING), is out of date (STALE), or is the redemption that
    the order has led to already (ORDER)."""

    verdict: Verdict
    index: int = 0
    missing: tuple[str, ...] = ()
    record: Record | None = None


class CommitReply(msgspec.Struct, frozen=True, gc=False):
    """Answer to a batch: the script's time, the entry that carries the grants (None if none), and the shard's last
    position, which a refusal for unconfirmed units waits for."""

    status: Status
    now_ms: int = 0
    entry: Position | None = None
    last: Position = Position()
    outcomes: tuple[Outcome, ...] = ()


class CounterHold(msgspec.Struct, frozen=True, array_like=True):
    """Units of a counter that a session holds until `expires_ms`."""

    tag: str
    amount: int
    expires_ms: int
    owner: str


class CounterState(msgspec.Struct, frozen=True):
    """A counter's numbers, all gross: used = granted - returned, exposure = granted - confirmed.

    `held` is the sum of `holds`, of which at most one is of a tag. Expired ones may be among them: they are freed when
    they would stand in somebody's way.
    """

    limit: int | None = None
    granted: int = 0
    returned: int = 0
    confirmed: int = 0
    held: int = 0
    withheld: int = 0
    version: int = 0
    holds: tuple[CounterHold, ...] = ()

    @property
    def used(self) -> int:
        return self.granted - self.returned

    @property
    def exposure(self) -> int:
        return self.granted - self.confirmed


class Settlement(msgspec.Struct, frozen=True, array_like=True):
    """What a confirm adds to one counter. A returned amount on a counter that is not in Redis raises the change
    number of `project_id`, because a hydration under way may have read PostgreSQL before it."""

    counter: str
    project_id: str
    confirmed: int
    returned: int


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """A definition as it is kept in Redis: its key, version and encoded body."""

    key: str
    version: int
    body: bytes
