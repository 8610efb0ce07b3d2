"""A checker's ground: the evidence, grouped once, and the violations that are found in it."""

from collections import defaultdict
from functools import cached_property

import msgspec

from tests.chaos.history import Evidence
from tests.chaos.limits import Definition
from tests.chaos.orders import Order, orders_of


class Violation(msgspec.Struct, frozen=True, order=True):
    """An invariant that did not hold, and where."""

    invariant: str
    text: str


class Case:
    """The evidence of one run, and what it leads to."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.violations: list[Violation] = []
        self.definitions = {offer.campaign_id: Definition(offer, evidence.changes) for offer in evidence.offers}
        self.project_of = {offer.campaign_id: evidence.tenants[offer.tenant].project_id for offer in evidence.offers}

        self.counters_apart = {f"r:{campaign_id}" for campaign_id in evidence.setting.apart}

    def report(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, text))

    @cached_property
    def orders(self) -> list[Order]:
        return orders_of(self.evidence)

    @cached_property
    def by_campaign(self) -> dict[str, list[Order]]:
        grouped: defaultdict[str, list[Order]] = defaultdict(list)
        for order in self.orders:
            grouped[order.call.campaign_id].append(order)
        return grouped

    @cached_property
    def injected_units(self) -> dict[str, int]:
        """By campaign's counter: units of rows and quarantine entries that the world itself put in."""
        injected, units = set(self.evidence.setting.injected), defaultdict[str, int](int)
        for row in self.evidence.facts.rows:
            if row.id in injected:
                units[f"r:{row.campaign_id}"] += 1
        for entry in self.evidence.facts.quarantine:
            for counter, amount in entry.moves:
                units[counter] += amount
        return units

    def shard_of(self, campaign_id: str) -> int:
        return self.evidence.tenants[self.definitions[campaign_id].offer.tenant].shard
