"""Puts an entry into a shard's stream as a commit script with a mistake would: with its counters, all at once.

What the ledger then does with it must leave both stores equal, so whatever is given back had to be taken first.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from store.database import owner_connection
from store.keys import Keyspace
from tests.chaos.faults import Skipped
from tests.chaos.tree import CHAOS_WINDOW
from tests.chaos.world import World

_NO_WINDOW = 2**50
_OF_AMOUNTS = ("b:", "a:", "y:")
"""How counters begin that count money or points: nothing bounds what is unconfirmed of them by number."""

# KEYS: meta, stream, counters. ARGV: how many events, how many fields, the fields, then amount and window of each
# counter. A counter that is absent or has no room refuses it all.
_INJECT = """
if redis.call('HGET', KEYS[1], 'state') ~= 'open' then return 'the epoch is not open' end
local fields, at = {}, 3 + tonumber(ARGV[2])
for i = 3, at - 1 do fields[#fields + 1] = ARGV[i] end
for i = 3, #KEYS do
  local n, window = tonumber(ARGV[at + 2 * (i - 3)]), tonumber(ARGV[at + 2 * (i - 3) + 1])
  local h = redis.call('HMGET', KEYS[i], 'limit', 'granted', 'returned', 'held', 'withheld', 'confirmed')
  if not h[2] then return 'a counter is absent' end
  local used = tonumber(h[2]) - tonumber(h[3]) + tonumber(h[4] or 0) + tonumber(h[5] or 0)
  if h[1] and used + n > tonumber(h[1]) then return 'a counter is full' end
  if tonumber(h[2]) - tonumber(h[6]) + n > window then return 'a window is full' end
end
local entry = redis.call('XADD', KEYS[2], '*', unpack(fields))
for i = 3, #KEYS do redis.call('HINCRBY', KEYS[i], 'granted', ARGV[at + 2 * (i - 3)]) end
redis.call('HSET', KEYS[1], 'entry', entry)
redis.call('HINCRBY', KEYS[1], 'added', ARGV[1])
return entry
"""


async def current_keyspace(world: World, shard: int) -> Keyspace:
    """The names of the shard's open epoch."""
    async with owner_connection(world.database_url, "chaos") as connection:
        epoch = await connection.fetchval(
            "SELECT epoch FROM epochs WHERE shard = $1 AND state = 'open' ORDER BY epoch DESC LIMIT 1", shard
        )
    if epoch is None:
        raise Skipped(f"shard {shard} has no open epoch")
    return Keyspace(shard, epoch)


def batch_of(*payloads: bytes) -> bytes:
    """Events as one entry carries them."""
    return msgspec.msgpack.encode([msgspec.Raw(payload) for payload in payloads])


async def inject(
    world: World,
    keyspace: Keyspace,
    fields: Mapping[str, bytes | str],
    events: int,
    counters: Mapping[str, int] | None = None,
) -> str:
    """One entry and what it takes; where it stands. Skipped where there is no room for it."""
    keys = [keyspace.meta, keyspace.stream, *(keyspace.counter(name) for name in counters or {})]
    flat: list[bytes | str] = [part for field in fields.items() for part in field]
    amounts: list[int] = []
    for name, amount in (counters or {}).items():
        amounts += (amount, _NO_WINDOW if name[:2] in _OF_AMOUNTS else CHAOS_WINDOW)
    async with world.redis() as client:
        reply: Any = await client.eval(_INJECT, len(keys), *keys, events, len(flat), *flat, *amounts)
    text = bytes(reply).decode()
    if not text[0].isdigit():
        raise Skipped(text)
    return text
