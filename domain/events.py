"""Events of the stream: what the engine tells the reconciler, in one versioned encoding.

An entry carries a batch: schema version, script time, and a MessagePack array of events, each exactly the bytes
that the engine sent (the script only concatenates), so that an event can be rebuilt byte for byte from an answer.
Must never read another source: an event says all that the ledger's rows need.
"""

from typing import Any

import msgspec

from .definitions import Discount
from .ledger import Position
from .orders import Item, Metadata

SCHEMA_VERSION = 3
"""2 added orders, partial rollbacks and reservations; 3 gift cards, loyalty cards, tiers and referrals."""


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """What a discount was granted on, kept where the policy is to judge it again when a part is returned: the
    discount, its rules, and whether a percentage was of the initial amount."""

    discount: Discount
    rules: tuple[dict[str, Any], ...] = ()
    of_initial: bool = False


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One redeemable of a redemption with its discount and its moves (counter, amount, family or '').

    `allocations` is the discount on each item of the order, in the order's order (empty in the short form), and
    `shipping_discount_minor` that on shipping; together they are `discount_minor`. Not `restores_use`: a rollback
    gives its amounts back, but not its uses. `terms` None: what was granted is kept when a part is returned.
    Of a gift card, `discount_minor` is what it pays. `points`: those that a loyalty card has spent, for money off or
    for the `reward` of its program.
    """

    object: str
    redeemable_id: str
    campaign_id: str | None
    code: str
    discount_minor: int
    moves: tuple[tuple[str, int, str], ...]
    allocations: tuple[int, ...] = ()
    shipping_discount_minor: int = 0
    restores_use: bool = True
    terms: Terms | None = None
    points: int = 0
    reward: str = ""

    @property
    def is_payment(self) -> bool:
        """Whether it pays for the order instead of making it cheaper."""
        return self.object == "gift_card"


class OrderPart(msgspec.Struct, frozen=True, array_like=True):
    """What a redemption keeps of its order: `key` says which order and redeemables it was, for once per order; empty
    where that is off. `items` include those that a discount has added."""

    id: str | None = None
    key: bytes = b""
    items: tuple[Item, ...] = ()
    shipping_minor: int = 0
    metadata: Metadata = {}


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """Whose hold a redemption uses up: `tag` is the session's name on counters; `reservation_id` where it is a
    capture, '' where the session has simply redeemed what it held."""

    tag: str
    reservation_id: str = ""


class Referral(msgspec.Struct, frozen=True, array_like=True):
    """Who was referred by which code: `line` is the number of the code's line, `identities` what tells the customer
    apart, each by its key ("email", "device", ...) and a commitment to its value. Whose code it is, the ledger knows:
    another person's name in a stored event could not be erased from it."""

    line: int
    program_id: str
    code_id: str
    customer_id: str
    identities: tuple[tuple[str, bytes], ...] = ()


class Redeemed(msgspec.Struct, frozen=True, array_like=True, tag="redeemed", gc=False):
    """A granted redemption: header and lines. `committed` says that the answer waits for the ledger. `discount_minor`
    is all that the lines take off what is to be paid, gift cards included."""

    id: str
    account_id: str
    project_id: str
    fingerprint: bytes
    idempotency_key: str | None
    customer_id: str | None
    currency: str
    decimals: int
    order_value_minor: int
    discount_minor: int
    committed: bool
    lines: tuple[Line, ...]
    order: OrderPart | None = None
    hold: Hold | None = None
    is_stack: bool = False
    unapplied: tuple[tuple[str, str, str, str], ...] = ()
    """Redeemables that were asked for and not applied: object, id, status, outcome code."""
    referral: Referral | None = None

    @property
    def total_minor(self) -> int:
        shipping = self.order.shipping_minor if self.order is not None else 0
        return self.order_value_minor + shipping - self.discount_minor

    @property
    def paid_minor(self) -> int:
        """What of `discount_minor` gift cards have paid."""
        return sum([line.discount_minor for line in self.lines if line.is_payment])


class RolledBack(msgspec.Struct, frozen=True, array_like=True, tag="rolled_back"):
    """A rollback of a redemption or of a part of it. It holds for the `revision` that it was decided from (how many
    rollbacks the redemption had then) and for no other.

    `moves` are what comes back of each counter; None (as schema 1 has it): all that the redemption still has.
    `items` are units returned (number of the item in the order, units), `lines` the numbers from 0 of redeemables
    that are rolled back whole, `discounts` what each line's discount has lost by it. `is_whole`: nothing is left of
    the redemption. `id` is the rollback's own, '' in schema 1.
    """

    redemption_id: str
    account_id: str
    project_id: str
    revision: int = 0
    id: str = ""
    idempotency_key: str | None = None
    fingerprint: bytes = b""
    is_whole: bool = True
    moves: tuple[tuple[str, int], ...] | None = None
    lines: tuple[int, ...] = ()
    items: tuple[tuple[int, int], ...] = ()
    discounts: tuple[int, ...] = ()
    refund_minor: int = 0


class Reserved(msgspec.Struct, frozen=True, array_like=True, tag="reserved"):
    """Units held for a session until `expires_ms`; asked again with the same id, the hold is extended.

    `request` is the body that was reserved, from which a capture is decided. `lines` as a redemption would have them.
    """

    id: str
    account_id: str
    project_id: str
    fingerprint: bytes
    idempotency_key: str | None
    session: str
    tag: str
    expires_ms: int
    currency: str
    decimals: int
    order_value_minor: int
    discount_minor: int
    committed: bool
    request: bytes
    lines: tuple[Line, ...]
    revision: int = 0
    """When the last extension was asked for, in ms; 0: never. The latest stands."""
    shipping_minor: int = 0
    identities: tuple[tuple[str, bytes], ...] = ()
    """Of the customer, as commitments: `request` is kept without them."""


class Released(msgspec.Struct, frozen=True, array_like=True, tag="released"):
    """A reservation was given up before it expired."""

    reservation_id: str
    account_id: str
    project_id: str
    tag: str


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """A person settled a quarantine entry: `apply` it after all, or `void` it."""

    quarantine_id: str
    project_id: str
    action: str
    actor: str


Event = Redeemed | RolledBack | Settled | Reserved | Released


class Confirmed(msgspec.Struct, frozen=True, array_like=True):
    """What confirm publishes to the workers that wait: the ledger went from `old` to `new` (equal: a heartbeat).

    `refused` are the ids of `committed` redemptions that a CHECK refused, with the reason; `collapsed` those that
    were in the ledger already.
    """

    epoch: int
    old: Position
    new: Position
    refused: tuple[tuple[str, str], ...] = ()
    collapsed: tuple[str, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_batch_decoder: msgspec.msgpack.Decoder[list[msgspec.Raw]] = msgspec.msgpack.Decoder(list[msgspec.Raw])


def encode(event: Event) -> bytes:
    """An event's bytes, as they stand in the stream and in the idempotency record."""
    return _encoder.encode(event)


def decode(payload: bytes | msgspec.Raw) -> Event:
    """The event of these bytes; msgspec.DecodeError or ValidationError if they are none."""
    return _event_decoder.decode(payload)


def split_batch(batch: bytes) -> list[bytes]:
    """The encoded events of an entry, not yet decoded: one that is broken must not take the others with it."""
    return [bytes(raw) for raw in _batch_decoder.decode(batch)]
