"""Events of the stream: what the engine tells the reconciler, in one versioned encoding.

An entry carries a batch: schema version, script time, and a MessagePack array of events, each exactly the bytes
that the engine sent (the script only concatenates), so that an event can be rebuilt byte for byte from an answer.
Must never read another source: an event says all that the ledger's rows need.
"""

import msgspec

from .ledger import Position

SCHEMA_VERSION = 1


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One redeemable of a redemption with its discount and its moves (counter, amount, family or '')."""

    object: str
    redeemable_id: str
    campaign_id: str | None
    code: str
    discount_minor: int
    moves: tuple[tuple[str, int, str], ...]


class Redeemed(msgspec.Struct, frozen=True, array_like=True, tag="redeemed"):
    """A granted redemption: header and lines. `committed` says that the answer waits for the ledger."""

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

    @property
    def total_minor(self) -> int:
        return self.order_value_minor - self.discount_minor


class RolledBack(msgspec.Struct, frozen=True, array_like=True, tag="rolled_back"):
    """A rollback was asked for; the ledger's row says whose moves come back."""

    redemption_id: str
    account_id: str
    project_id: str


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """A person settled a quarantine entry: `apply` it after all, or `void` it."""

    quarantine_id: str
    project_id: str
    action: str
    actor: str


Event = Redeemed | RolledBack | Settled


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
