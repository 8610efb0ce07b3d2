"""Entries of a stream as events in their places: pure.

One event that is broken must not take the others with it, so each is decoded by itself; and an entry of a newer
schema is not touched at all. Must never drop a byte: what cannot be read is handed on as it is.
"""

import msgspec

from domain.events import SCHEMA_VERSION, split_batch
from domain.ledger import Position
from store.ledger_rows import Slot, slot_of


class Entry(msgspec.Struct, frozen=True):
    """One entry. `newer` is its schema version where this process does not know it; it has no slots then.

    `events` is what the commit script has counted for it.
    """

    position: Position
    time_ms: int
    slots: tuple[Slot, ...]
    events: int
    newer: int = 0


def parse_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    """An entry as XREAD gave it; whatever it is, it becomes one."""
    position = Position.parse(entry_id.decode())
    try:
        version, time_ms, batch = int(fields[b"v"]), int(fields[b"t"]), fields[b"e"]
    except (KeyError, ValueError) as error:
        raw = msgspec.msgpack.encode(fields)
        slot = Slot(position, 0, position.entry_ms, raw, None, f"no entry of ours: {error!r}")
        return Entry(position, position.entry_ms, (slot,), 0)
    if version > SCHEMA_VERSION:
        return Entry(position, time_ms, (), 0, version)
    try:
        payloads, rest, events = split_batch(batch), b"", 0
    except msgspec.DecodeError:
        payloads, rest, events = _salvage(batch)
    slots = [slot_of(position, index, time_ms, payload) for index, payload in enumerate(payloads)]
    if rest or events > len(slots):
        slots.append(Slot(position, len(slots), time_ms, rest, None, "the rest of the entry is broken"))
    return Entry(position, time_ms, tuple(slots), max(events, len(payloads)))


def _salvage(batch: bytes) -> tuple[list[bytes], bytes, int]:
    """The events before the first broken one, the bytes from there on, and how many events the entry should have.

    Found by asking for shorter arrays: the header is ours to write, the events stand behind it back to back.
    """
    if not batch:
        return [], batch, 0
    if 0x90 <= batch[0] <= 0x9F:
        count, body = batch[0] & 15, batch[1:]
    elif batch[0] == 0xDC and len(batch) >= 3:
        count, body = int.from_bytes(batch[1:3]), batch[3:]
    else:
        return [], batch, 0
    payloads: list[bytes] = []
    while len(payloads) < count:
        length = _first_length(body)
        if length is None:
            break
        payloads.append(body[:length])
        body = body[length:]
    return payloads, body, count


def _first_length(body: bytes) -> int | None:
    """How long the first value of these bytes is; None if there is no whole one."""
    low, high = 1, len(body)
    # A prefix that is too short is "truncated", one that is too long has "trailing" bytes: between them it is one.
    while low <= high:
        middle = (low + high) // 2
        said = _try(body[:middle])
        if said == "":
            return middle
        if said == "short":
            low = middle + 1
        elif said == "long":
            high = middle - 1
        else:
            return None
    return None


def _try(data: bytes) -> str:
    try:
        msgspec.msgpack.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        text = str(error)
        if "truncated" in text:
            return "short"
        return "long" if "trailing" in text else text
    return ""
