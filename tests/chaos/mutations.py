"""Guards that may be taken out of a copy of the product, each by its name. A run without one must end in a violation:
that is how it is known that the checker sees what the guard is for. Must never be applied to anything but a copy.

Each has the seeds that are known to show it, because the fault that the guard is for comes in them and nothing is in
its way: `plan` is pure, so they were looked for, not waited for.
"""

from dataclasses import dataclass

from tests.chaos.tree import Patch

_ADMIT, _COMMIT, _CONFIRM = "lua/includes/admit.lua", "lua/commit.lua", "lua/confirm.lua"
_DEFINITIONS, _LEDGER, _LINK = "store/sql/definitions.sql", "store/sql/ledger.sql", "store/link.py"
_STACKS, _FREE = "domain/stacking.py", "lua/includes/free_expired.lua"
_ROLLBACKS, _CARD_SQL = "store/ledger_rollbacks.py", "store/migrations/0012_cards.sql"
_CUSTODY, _RING, _SHARD = "engine/custody.py", "engine/ring.py", "engine/shard.py"


@dataclass(frozen=True)
class Mutation:
    """A guard taken out: what then happens, and in which runs that is seen."""

    takes_out: str
    patches: tuple[Patch, ...]
    seeds: tuple[int, ...] = (1, 2, 5)
    minutes: float = 0.25


MUTATIONS: dict[str, Mutation] = {
    "fence": Mutation(
        "whoever answers at the address is taken for the server that the epoch is bound to",
        (
            Patch(_LINK, "        elif found != self.expected:\n", "        elif False:\n"),
            Patch(_LINK, "        if found != self.expected:\n", "        if False:\n"),
        ),
        seeds=(159, 231, 111),
        minutes=0.4,
    ),
    "window": Mutation(
        "PostgreSQL may be behind by any amount",
        (
            Patch(_ADMIT, "if granted - counter.confirmed + amount > window then", "if false then"),
            Patch(_COMMIT, "elseif #grants + 1 > room then", "elseif false then"),
        ),
        seeds=(57, 161),
        minutes=0.5,
    ),
    "ring": Mutation(
        "a worker says that it has handed in its ring, and hands in nothing",
        (Patch(_CUSTODY, "answers = ring.seal()\n", "answers = ring.seal()[:0]\n"),),
        seeds=(13, 129),
    ),
    "lease": Mutation(
        "a worker grants and answers though its lease is over, its epoch closed and its ring handed in",
        (
            Patch(_SHARD, "return self._clock() < self.leased_until and not self.ring.sealed", "return True"),
            Patch(
                _SHARD,
                "if not await self._renew(served):\n                    self",
                "if False:\n                    self",
            ),
            Patch(_RING, "        if self.sealed:\n", "        if False:\n"),
            Patch(
                _CUSTODY,
                "        if served is not None:\n            self._gate",
                "        if False:\n            self._gate",
            ),
        ),
        seeds=(272,),
        minutes=0.33,
    ),
    "overlay": Mutation(
        "the grants of one call are all judged against the same numbers",
        (Patch(_ADMIT, "local granted = counter.granted + counter.taken", "local granted = counter.granted"),),
    ),
    "ceiling": Mutation(
        "a limit that is lowered is at once what PostgreSQL allows, whatever is on its way",
        (
            Patch(
                _DEFINITIONS,
                "ELSE greatest(c.ceiling, excluded.ceiling) END",
                "ELSE greatest(excluded.ceiling, c.granted - c.returned + c.quarantined) END",
            ),
            Patch(
                _DEFINITIONS,
                "greatest(n.limit_value, n.used, c.granted - c.returned + c.quarantined)",
                "greatest(n.limit_value, c.granted - c.returned + c.quarantined)",
            ),
        ),
        seeds=(57, 161, 1),
        minutes=0.5,
    ),
    "position": Mutation(
        "who settles and who confirms does not ask where the other stands",
        (
            Patch(
                _LEDGER,
                "WHERE shard = $1 AND epoch = $2 AND entry_ms = $3 AND entry_seq = $4\nRETURNING shard, set_config",
                "WHERE shard = $1 AND epoch = $2 AND ($3::bigint, $4::bigint) IS NOT NULL\nRETURNING shard, set_config",
            ),
            Patch(_CONFIRM, "if meta[2] ~= ARGV[1] then", "if false then"),
        ),
        seeds=(180, 1),
    ),
    "noscript_identity": Mutation(
        "a server that does not know a script is given it, whoever it is",
        (
            Patch(
                _LINK,
                "        except NoScriptError:\n            await self.check_identity()\n",
                "        except NoScriptError:\n",
            ),
        ),
        seeds=(159, 231, 111),
        minutes=0.4,
    ),
    "idempotency_first": Mutation(
        "a key that was granted is refused when nothing is left",
        (
            Patch(
                _COMMIT,
                "  if number ~= 0 then\n    local record = records[number]\n",
                "  local full = mode == COMMIT and not check(item[5]) and judge(moves)\n"
                "  if full then return full end\n"
                "  if number ~= 0 then\n    local record = records[number]\n",
            ),
        ),
    ),
    "gross": Mutation(
        "counters go down again: what comes back is taken from what was granted",
        (
            Patch(
                _CONFIRM,
                "redis.call('HINCRBY', key, 'returned', digits(returned))",
                "redis.call('HINCRBY', key, 'granted', digits(-returned))",
            ),
        ),
    ),
    "versions": Mutation(
        "decided from a definition that has changed meanwhile",
        (Patch(_COMMIT, "    if version ~= checks[i + 1] then\n", "    if version == 0 then\n"),),
    ),
    "merged": Mutation(
        "two redeemables of a stack that move one counter move it by one",
        (Patch(_STACKS, "            before.amount + move.amount,\n", "            move.amount,\n"),),
    ),
    "once_per_order": Mutation(
        "an order that was redeemed is redeemed again under another key",
        (Patch(_COMMIT, "  if alias and alias ~= 0 and records[alias] then\n", "  if false then\n"),),
    ),
    "live_holds": Mutation(
        "whoever is refused for what is held frees it, whether it has expired or not",
        (
            Patch(_FREE, "  if now < soonest_of(counter, key) then\n", "  if false then\n"),
            Patch(_FREE, "      if expires <= now then\n", "      if expires then\n"),
            Patch(_FREE, "if hold and hold.expires <= now then", "if hold then"),
        ),
        seeds=(62, 43, 39),
        minutes=0.33,
    ),
    "revision": Mutation(
        "a rollback takes effect whatever revision it was decided from",
        (
            Patch(_LEDGER, "    AND r.revision = a.revision\nRETURNING", "    AND r.revision >= a.revision\nRETURNING"),
            Patch(
                _LEDGER,
                "SELECT a.project_id, a.redemption_id, a.revision, a.id,",
                "SELECT a.project_id, a.redemption_id, (SELECT r.revision - 1 FROM redemptions r\n"
                "    WHERE r.project_id = a.project_id AND r.id = a.redemption_id), a.id,",
            ),
        ),
        seeds=(44, 117, 43),
        minutes=0.33,
    ),
    "balance": Mutation(
        "nobody asks what is left on a gift card: not Redis, nor a CHECK of the card, its entries or its counter",
        (
            Patch(
                "domain/spending.py",
                "Move(counter, effect.discount_minor, None,",
                "Move(counter, effect.discount_minor, 2**50,",
            ),
            Patch(_CARD_SQL, "within_balance CHECK (funded_minor >= spent_minor)", "within_balance CHECK (true)"),
            Patch(
                _CARD_SQL,
                "    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),\n    redemption_id",
                "    balance_minor bigint NOT NULL,\n    redemption_id",
            ),
            Patch(
                "store/migrations/0003_definitions.sql",
                "within_ceiling CHECK (ceiling IS NULL OR granted - returned <= ceiling)",
                "within_ceiling CHECK (true)",
            ),
        ),
    ),
    "refunds": Mutation(
        "what comes back to a card is counted, and not posted",
        (Patch(_ROLLBACKS, "            postings.refund(*key, moves, slot.time_ms)\n", ""),),
    ),
    "once_per_key": Mutation(
        "the control plane does again what it has done with a key",
        (
            Patch(
                "control_plane/idempotency.py",
                '    return KeptAnswer(row["status"], row["body"])\n',
                "    return None\n",
            ),
        ),
    ),
    "once_per_line": Mutation(
        "a redemption that the ledger has is posted to its cards once more, and no index refuses that",
        (
            Patch(
                "store/ledger.py",
                "    await attribute(tx, applied)\n",
                "    await attribute(tx, applied)\n    for slot in first:\n"
                "        if slot not in applied and isinstance(slot.event, Redeemed):\n"
                "            postings.spend(slot.event, slot.time_ms)\n",
            ),
            Patch(
                _CARD_SQL, "CREATE UNIQUE INDEX gift_card_entries_one_spend", "CREATE INDEX gift_card_entries_one_spend"
            ),
            Patch(_CARD_SQL, "CREATE UNIQUE INDEX loyalty_entries_one_spend", "CREATE INDEX loyalty_entries_one_spend"),
        ),
        seeds=(44, 117, 95),
        minutes=0.33,
    ),
}
