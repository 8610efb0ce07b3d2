"""Definitions as this worker knows them.

A cached definition is only ever a guess: the commit script checks its version. What Redis lacks is hydrated.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from domain.definitions import Campaign, Voucher, campaign_key, change_key, voucher_key
from domain.ledger import Check
from domain.problems import Refused
from store.database import Database
from store.shards import Shard

from .batching import Batcher
from .hydration import Hydration
from .metrics import Metrics

MAX_CACHED = 50_000
ATTEMPTS = 5

_voucher = msgspec.msgpack.Decoder(Voucher)
_campaign = msgspec.msgpack.Decoder(Campaign)


class Found(msgspec.Struct, frozen=True):
    """What a code leads to. `voucher` None: unknown as long as `absent` holds."""

    voucher: Voucher | None
    campaign: Campaign | None = None
    absent: Check | None = None


class Catalog:
    """The definitions of one shard in one epoch. Bounded: the oldest entries go first."""

    def __init__(self, shard: Shard, database: Database, metrics: Metrics) -> None:
        self._hydration = Hydration(shard, database, metrics)
        self._vouchers: dict[str, Voucher] = {}
        self._campaigns: dict[str, Campaign] = {}
        self._unknown: dict[str, int] = {}
        self._codes: dict[str, Batcher[str, Found]] = {}
        self._counters: dict[str, Batcher[str, bool]] = {}

    def known(self, project_id: str, code: str) -> Found | None:
        """What a code leads to, without I/O."""
        key = voucher_key(project_id, code)
        voucher = self._vouchers.get(key)
        if voucher is None:
            change = self._unknown.get(key)
            return None if change is None else Found(None, absent=Check(change_key(project_id), change))
        if voucher.campaign_id is None:
            return Found(voucher)
        campaign = self._campaigns.get(campaign_key(voucher.campaign_id))
        return None if campaign is None else Found(voucher, campaign)

    async def find(self, project_id: str, code: str) -> Found:
        """What a code leads to, from the cache, Redis or PostgreSQL."""
        return self.known(project_id, code) or await self.load(project_id, code)

    async def load(self, project_id: str, code: str) -> Found:
        """What a code leads to, read anew; whatever Redis lacks of it is hydrated."""
        batcher = self._codes.get(project_id)
        if batcher is None:
            _bound(self._codes, 1000)

            async def fetch(codes: list[str]) -> dict[str, Found]:
                return await self._load(project_id, codes)

            batcher = self._codes[project_id] = Batcher(fetch)
        try:
            return await batcher.get(code)
        except KeyError as error:  # its campaign was dropped from the cache between reading and answering
            raise Refused("contended") from error

    def forget(self, keys: Iterable[str]) -> None:
        """These definitions have changed."""
        for key in keys:
            self._vouchers.pop(key, None)
            self._campaigns.pop(key, None)
            if key.startswith("n:"):
                prefix = f"v:{key[2:]}:"
                for unknown in [name for name in self._unknown if name.startswith(prefix)]:
                    del self._unknown[unknown]

    async def hydrate_counter(self, project_id: str, counter: str) -> None:
        """Bring one counter to Redis that this epoch has not met."""
        batcher = self._counters.get(project_id)
        if batcher is None:
            _bound(self._counters, 1000)

            async def fetch(names: list[str]) -> dict[str, bool]:
                return await self._hydrate_counters(project_id, names)

            batcher = self._counters[project_id] = Batcher(fetch)
        await batcher.get(counter)

    async def _hydrate_counters(self, project_id: str, names: list[str]) -> dict[str, bool]:
        for _ in range(ATTEMPTS):
            change, _ = await self._hydration.peek(project_id, [])
            if await self._hydration.counters(project_id, change, names):
                return dict.fromkeys(names, True)
        raise Refused("contended")

    async def _load(self, project_id: str, codes: list[str]) -> dict[str, Found]:
        for _ in range(ATTEMPTS):
            found = await self._load_once(project_id, codes)
            if found is not None:
                return found
        raise Refused("contended")

    async def _load_once(self, project_id: str, codes: list[str]) -> dict[str, Found] | None:
        """One attempt; None if the project has changed meanwhile."""
        keys = {voucher_key(project_id, code): code for code in codes}
        change, found = await self._hydration.peek(project_id, list(keys))
        vouchers = {key: _voucher.decode(definition.body) for key, definition in found.items()}
        wanted = {v.campaign_id for v in vouchers.values() if v.campaign_id and not self._knows(v.campaign_id)}
        campaigns: dict[str, Campaign] = {}
        if wanted:
            again, found = await self._hydration.peek(project_id, [campaign_key(i) for i in sorted(wanted)])
            if again != change:
                return None
            campaigns = {key: _campaign.decode(definition.body) for key, definition in found.items()}
        absent = [code for key, code in keys.items() if key not in vouchers]
        lacking = {i for i in wanted if campaign_key(i) not in campaigns}
        if absent or lacking:
            known = {key[2:] for key in campaigns}
            snapshot = await self._hydration.definitions(project_id, change, absent, lacking, known)
            if snapshot is None:
                return None
            vouchers |= {definition.key: _voucher.decode(definition.body) for definition in snapshot.vouchers}
            campaigns |= {definition.key: _campaign.decode(definition.body) for definition in snapshot.campaigns}
        self._remember(keys, vouchers, campaigns, change)
        answers = {code: self.known(project_id, code) for code in codes}
        return {code: answer for code, answer in answers.items() if answer is not None}

    def _knows(self, campaign_id: str) -> bool:
        return campaign_key(campaign_id) in self._campaigns

    def _remember(
        self, keys: Iterable[str], vouchers: dict[str, Voucher], campaigns: dict[str, Campaign], change: int
    ) -> None:
        for cache in (self._vouchers, self._campaigns, self._unknown):
            _bound(cache, MAX_CACHED)
        self._vouchers |= vouchers
        self._campaigns |= campaigns
        for key in keys:
            if key in vouchers:
                self._unknown.pop(key, None)
            else:
                self._unknown[key] = change


def _bound(cache: dict[str, Any], most: int) -> None:
    """Drop the oldest tenth of a cache that is full."""
    if len(cache) >= most:
        for key in list(cache)[: max(1, most // 10)]:
            del cache[key]
