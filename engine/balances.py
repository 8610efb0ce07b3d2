"""What cards look like in Redis at this moment: a snapshot to decide from, which the commit may find out of date.

Must never conclude from it that a card is empty: only the commit knows.
"""

import asyncio
from collections.abc import Sequence

from domain.decisions import Balance

from .shard import ServedShard

_FIELDS = ("limit", "granted", "returned", "held", "withheld")


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
        limit, granted, returned, held, withheld, *own = reply
        if granted is None:
            continue
        mine = int(own[0].split(b" ", 1)[0]) if own and own[0] is not None else 0
        others = int(held or 0) - mine + int(withheld or 0)
        found[name] = Balance(None if limit is None else int(limit), int(granted) - int(returned), others)
    return found
