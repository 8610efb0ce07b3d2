"""What a run leaves behind to be judged: what clients asked and heard, what admins changed, what the stores said.

Every time is the harness's monotonic clock: servers' clocks may be stepped. One JSON line for each thing, so that a
kept run can be judged again. Must never hold a secret key.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from tests.chaos.kept import Kept, KeptHold, KeptReservation
from tests.chaos.kept_cards import KeptCard

LOST = 0
"""The status of a call that nothing came back from."""

Verb = Literal[
    "redeem", "rollback", "foreign", "stack", "return", "reserve", "extend", "capture", "release", "top_up", "earn",
    "unearn",
]  # fmt: skip
"""`foreign` asks for what is another tenant's: whatever is found is a leak. `return` rolls back a stack, or a part of
it. `earn` reports an order as paid, `unearn` as refunded."""


class Tenancy(msgspec.Struct, frozen=True, tag=True):
    """One tenant, by its number in the run."""

    project_id: str
    shard: int


class Offer(msgspec.Struct, frozen=True, tag=True):
    """A campaign of the run as it was created; `discount_minor` comes off every order. `codes` where it is sold in
    stacks and reservations: nothing else is sold of it then."""

    tenant: int
    campaign_id: str
    limit: int | None
    per_customer: int | None = None
    per_code: int | None = None
    committed: bool = False
    discount_minor: int = 500
    codes: tuple[str, ...] = ()


class Card(msgspec.Struct, frozen=True, tag=True):
    """What is spent of in a run, or, a promotion tier, applied beside it; `code` is what a stack names it by. `first`
    was on it when it was made, `program` is that of a loyalty card."""

    tenant: int
    object: Literal["gift_card", "loyalty_card", "promotion_tier"]
    id: str
    code: str
    customer_id: str = ""
    first: int = 0
    program: str = ""

    @property
    def counters(self) -> str:
        """How the names of its counters begin."""
        return f"a:{self.id}" if self.object == "gift_card" else f"y:{self.id}:"


class Call(msgspec.Struct, frozen=True, tag=True):
    """One attempt of a client. `target` is a code, the codes of a stack joined by +, or the id of a redemption or a
    reservation, or a card's code. `order_id` is that of a stack, or of what was paid; `asked` what the body said of a
    return, of a hold's length, and of what is spent of cards."""

    number: int
    verb: Verb
    tenant: int
    campaign_id: str
    target: str
    key: str
    customer_id: str | None
    order_value_minor: int
    engine: int
    asked_at: float
    answered_at: float
    status: int = LOST
    body: bytes = b""
    replayed: bool = False
    order_id: str = ""
    asked: bytes = b""

    @property
    def is_unknown(self) -> bool:
        """Whether it may or may not have had its effect."""
        return self.status in (LOST, 408) or self.status >= 500

    @property
    def is_refusal(self) -> bool:
        """Whether it has certainly had no effect, and says why."""
        return 400 <= self.status < 500 and not self.is_unknown

    @property
    def code(self) -> str:
        """The outcome code of a refusal; '' where there is none."""
        if self.status < 400 or not self.body.startswith(b"{"):
            return ""
        return msgspec.json.decode(self.body, type=_Problem).code


class Change(msgspec.Struct, frozen=True, tag=True):
    """One change of a campaign, insisted on: `asked_at` is that of the first attempt. 200 says that it is in force;
    with any other status it may or may not be, from `asked_at` on. The changes of a campaign follow each other."""

    campaign_id: str
    asked_at: float
    answered_at: float
    status: int
    limit: int | None = None
    paused: bool | None = None


class Loss(msgspec.Struct, frozen=True, tag=True):
    """What the nemesis took. `disk` and `stale`: Redis lost or rolled back data. `crash`: Redis died with its disk
    intact. `engine`: a worker died with its memory."""

    at: float
    kind: Literal["disk", "stale", "crash", "engine"]
    name: str


class LedgerCounter(msgspec.Struct, frozen=True):
    """A counter in PostgreSQL, and what its rows add up to."""

    project_id: str
    id: str
    granted: int
    returned: int
    quarantined: int
    ceiling: int | None
    rows_granted: int
    rows_returned: int
    rows_quarantined: int


class RedisCounter(msgspec.Struct, frozen=True):
    """A counter of a shard's open epoch in Redis. `expired`: what of `held` is nobody's any more; it goes when somebody
    needs it, and an epoch that is opened brings what has expired a while ago."""

    shard: int
    id: str
    granted: int
    returned: int
    confirmed: int
    held: int = 0
    withheld: int = 0
    expired: int = 0
    limit: int | None = None


class Sample(msgspec.Struct, frozen=True, tag=True):
    """What the stores said at one instant between `asked_at` and `at`; each store by itself. `uneven`: counters of
    cards whose entries PostgreSQL did not have right."""

    asked_at: float
    at: float
    ledger: list[LedgerCounter]
    redis: list[RedisCounter]
    uneven: list[str] = []


class Row(msgspec.Struct, frozen=True):
    """A redemption in PostgreSQL."""

    project_id: str
    id: str
    rolled_back: bool
    key: str | None
    code: str
    campaign_id: str | None
    customer_id: str | None
    order_value_minor: int
    discount_minor: int


class Quarantined(msgspec.Struct, frozen=True):
    """An entry of the quarantine."""

    shard: int
    project_id: str | None
    redemption_id: str | None
    status: str
    reason: str
    moves: list[tuple[str, int]]


class Epoch(msgspec.Struct, frozen=True):
    """An epoch as PostgreSQL has it."""

    shard: int
    epoch: int
    state: str
    withheld_epochs: int
    released: bool
    unaccounted: bool = False


class ShardEnd(msgspec.Struct, frozen=True):
    """Where a shard's stream stands, by PostgreSQL and by Redis."""

    shard: int
    ledger_position: str
    redis_position: str
    stream_length: int


class Usage(msgspec.Struct, frozen=True):
    """What a project is billed, over all days."""

    project_id: str
    redemptions: int
    rollbacks: int
    discount_minor: int


class Facts(msgspec.Struct, frozen=True, tag=True):
    """What the stores say when all faults have healed."""

    rows: list[Row]
    ledger: list[LedgerCounter]
    redis: list[RedisCounter]
    quarantine: list[Quarantined]
    epochs: list[Epoch]
    shards: list[ShardEnd]
    usage: list[Usage]
    stacks: list[Kept] = []
    reservations: list[KeptReservation] = []
    holds: list[KeptHold] = []
    redis_holds: list[KeptHold] = []
    at_ms: int = 0
    cards: list[KeptCard] = []


class Setting(msgspec.Struct, frozen=True, tag=True):
    """What the run was. `released_at`: when an operator said that withheld units are accounted for. `injected`: ids
    of events that the world put into the streams itself; `apart`: campaigns that only these use, and that took
    nothing in Redis for them; `surprises`: what the world saw at once that must never be; `has_stepped`: a server's
    clock may have been stepped, so that nobody knows when a hold expires; `repeated`: since when the world takes what
    of a counter, with a redemption that it had delivered twice."""

    window: int
    durability: Literal["durable", "fast"]
    healed_at: float
    released_at: tuple[float, ...] = ()
    injected: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    surprises: tuple[str, ...] = ()
    has_stepped: bool = False
    repeated: tuple[tuple[float, str, int], ...] = ()


class Evidence(msgspec.Struct):
    """All of it."""

    setting: Setting
    tenants: list[Tenancy]
    offers: list[Offer]
    calls: list[Call]
    changes: list[Change]
    samples: list[Sample]
    losses: list[Loss]
    facts: Facts
    cards: list[Card] = msgspec.field(default_factory=list)


class _Problem(msgspec.Struct):
    code: str = ""


_Line = Setting | Tenancy | Offer | Card | Call | Change | Sample | Loss | Facts


def dump(evidence: Evidence, file: Path) -> None:
    """Write it, a JSON line for each thing."""
    things: Iterable[_Line] = (
        evidence.setting,
        *evidence.tenants,
        *evidence.offers,
        *evidence.cards,
        *evidence.changes,
        *evidence.losses,
        *evidence.calls,
        *evidence.samples,
        evidence.facts,
    )
    file.write_bytes(b"".join(msgspec.json.encode(thing) + b"\n" for thing in things))


def load(file: Path) -> Evidence:
    """Read it again."""
    decoder = msgspec.json.Decoder(_Line)
    lines = [decoder.decode(line) for line in file.read_bytes().splitlines()]
    return Evidence(
        setting=next(line for line in lines if isinstance(line, Setting)),
        tenants=[line for line in lines if isinstance(line, Tenancy)],
        offers=[line for line in lines if isinstance(line, Offer)],
        calls=[line for line in lines if isinstance(line, Call)],
        changes=[line for line in lines if isinstance(line, Change)],
        samples=[line for line in lines if isinstance(line, Sample)],
        losses=[line for line in lines if isinstance(line, Loss)],
        facts=next(line for line in lines if isinstance(line, Facts)),
        cards=[line for line in lines if isinstance(line, Card)],
    )
