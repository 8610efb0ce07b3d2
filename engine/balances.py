"""What cards look like in Redis at this moment: a snapshot to decide from, which the commit may find out of date.

Must never conclude from it that a card is empty: only the commit knows.
"""

import asyncio
from collections.abc import Sequence

from domain.decisions import Balance

from .shard import ServedShard

_FIELDS = ("limit", "granted", "returned", "held", "withheld", "soonest")


async def read_balances(served: ServedShard, project_id: str, counters: Sequence[str], tag: str) -> dict[str, Balance]:
    """These counters as they are now, those that this epoch has not met hydrated first; what the session `tag` holds
    itself does not count as held."""
    found = await _read(served, counters, tag)
    absent = [name for name in counters if name not in found]
    if absent:
        await served.catalog.hydrate_counters(project_id, absent)
        found |= await _read(served, absent, tag)
    return found


async def _read(served: ServedShard, counters: Sequence[str], tag: str) -> dict[str, Balance]:
    link, keyspace = served.shard.link, served.shard.keyspace
    fields = (*_FIELDS, f"h:{tag}") if tag else _FIELDS
    replies = await asyncio.gather(*(link.command("HMGET", keyspace.counter(name), *fields) for name in counters))
    found: dict[str, Balance] = {}
    for name, reply in zip(counters, replies, strict=True):
        limit, granted, returned, held, withheld, soonest, *own = reply
        if granted is None:
            continue
        if int(held or 0) and int(soonest or 0) <= served.now_ms():
            others = await _held_by_others(served, name, tag)
        else:
            others = int(held or 0) - (_hold(own[0])[0] if own and own[0] is not None else 0)
        used = int(granted) - int(returned)
        found[name] = Balance(None if limit is None else int(limit), used, others + int(withheld or 0))
    return found


async def _held_by_others(served: ServedShard, counter: str, tag: str) -> int:
    """Where a hold may have expired: the script frees it once it stands in the way, so none does that has."""
    fields: dict[bytes, bytes] = await served.shard.link.command("HGETALL", served.shard.keyspace.counter(counter))
    now_ms, own = served.now_ms(), f"h:{tag}".encode()
    holds = [_hold(value) for name, value in fields.items() if name.startswith(b"h:") and name != own]
    return sum(amount for amount, expires_ms in holds if expires_ms > now_ms)


def _hold(field: bytes) -> tuple[int, int]:
    """Its amount, and until when it holds."""
    amount, expires_ms, _ = field.split(b" ", 2)
    return int(amount), int(expires_ms)
