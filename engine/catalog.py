"""Definitions as this worker knows them: vouchers, campaigns, rules, settings, customers, products, SKUs.

A cached definition is only ever a guess: the commit script checks its version. What Redis lacks is hydrated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from domain.conditions import compile_rule
from domain.decisions import Found, RuleInForce
from domain.definitions import (
    Campaign,
    ProjectSettings,
    Redeemable,
    ValidationRule,
    campaign_key,
    change_key,
    change_scope,
    customer_key,
    product_key,
    rule_key,
    settings_key,
    sku_key,
)
from domain.ledger import Check, Definition
from domain.orders import Customer, Product, Sku
from domain.problems import Refused
from store.database import Database
from store.shards import Shard

from .batching import Batcher
from .hydration import Hydration
from .metrics import Metrics

MAX_CACHED = 100_000
ATTEMPTS = 5

_rule = msgspec.msgpack.Decoder(ValidationRule)


def _compiled(body: bytes) -> RuleInForce:
    definition = _rule.decode(body)
    return RuleInForce(definition, compile_rule(definition.rule))


_DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    "v": msgspec.msgpack.Decoder(Redeemable).decode,
    "m": msgspec.msgpack.Decoder(Redeemable).decode,
    "c": msgspec.msgpack.Decoder(Campaign).decode,
    "q": _compiled,
    "s": msgspec.msgpack.Decoder(ProjectSettings).decode,
    "p": msgspec.msgpack.Decoder(Customer).decode,
    "g": msgspec.msgpack.Decoder(Product).decode,
    "k": msgspec.msgpack.Decoder(Sku).decode,
}
"""How a definition is read, by the first letter of its key."""


class Catalog:
    """The definitions of one shard in one epoch. Bounded: the oldest entries go first."""

    def __init__(self, shard: Shard, database: Database, metrics: Metrics) -> None:
        self._hydration = Hydration(shard, database, metrics)
        self._kept: dict[str, Any] = {}
        self._found: dict[str, Found] = {}
        self._unknown: dict[str, int] = {}
        self._definitions: dict[str, Batcher[str, bool]] = {}
        self._counters: dict[str, Batcher[str, bool]] = {}

    def settings(self, project_id: str) -> ProjectSettings | None:
        """The project's settings, if they are known here."""
        settings: ProjectSettings | None = self._kept.get(settings_key(project_id))
        return settings

    def customer(self, project_id: str, customer_id: str) -> Customer | None:
        """What is stored of a customer, if it is known here."""
        customer: Customer | None = self._kept.get(customer_key(project_id, customer_id))
        return customer

    def product(self, project_id: str, product_id: str) -> Product | None:
        """What is stored of a product, if it is known here."""
        product: Product | None = self._kept.get(product_key(project_id, product_id))
        return product

    def sku(self, project_id: str, sku: str) -> Sku | None:
        """What is stored of a SKU, if it is known here."""
        known: Sku | None = self._kept.get(sku_key(project_id, sku))
        return known

    def has(self, key: str) -> bool:
        """Whether the definition of this name is known here."""
        return key in self._kept

    def known(self, project_id: str, key: str) -> Found | None:
        """What the name of a redeemable's definition leads to, without I/O; None where something of it is not known
        here."""
        found = self._found.get(key)
        if found is None:
            change = self._unknown.get(key)
            if change is not None:
                return Found(None, absent=Check(change_key(change_scope(project_id, key)), change))
            found = self._assemble(key)
        return found

    def lacking(self, key: str) -> list[str]:
        """The keys that must be loaded next before the redeemable is known: more may come to light by them."""
        voucher: Redeemable | None = self._kept.get(key)
        if voucher is None:
            return [] if key in self._unknown else [key]
        if voucher.is_archived:
            return []
        wanted = [rule_key(rule_id) for rule_id in voucher.rule_ids]
        if voucher.campaign_id is not None:
            campaign: Campaign | None = self._kept.get(campaign_key(voucher.campaign_id))
            if campaign is None:
                wanted.append(campaign_key(voucher.campaign_id))
            else:
                wanted += [rule_key(rule_id) for rule_id in campaign.rule_ids]
        return [each for each in wanted if each not in self._kept]

    def _assemble(self, key: str) -> Found | None:
        voucher: Redeemable | None = self._kept.get(key)
        if voucher is None:
            return None
        if voucher.is_archived:
            gone = self._found[key] = Found(None, absent=Check(key, voucher.version))
            return gone
        campaign: Campaign | None = None
        rule_ids = voucher.rule_ids
        if voucher.campaign_id is not None:
            campaign = self._kept.get(campaign_key(voucher.campaign_id))
            if campaign is None:
                return None
            rule_ids = (*rule_ids, *(each for each in campaign.rule_ids if each not in rule_ids))
        rules: list[RuleInForce] = []
        for rule_id in rule_ids:
            rule: RuleInForce | None = self._kept.get(rule_key(rule_id))
            if rule is None:
                return None
            rules.append(rule)
        found = self._found[key] = Found.of(voucher, campaign, tuple(rules))
        return found

    async def load(self, project_id: str, keys: Iterable[str]) -> None:
        """Read these definitions anew; whatever Redis lacks of them is hydrated."""
        scopes: dict[str, list[str]] = {}
        for key in keys:
            scopes.setdefault(change_scope(project_id, key), []).append(key)
        for scope, wanted in scopes.items():
            await self._batcher(project_id, scope).get_all(wanted)

    def _batcher(self, project_id: str, scope: str) -> Batcher[str, bool]:
        batcher = self._definitions.get(scope)
        if batcher is None:
            _bound(self._definitions, 1000)

            async def fetch(wanted: list[str]) -> dict[str, bool]:
                return await self._load(project_id, scope, wanted)

            batcher = self._definitions[scope] = Batcher(fetch)
        return batcher

    def forget(self, keys: Iterable[str]) -> None:
        """These definitions have changed."""
        self._found.clear()
        for key in keys:
            self._kept.pop(key, None)
            if key.startswith("n:"):
                of_tiers = key.endswith(":m")
                prefix = f"m:{key[2:-2]}:" if of_tiers else f"v:{key[2:]}:"
                for unknown in [name for name in self._unknown if name.startswith(prefix)]:
                    del self._unknown[unknown]

    async def hydrate_counters(self, project_id: str, counters: Iterable[str]) -> None:
        """Bring counters to Redis that this epoch has not met."""
        batcher = self._counters.get(project_id)
        if batcher is None:
            _bound(self._counters, 1000)

            async def fetch(names: list[str]) -> dict[str, bool]:
                return await self._hydrate_counters(project_id, names)

            batcher = self._counters[project_id] = Batcher(fetch)
        await batcher.get_all(counters)

    async def _hydrate_counters(self, project_id: str, names: list[str]) -> dict[str, bool]:
        for _ in range(ATTEMPTS):
            change, _ = await self._hydration.peek(project_id, [])
            if await self._hydration.counters(project_id, change, names):
                return dict.fromkeys(names, True)
        raise Refused("contended")

    async def _load(self, project_id: str, scope: str, keys: list[str]) -> dict[str, bool]:
        for _ in range(ATTEMPTS):
            change, found = await self._hydration.peek(scope, keys)
            definitions = list(found.values())
            absent = [key for key in keys if key not in found]
            if absent:
                hydrated = await self._hydration.definitions(project_id, scope, change, absent)
                if hydrated is None:
                    continue
                definitions += hydrated
            self._remember(keys, definitions, change)
            return dict.fromkeys(keys, True)
        raise Refused("contended")

    def _remember(self, keys: Sequence[str], definitions: Sequence[Definition], change: int) -> None:
        for cache in (self._kept, self._found, self._unknown):
            _bound(cache, MAX_CACHED)
        for definition in definitions:
            self._kept[definition.key] = _DECODERS[definition.key[0]](definition.body)
        loaded = {definition.key for definition in definitions}
        for key in keys:
            self._found.pop(key, None)
            if key in loaded:
                self._unknown.pop(key, None)
            else:
                self._kept.pop(key, None)
                if key[0] in "vm":
                    self._unknown[key] = change
        if any(key[0] not in "vm" for key in keys):
            self._found.clear()  # what they belong to is assembled anew


def _bound(cache: dict[str, Any], most: int) -> None:
    """Drop the oldest tenth of a cache that is full."""
    if len(cache) >= most:
        for key in list(cache)[: max(1, most // 10)]:
            del cache[key]
