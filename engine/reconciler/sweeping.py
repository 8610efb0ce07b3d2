"""Frees the memory of epochs that are over and settled, at a pace that a busy server does not feel.

Must never touch an epoch that is not settled: the caller names only those that PostgreSQL has left.
"""

import asyncio
from collections.abc import Sequence

from store.keys import Keyspace
from store.link import Link

SCAN_COUNT = 500
PAUSE_S = 0.01
"""Between two pages: at most 50,000 keys a second are looked at."""


async def sweep_old_epochs(link: Link, shard: int, epochs: Sequence[int]) -> int:
    """Unlink the keys of these epochs, the meta last, so that what is left is found again; how many went."""
    gone = 0
    for epoch in epochs:
        keyspace = Keyspace(shard, epoch)
        if not await link.command("EXISTS", keyspace.meta):
            continue
        gone += await _sweep(link, keyspace)
    return gone


async def _sweep(link: Link, keyspace: Keyspace) -> int:
    gone, cursor = 0, b"0"
    while True:
        cursor, keys = await link.command("SCAN", cursor, "MATCH", f"{keyspace.prefix}*", "COUNT", SCAN_COUNT)
        doomed = [key for key in keys if key != keyspace.meta.encode()]
        if doomed:
            gone += await link.command("UNLINK", *doomed)
        if int(cursor) == 0:
            break
        await asyncio.sleep(PAUSE_S)
    return gone + int(await link.command("UNLINK", keyspace.meta))
