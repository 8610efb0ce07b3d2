"""A worker's index of a project's promotion tiers: true as of change numbers, brought up to date by what has changed.

The numbers are read from Redis before PostgreSQL is: what they count is in what was read then. Must never be asked
before it was brought up to date within the same request. It only says which tiers can apply: decisions are made from
the definitions in Redis.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from domain.decisions import Found
from domain.definitions import Campaign, Redeemable, ValidationRule, campaign_key, rule_key
from domain.matching import Index, Need, need_of
from domain.outcomes import Status
from domain.rules import campaign_definition, voucher_definition
from store.database import Database, Transaction
from store.definitions import campaign_from, rule_from, voucher_from
from store.link import FencedOut
from store.queries import query
from store.shards import Shard

from .pacing import Pace

MOST_PROJECTS = 200
"""Of one shard, in the memory of a worker; a project has at most 20,000 tiers."""

_CHUNK = 500
_ACTIVE = query("active_tier_versions")
_TIERS = query("qualifying_tiers")
_CAMPAIGNS = query("campaign_rows")
_RULES = query("rule_rows")


class Changes(NamedTuple):
    """The change numbers that cover tiers, rules, and all else of a project, campaigns too."""

    tiers: int = -1
    rules: int = -1
    project: int = -1

    def covers(self, other: "Changes") -> bool:
        """Whether none of the other's is later."""
        return all(own >= its for own, its in zip(self, other, strict=True))


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


class ProjectTiers:
    """The tiers of one project in one epoch."""

    def __init__(self, shard: Shard, database: Database, project_id: str) -> None:
        self.index: Index[str] = Index()
        self.names: dict[str, str] = {}
        self._shard = shard
        self._database = database
        self._project_id = project_id
        self._tiers: dict[str, Redeemable] = {}
        self._campaigns: dict[str, Campaign] = {}
        self._rules: dict[str, ValidationRule] = {}
        self._true_for = Changes()
        self._lock = asyncio.Lock()

    async def bring_up_to_date(self) -> None:
        """Make the index true for now; one at a time reads what has changed, for all who wait."""
        asked = await self._changes()
        if self._true_for.covers(asked):
            return
        async with self._lock:
            if self._true_for.covers(asked):
                return
            changes = await self._changes()
            try:
                await self._read(changes)
            except BaseException:
                self._forget()  # half of it may be in the index: the next one begins anew
                raise
            self._true_for = changes

    def outdated(self, found: Found) -> list[str]:
        """The names of definitions that are newer here than in what was found."""
        tier, campaign, newer = found.redeemable, found.campaign, []
        if tier is not None and _is_older(tier, self._tiers.get(tier.id)):
            newer.append(tier.key)
        if campaign is not None and _is_older(campaign, self._campaigns.get(campaign.id)):
            newer.append(campaign_key(campaign.id))
        rules = [rule.definition for rule in found.rules]
        return newer + [rule_key(each.id) for each in rules if _is_older(each, self._rules.get(each.id))]

    async def _changes(self) -> Changes:
        scopes = (f"{self._project_id}:m", f"{self._project_id}:q", self._project_id)
        said = await asyncio.gather(*(self._shard.scripts.peek(scope, []) for scope in scopes))
        if any(status is not Status.OK for status, _, _ in said):
            raise FencedOut("the epoch is over")
        return Changes(*(change for _, change, _ in said))

    def _forget(self) -> None:
        self.index, self._true_for = Index(), Changes()
        for kept in (self.names, self._tiers, self._campaigns, self._rules):
            kept.clear()

    async def _read(self, changes: Changes) -> None:
        """Read what may have changed, and place the tiers anew that it makes a difference to."""
        before, pace = self._true_for, Pace(queues=False)
        touched: set[str] = set()
        async with self._database.tenant_tx(self._project_id) as tx:
            if changes.tiers != before.tiers:
                touched |= await self._read_tiers(tx, pace)
            await pace.breathe()
            wanted = {tier.campaign_id for tier in self._tiers.values() if tier.campaign_id is not None}
            if changes.project == before.project:
                wanted -= self._campaigns.keys()
            changed = await self._read_campaigns(tx, sorted(wanted))
            touched |= {tier.id for tier in self._tiers.values() if tier.campaign_id in changed}
            await pace.breathe()
            rules = {rule_id for tier in self._tiers.values() for rule_id in self._rule_ids(tier)}
            known = self._rules.keys() if changes.rules == before.rules else set()
            changed = await self._read_rules(tx, sorted(rules - known))
        if changed:
            touched |= {tier.id for tier in self._tiers.values() if not changed.isdisjoint(self._rule_ids(tier))}
        await self._place(touched, pace)

    async def _read_tiers(self, tx: Transaction, pace: Pace) -> set[str]:
        """Those that are new or have changed are read; those that are active no more go at once."""
        versions = {row["id"]: row["version"] for row in await tx.fetch(_ACTIVE, self._project_id)}
        await pace.breathe()
        for tier_id in [each for each in self._tiers if each not in versions]:
            self._drop(tier_id)
            await pace.breathe()
        known = {tier_id: tier.version for tier_id, tier in self._tiers.items()}
        wanted = [tier_id for tier_id, version in versions.items() if known.get(tier_id) != version]
        await pace.breathe()
        async for row in _rows(tx, _TIERS, self._project_id, wanted):
            tier = voucher_definition(voucher_from(row))
            if tier.disabled:
                self._drop(tier.id)
            else:
                self._tiers[tier.id], self.names[tier.id] = tier, row["name"]
            await pace.breathe()
        return self._tiers.keys() & set(wanted)

    async def _read_campaigns(self, tx: Transaction, ids: Sequence[str]) -> set[str]:
        return await self._take(
            tx, _CAMPAIGNS, ids, lambda row: campaign_definition(campaign_from(row)), self._campaigns
        )

    async def _read_rules(self, tx: Transaction, ids: Sequence[str]) -> set[str]:
        return await self._take(tx, _RULES, ids, rule_from, self._rules)

    async def _take(
        self, tx: Transaction, sql: str, ids: Sequence[str], made: Callable[[Any], Any], kept: dict[str, Any]
    ) -> set[str]:
        """Ids of those that are new or have changed."""
        changed = set()
        async for row in _rows(tx, sql, self._project_id, ids):
            each = made(row)
            before = kept.get(each.id)
            if before is None or before.version != each.version:
                kept[each.id] = each
                changed.add(each.id)
        return changed

    def _rule_ids(self, tier: Redeemable) -> Iterable[str]:
        campaign = self._campaigns.get(tier.campaign_id) if tier.campaign_id is not None else None
        return tier.rule_ids if campaign is None else (*tier.rule_ids, *campaign.rule_ids)

    async def _place(self, touched: Iterable[str], pace: Pace) -> None:
        needs: dict[str, Need] = {}
        for tier_id in touched:
            tier = self._tiers[tier_id]
            campaign = self._campaigns.get(tier.campaign_id) if tier.campaign_id is not None else None
            rules = [self._rules[rule_id].rule for rule_id in self._rule_ids(tier) if rule_id in self._rules]
            need = need_of(tier, campaign, rules)
            if need is None:
                self.index.remove(tier_id)
            else:
                needs[tier_id] = need
                self.index.announce(need)
            await pace.breathe()
        for tier_id, need in needs.items():
            self.index.put(tier_id, need, is_announced=True)
            await pace.breathe()

    def _drop(self, tier_id: str) -> None:
        self.index.remove(tier_id)
        self._tiers.pop(tier_id, None)
        self.names.pop(tier_id, None)


def _is_older(found: _Versioned, known: _Versioned | None) -> bool:
    return known is not None and found.version < known.version


async def _rows(tx: Transaction, sql: str, project_id: str, ids: Sequence[str]) -> AsyncIterator[Any]:
    """Rows by id, some hundreds at a time: what is read at once, others wait for."""
    for first in range(0, len(ids), _CHUNK):
        for row in await tx.fetch(sql, project_id, ids[first : first + _CHUNK]):
            yield row


class Tiers:
    """The tiers of a shard's projects, of those that were asked for last."""

    def __init__(self, shard: Shard, database: Database) -> None:
        self._shard = shard
        self._database = database
        self._projects: dict[str, ProjectTiers] = {}

    def of(self, project_id: str) -> ProjectTiers:
        """Those of one project, to be brought up to date by whoever asks."""
        found = self._projects.pop(project_id, None)
        if found is None:
            found = ProjectTiers(self._shard, self._database, project_id)
            if len(self._projects) >= MOST_PROJECTS:
                del self._projects[next(iter(self._projects))]
        self._projects[project_id] = found
        return found
