"""The Redis servers that this process talks to: one link for each identity, shared by all shards bound to it.

Must never hand out a link to another server than the one asked for.
"""

import asyncio

import msgspec

from domain.ledger import Position
from store.keys import Keyspace
from store.link import Identity, Link, RedisUnavailable, ScriptFailed

MAX_CONNECTIONS = 12


class Meta(msgspec.Struct, frozen=True):
    """An epoch as its Redis has it."""

    state: str
    position: Position
    entry: Position
    added: int
    settled: int
    withheld: bool


async def read_meta(link: Link, keyspace: Keyspace) -> Meta | None:
    """The epoch's meta; None where this server does not have the epoch."""
    names = ("state", "position", "entry", "added", "settled", "withheld")
    found = await link.command("HMGET", keyspace.meta, *names)
    if None in found:
        return None
    state, position, entry, added, settled, withheld = (value.decode() for value in found)
    return Meta(state, Position.parse(position), Position.parse(entry), int(added), int(settled), withheld == "1")


class Servers:
    """Links by identity. All shards share them, so that eight shards do not open eight pools."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._links: dict[Identity, Link] = {}
        self._durability: dict[Identity, str] = {}
        self._asking = asyncio.Lock()

    def link(self, identity: Identity) -> Link:
        """The link to this very server; its commands raise FencedOut where another one answers."""
        if identity not in self._links:
            self._links[identity] = Link(self._url, identity, MAX_CONNECTIONS)
        return self._links[identity]

    async def newest(self) -> tuple[Identity, Link]:
        """Whoever answers now; RedisUnavailable where nobody does, or only a replica."""
        async with self._asking:
            probe = Link(self._url, max_connections=1)
            try:
                role = await probe.command("ROLE")
                identity = probe.expected
            finally:
                await probe.close()
            if identity is None or role[0] != b"master":
                raise RedisUnavailable("only a replica answers")
            for gone in [known for known in self._links if known != identity]:
                await self._links.pop(gone).close()
            return identity, self.link(identity)

    async def durability(self, identity: Identity) -> str:
        """`durable` where an answer is on disk before it is sent, else `fast`: it is the server's setting."""
        if identity not in self._durability:
            try:
                fsync, appendonly = [
                    (await self.link(identity).command("CONFIG", "GET", name)) for name in ("appendfsync", "appendonly")
                ]
            except ScriptFailed:  # the server does not say; then nothing better is claimed
                return "fast"
            always = _setting(fsync) == "always" and _setting(appendonly) == "yes"
            self._durability[identity] = "durable" if always else "fast"
        return self._durability[identity]

    async def close(self) -> None:
        for identity in list(self._links):
            await self._links.pop(identity).close()


def _setting(reply: object) -> str:
    """The value of one setting as CONFIG GET answers it, whatever the protocol made of it."""
    if isinstance(reply, dict):
        reply = [part for pair in reply.items() for part in pair]
    assert isinstance(reply, list)
    value = reply[1] if len(reply) == 2 else b""
    return value.decode() if isinstance(value, bytes) else str(value)


async def last_generated(link: Link, keyspace: Keyspace) -> Position:
    """The last id that the stream gave, 0-0 where there is no stream."""
    if not await link.command("EXISTS", keyspace.stream):
        return Position()
    info = await link.command("XINFO", "STREAM", keyspace.stream)
    if isinstance(info, list):
        info = dict(zip(info[::2], info[1::2], strict=True))
    found = info.get("last-generated-id", info.get(b"last-generated-id"))
    return Position.parse(found.decode() if isinstance(found, bytes) else found)
