"""A checker's ground: the evidence, grouped once, and the violations that are found in it."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property

import msgspec

from tests.chaos.gathered import Gathered, Reservation, gather
from tests.chaos.history import Card, Evidence
from tests.chaos.limits import Definition
from tests.chaos.orders import Order, orders_of

Span = tuple[float, float]


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
        self.project_of |= {card.program: evidence.tenants[card.tenant].project_id for card in evidence.cards}
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
    def gathered(self) -> Gathered:
        """Stacks and reservations."""
        return gather(self.evidence)

    @cached_property
    def parts_by_campaign(self) -> dict[str, list[Order]]:
        """What stacks have taken of a campaign, each redeemable as if it were an order."""
        grouped: defaultdict[str, list[Order]] = defaultdict(list)
        for basket in self.gathered.baskets:
            for part in basket.parts:
                grouped[part.call.campaign_id].append(part)
        return grouped

    @cached_property
    def certain_holds(self) -> dict[str, list[Span]]:
        """By campaign: from when until when units of it were certainly held."""
        setting = self.evidence.setting
        return self._spans(lambda held: held.certain(setting.released_at, setting.has_stepped))

    @cached_property
    def possible_holds(self) -> dict[str, list[Span]]:
        """By campaign: from when until when units of it may have been held."""
        return self._spans(lambda held: held.possible(self.evidence.setting.has_stepped))

    def _spans(self, span_of: Callable[[Reservation], Span | None]) -> dict[str, list[Span]]:
        spans: defaultdict[str, list[Span]] = defaultdict(list)
        for held in self.gathered.reservations:
            span = span_of(held)
            for code in held.codes if span is not None else ():
                spans[self.campaign_of[held.tenant, code]].append(span or (0.0, 0.0))
        return spans

    @cached_property
    def campaign_of(self) -> dict[tuple[int, str], str]:
        """The campaigns of codes that are sold in stacks, by tenant and code."""
        return {(offer.tenant, code): offer.campaign_id for offer in self.evidence.offers for code in offer.codes}

    @cached_property
    def card_of(self) -> dict[tuple[int, str], Card]:
        """Cards and promotion tiers, by tenant and code."""
        return {(card.tenant, card.code): card for card in self.evidence.cards}

    def limit_is_fixed(self, tenant: int, code: str) -> bool:
        """Whether nobody has changed anything of the code's campaign."""
        campaign_id = self.campaign_of[tenant, code]
        return not any(change.campaign_id == campaign_id for change in self.evidence.changes)

    @cached_property
    def standing(self) -> Counter[str]:
        """By campaign: redemptions of it in PostgreSQL that are not rolled back."""
        rows = Counter(row.campaign_id or "" for row in self.evidence.facts.rows if not row.rolled_back)
        for kept in self.evidence.facts.stacks:
            for number, line in enumerate(kept.lines):
                rows[line.campaign_id or ""] += number not in kept.gone_lines
        return rows

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
