"""Guards that may be taken out of a copy of the product, each by its name. A run without one must end in a violation:
that is how it is known that the checker sees what the guard is for. Must never be applied to anything but a copy.
"""

from tests.chaos.tree import Patch

_ADMIT, _COMMIT, _CONFIRM = "lua/includes/admit.lua", "lua/commit.lua", "lua/confirm.lua"
_DEFINITIONS, _LEDGER, _LINK = "store/sql/definitions.sql", "store/sql/ledger.sql", "store/link.py"
_CUSTODY, _RING, _SHARD = "engine/custody.py", "engine/ring.py", "engine/shard.py"

MUTATIONS: dict[str, tuple[Patch, ...]] = {
    # Whoever answers at the address is taken for the server that the epoch is bound to.
    "fence": (
        Patch(_LINK, "        elif found != self.expected:\n", "        elif False:\n"),
        Patch(_LINK, "        if found != self.expected:\n", "        if False:\n"),
    ),
    # PostgreSQL may be behind by any amount.
    "window": (
        Patch(_ADMIT, "if granted - counter.confirmed + amount > window then", "if false then"),
        Patch(_COMMIT, "elseif #grants + 1 > room then", "elseif false then"),
    ),
    # A worker says that it has handed in its ring, and hands in nothing.
    "ring": (Patch(_CUSTODY, "answers = ring.seal()\n", "answers = ring.seal()[:0]\n"),),
    # A worker grants and answers though its lease is over, its epoch closed and its ring handed in.
    "lease": (
        Patch(_SHARD, "return self._clock() < self.leased_until and not self.ring.sealed", "return True"),
        Patch(
            _SHARD, "if not await self._renew(served):\n                    self", "if False:\n                    self"
        ),
        Patch(_RING, "        if self.sealed:\n", "        if False:\n"),
        Patch(
            _CUSTODY,
            "        if served is not None:\n            self._gate",
            "        if False:\n            self._gate",
        ),
    ),
    # The grants of one call are all judged against the same numbers.
    "overlay": (Patch(_ADMIT, "local granted = counter.granted + counter.taken", "local granted = counter.granted"),),
    # A limit that is lowered is at once what PostgreSQL allows, whatever is on its way.
    "ceiling": (
        Patch(_DEFINITIONS, "ELSE greatest(c.ceiling, excluded.ceiling) END", "ELSE excluded.ceiling END"),
        Patch(_DEFINITIONS, "greatest(n.limit_value, n.used, c.granted - c.returned + c.quarantined)", "n.limit_value"),
    ),
    # Who settles and who confirms does not ask where the other stands.
    "position": (
        Patch(
            _LEDGER,
            "WHERE shard = $1 AND epoch = $2 AND entry_ms = $3 AND entry_seq = $4\nRETURNING shard, set_config",
            "WHERE shard = $1 AND epoch = $2 AND ($3::bigint, $4::bigint) IS NOT NULL\nRETURNING shard, set_config",
        ),
        Patch(_CONFIRM, "if meta[2] ~= ARGV[1] then", "if false then"),
    ),
    # A server that does not know a script is given it, whoever it is.
    "noscript_identity": (
        Patch(
            _LINK,
            "        except NoScriptError:\n            await self.check_identity()\n",
            "        except NoScriptError:\n",
        ),
    ),
    # A key that was granted is refused when nothing is left.
    "idempotency_first": (
        Patch(
            _COMMIT,
            "  local number = item[2]\n  if number ~= 0 then\n    local record = records[number]\n",
            "  local number = item[2]\n  local full = item[1] == 0 and judge(item[7])\n  if full then return full end\n"
            "  if number ~= 0 then\n    local record = records[number]\n",
        ),
    ),
    # Counters go down again: what comes back is taken from what was granted.
    "gross": (
        Patch(
            _CONFIRM,
            "redis.call('HINCRBY', key, 'returned', digits(returned))",
            "redis.call('HINCRBY', key, 'granted', digits(-returned))",
        ),
    ),
    # Decided from a definition that has changed meanwhile.
    "versions": (Patch(_COMMIT, "    if version ~= checks[i + 1] then\n", "    if version == 0 then\n"),),
}
