"""Definitions as this worker knows them, and how Redis gets what it lacks: peek, read PostgreSQL, hydrate.

A cached definition is only ever a guess: the commit script checks its version. Must never believe PostgreSQL over a
change that happened since Redis was peeked: the put carries the change number and is refused if it moved.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from domain.definitions import (
    BUDGET_WINDOW_MINOR,
    COUNT_WINDOW,
    Campaign,
    Voucher,
    campaign_key,
    change_key,
    voucher_key,
)
from domain.ledger import Check, CounterState, Definition
from domain.outcomes import Status
from store.database import Database, Transaction
from store.definitions import campaign_from, encode_campaign, encode_voucher, voucher_from
from store.queries import query
from store.shards import Shard

from .batching import Batcher
from .metrics import Metrics
from .responses import Refused

MAX_CACHED = 50_000
ATTEMPTS = 5

_VOUCHER_ROWS = query("voucher_rows_by_code")
_CAMPAIGN_ROWS = query("campaign_rows")
_COUNTER_ROWS = query("counter_rows")
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
        self._shard = shard
        self._database = database
        self._metrics = metrics
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
        return await batcher.get(code)

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
            change, _ = await self._peek(project_id, [])
            async with self._database.tenant_tx(project_id) as tx:
                states = await self._counter_states(tx, project_id, names)
            if await self._put(project_id, change, [], states):
                return dict.fromkeys(names, True)
        raise Refused("contended")

    async def _load(self, project_id: str, codes: list[str]) -> dict[str, Found]:
        for _ in range(ATTEMPTS):
            found = await self._load_once(project_id, codes)
            if found is not None:
                return found
        raise Refused("contended")

    async def _load_once(self, project_id: str, codes: list[str]) -> dict[str, Found] | None:
        keys = {voucher_key(project_id, code): code for code in codes}
        change, bodies = await self._peek(project_id, list(keys))
        vouchers = {key: _voucher.decode(found.body) for key, found in bodies.items()}
        wanted = {campaign_key(v.campaign_id) for v in vouchers.values() if v.campaign_id} - self._campaigns.keys()
        again, bodies = await self._peek(project_id, sorted(wanted)) if wanted else (change, {})
        campaigns = {key: _campaign.decode(found.body) for key, found in bodies.items()}
        absent = [code for key, code in keys.items() if key not in vouchers]
        lacking = [key[2:] for key in wanted - campaigns.keys()]
        if again != change:
            return None
        if (absent or lacking) and not await self._hydrate(project_id, change, absent, lacking, vouchers, campaigns):
            return None
        _bound(self._vouchers, MAX_CACHED)
        _bound(self._campaigns, MAX_CACHED)
        _bound(self._unknown, MAX_CACHED)
        self._vouchers |= vouchers
        self._campaigns |= campaigns
        for key in keys:
            if key not in vouchers:
                self._unknown[key] = change
            else:
                self._unknown.pop(key, None)
        answers = {code: self.known(project_id, code) for code in codes}
        return {code: found for code, found in answers.items() if found is not None}

    async def _hydrate(
        self,
        project_id: str,
        change: int,
        codes: list[str],
        campaign_ids: list[str],
        vouchers: dict[str, Voucher],
        campaigns: dict[str, Campaign],
    ) -> bool:
        """Read these from PostgreSQL into the two dicts and into Redis; False if the project has changed since."""
        async with self._database.tenant_tx(project_id) as tx:
            rows = [voucher_from(row) for row in await tx.fetch(_VOUCHER_ROWS, project_id, codes)] if codes else []
            more = {row.campaign_id for row in rows if row.campaign_id}
            known = {*self._campaigns, *campaigns}
            wanted = sorted({*campaign_ids, *(i for i in more if campaign_key(i) not in known)})
            found = await tx.fetch(_CAMPAIGN_ROWS, project_id, wanted) if wanted else []
            lacking = [campaign_from(row) for row in found]
            ids = [*(row.id for row in rows), *(row.id for row in lacking)]
            names = [f"{kind}:{i}" for i in ids for kind in "rb"]
            states = await self._counter_states(tx, project_id, names) if names else []
        definitions = [encode_voucher(row) for row in rows] + [encode_campaign(row) for row in lacking]
        if not await self._put(project_id, change, definitions, states):
            return False
        vouchers |= {d.key: _voucher.decode(d.body) for d in definitions[: len(rows)]}
        campaigns |= {d.key: _campaign.decode(d.body) for d in definitions[len(rows) :]}
        return True

    async def _counter_states(
        self, tx: Transaction, project_id: str, names: list[str]
    ) -> list[tuple[str, CounterState]]:
        """Counters as PostgreSQL has them, all settled; what an unaccounted epoch may have sold is withheld."""
        rows = {row["id"]: row for row in await tx.fetch(_COUNTER_ROWS, project_id, names)}
        states = []
        for name in names:
            window = BUDGET_WINDOW_MINOR if name.startswith("b:") else COUNT_WINDOW
            withheld = window * self._shard.epoch.withheld_epochs
            row = rows.get(name)
            granted, returned = (row["granted"], row["returned"]) if row else (0, 0)
            states.append((name, CounterState(None, granted, returned, granted, 0, withheld, 0)))
        return states

    async def _peek(self, project_id: str, keys: Sequence[str]) -> tuple[int, dict[str, Definition]]:
        status, change, found = await self._shard.scripts.peek(project_id, keys)
        if status is not Status.OK:
            raise Refused("recovering")
        return change, {definition.key: definition for definition in found if definition is not None}

    async def _put(
        self,
        project_id: str,
        change: int,
        definitions: list[Definition],
        states: list[tuple[str, CounterState]],
    ) -> bool:
        self._metrics.hydrations += 1
        status = await self._shard.scripts.hydrate(project_id, change, definitions, states)
        if status is Status.FENCED:
            raise Refused("recovering")
        return status is Status.OK


def _bound(cache: dict[str, Any], most: int) -> None:
    """Drop the oldest tenth of a cache that is full."""
    if len(cache) >= most:
        for key in list(cache)[: max(1, most // 10)]:
            del cache[key]
