"""The one reader over all shards' streams: a single blocking XREAD that feeds their inboxes.

Must never settle anything, and never decide that a shard is over: each shard finds that out by its own commands.
"""

import asyncio
from typing import Any

from domain.ledger import Position
from engine.reconciler.entries import parse_entry
from engine.reconciler.inbox import Inbox
from store.link import FencedOut, Identity, Link, RedisFull, RedisUnavailable, ScriptFailed

BLOCK_MS = 200
BLOCK_WHILE_FULL_MS = 10
ENTRIES = 64
"""Of one stream in one reply. An entry carries up to 128 events, so a reply is bounded by a few MB."""

RETRY_S = 0.05


class Reader:
    """Reads for those that have joined."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._members: dict[str, tuple[Identity, Inbox]] = {}
        self._joined = asyncio.Event()

    def join(self, identity: Identity, inbox: Inbox) -> None:
        self._members[inbox.stream] = (identity, inbox)
        self._joined.set()

    def leave(self, inbox: Inbox) -> None:
        if self._members.get(inbox.stream, (None, None))[1] is inbox:
            del self._members[inbox.stream]
        if not self._members:
            self._joined.clear()

    async def run(self) -> None:
        """Until cancelled. The link is made anew whenever it breaks or the members are bound to another server."""
        while True:
            await self._joined.wait()
            identity = next(iter(self._members.values()))[0]
            link = Link(self._url, identity, max_connections=1)
            try:
                while self._members and next(iter(self._members.values()))[0] == identity:
                    await self._read(link, identity)
            except (FencedOut, RedisFull, RedisUnavailable, ScriptFailed):
                for _, inbox in list(self._members.values()):
                    inbox.wake()
                await asyncio.sleep(RETRY_S)
            finally:
                await link.close()

    async def _read(self, link: Link, identity: Identity) -> None:
        mine = [inbox for bound_to, inbox in self._members.values() if bound_to == identity]
        hungry = [inbox for inbox in mine if inbox.has_room]
        if not hungry:
            await asyncio.sleep(BLOCK_WHILE_FULL_MS / 1000)
            return
        block = BLOCK_MS if len(hungry) == len(self._members) else BLOCK_WHILE_FULL_MS
        asked = {inbox.stream: inbox.cursor for inbox in hungry}
        names = list(asked)
        reply = await link.command(
            "XREAD", "COUNT", ENTRIES, "BLOCK", block, "STREAMS", *names, *(str(asked[name]) for name in names)
        )
        for stream, entries in _streams(reply):
            self._feed(stream.decode(), asked, entries)

    def _feed(self, stream: str, asked: dict[str, Position], entries: list[Any]) -> None:
        found = self._members.get(stream)
        if found is not None:
            found[1].feed(asked[stream], [parse_entry(entry_id, fields or {}) for entry_id, fields in entries])


def _streams(reply: Any) -> list[tuple[bytes, list[Any]]]:
    """XREAD's reply, which redis-py gives as pairs, as a dict, or as None."""
    if not reply:
        return []
    return list(reply.items()) if isinstance(reply, dict) else [(name, entries) for name, entries in reply]
