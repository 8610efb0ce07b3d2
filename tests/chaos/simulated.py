"""A small shop that does everything right, one thing after the other: histories that must pass the checker.

Draws what happens from a `random.Random`; clients lose answers and retry, admins change limits and pause, redemptions
are rolled back. Must never share code with the product beyond the spelling of ids.
"""

import random
from collections import Counter

from msgspec.structs import replace

from domain.ids import redemption_id
from tests.chaos.history import (
    Call,
    Change,
    Epoch,
    Evidence,
    Facts,
    LedgerCounter,
    Loss,
    Offer,
    RedisCounter,
    Row,
    Sample,
    Setting,
    ShardEnd,
    Tenancy,
    Usage,
)
from tests.chaos.simulated_cards import SimulatedCards
from tests.chaos.simulated_sets import SimulatedSets

WINDOW = 400
TENANTS = (Tenancy("prj_a", 0), Tenancy("prj_b", 1))


class SimulatedShop:
    """Two tenants with a campaign each; both use the same code."""

    def __init__(self, seed: int, limit: int = 12, per_customer: int | None = 2) -> None:
        self.random = random.Random(seed)
        self.now = 100.0
        self.offers = [
            Offer(0, "cmp_a", limit, per_customer),
            Offer(1, "cmp_b", limit, None, committed=True),
        ]
        self.sets = SimulatedSets(self.random, self.tick, self._note)
        self.cards = SimulatedCards(self.random, self.tick, self._note)
        self.limit = [limit, limit]
        self.paused = [False, False]
        self.rows: dict[tuple[int, str], Row] = {}
        self.bodies: dict[tuple[int, str], bytes] = {}
        self.unsure: list[Call] = []
        self.evidence = Evidence(
            Setting(WINDOW, "durable", healed_at=0.0),
            list(TENANTS),
            [*self.offers, *self.sets.offers],
            [],
            [],
            [],
            [],
            _no_facts(),
            self.cards.cards,
        )

    def run(self, steps: int) -> Evidence:
        """So many things happen, then all heals and every unknown outcome is retried."""
        for _ in range(steps):
            act = self.random.choices(
                [
                    self.buy,
                    self.retry,
                    self.roll_back,
                    self.change,
                    self.sample,
                    self.probe,
                    self.sets.act,
                    self.cards.act,
                ],
                [60, 10, 6, 4, 4, 2, 20, 20],
            )[0]
            act()
        for tenant in (0, 1):
            if self.paused[tenant]:
                self._set(tenant, paused=False)
        self.evidence.setting = Setting(WINDOW, "durable", healed_at=self.now)
        while self.unsure:
            self._ask(self.unsure.pop(0), answer=True)
        for _ in range(2 * max(self.limit)):
            for tenant in (0, 1):
                self._ask(self._order(tenant, f"last-{len(self.evidence.calls)}"), answer=True)
        self.evidence.facts = self.facts()
        return self.evidence

    def buy(self) -> None:
        tenant = self.random.randrange(2)
        order = self._order(tenant, f"c{self.random.randrange(8)}")
        self._ask(order, answer=self.random.random() < 0.85)

    def retry(self) -> None:
        if self.unsure:
            self._ask(self.unsure.pop(self.random.randrange(len(self.unsure))), self.random.random() < 0.7)

    def roll_back(self) -> None:
        standing = [key for key, row in self.rows.items() if not row.rolled_back and key in self.bodies]
        acknowledged = {(call.tenant, call.key) for call in self.evidence.calls if call.status == 200}
        standing = [key for key in standing if key in acknowledged]
        if not standing:
            return
        key = self.random.choice(standing)
        row = self.rows[key]
        takes_effect, answered = self.random.random() < 0.8, self.random.random() < 0.8
        if takes_effect:
            self.rows[key] = replace(row, rolled_back=True)
        asked_at, answered_at = self.tick(), self.tick()
        status = (200 if takes_effect else 503) if answered else 0
        self.evidence.calls.append(
            Call(self._number(), "rollback", key[0], row.campaign_id or "", row.id, "", None, 0, 0, asked_at,
                 answered_at, status)
        )  # fmt: skip

    def change(self) -> None:
        tenant = self.random.randrange(2)
        if self.random.random() < 0.4:
            self._set(tenant, paused=not self.paused[tenant])
        else:
            self._set(tenant, limit=self.random.randrange(6, 18))

    def sample(self) -> None:
        facts = self.facts()
        self.evidence.samples.append(Sample(self.now, self.tick(), facts.ledger, facts.redis))

    def probe(self) -> None:
        if self.rows:
            (tenant, _), row = self.random.choice(list(self.rows.items()))
            at = self.tick()
            self.evidence.calls.append(
                Call(self._number(), "foreign", 1 - tenant, "", row.id, "", None, 0, 0, at, self.tick(), 404)
            )

    def facts(self) -> Facts:
        """What the stores of such a shop say now."""
        ledger, redis, usage = [], [], []
        for number, offer in enumerate(self.offers):
            rows = [row for (tenant, _), row in self.rows.items() if tenant == number]
            returned = sum(row.rolled_back for row in rows)
            project, name = TENANTS[number].project_id, f"r:{offer.campaign_id}"
            ledger.append(LedgerCounter(project, name, len(rows), returned, 0, 1000, len(rows), returned, 0))
            redis.append(RedisCounter(TENANTS[number].shard, name, len(rows), returned, len(rows)))
            usage.append(Usage(project, len(rows), returned, sum(row.discount_minor for row in rows)))
        epochs = [Epoch(tenant.shard, 1, "open", 0, released=False) for tenant in TENANTS]
        ends = [ShardEnd(tenant.shard, "5-1", "5-1", 0) for tenant in TENANTS]
        facts = Facts(list(self.rows.values()), ledger, redis, [], epochs, ends, usage)
        return self.cards.add_to(self.sets.add_to(facts))

    def lose(self, *losses: Loss) -> None:
        self.evidence.losses += losses

    def _order(self, tenant: int, customer: str) -> Call:
        number = self._number()
        offer, value = self.offers[tenant], 1000 + number
        return Call(number, "redeem", tenant, offer.campaign_id, "SALE", f"k{number}", customer, value, 0, 0.0, 0.0)

    def _ask(self, order: Call, answer: bool) -> None:
        asked_at = self.tick()
        key = (order.tenant, order.key)
        arrives = answer or self.random.random() < 0.6
        replayed = key in self.rows
        status, body = self._judge(order) if arrives else (0, b"")
        if not answer:
            status, body = 0, b""
        call = replace(order, number=self._number(), asked_at=asked_at, answered_at=self.tick(), status=status,
                     body=body, replayed=replayed and status == 200, engine=self.random.randrange(2))  # fmt: skip
        self.evidence.calls.append(call)
        if status == 0:
            self.unsure.append(order)

    def _judge(self, order: Call) -> tuple[int, bytes]:
        key, offer = (order.tenant, order.key), self.offers[order.tenant]
        if key in self.rows:
            return 200, self.bodies[key]
        standing = [r for (tenant, _), r in self.rows.items() if tenant == order.tenant and not r.rolled_back]
        customers = Counter(row.customer_id for row in standing)
        if self.paused[order.tenant]:
            return 409, b'{"code":"campaign_paused"}'
        if len(standing) >= self.limit[order.tenant]:
            return 409, b'{"code":"limit_reached"}'
        if offer.per_customer is not None and customers[order.customer_id] >= offer.per_customer:
            return 409, b'{"code":"customer_limit_reached"}'
        project = TENANTS[order.tenant].project_id
        row = Row(project, redemption_id(project, "redeem", order.key), False, order.key, order.target,
                  order.campaign_id, order.customer_id, order.order_value_minor, 500)  # fmt: skip
        self.rows[key], self.bodies[key] = row, body_of(row)
        return 200, self.bodies[key]

    def _set(self, tenant: int, limit: int | None = None, paused: bool | None = None) -> None:
        takes_effect, answered = True, True
        if self.random.random() < 0.2:
            takes_effect, answered = self.random.random() < 0.5, False
        asked_at = self.tick()
        if takes_effect and limit is not None:
            self.limit[tenant] = limit
        if takes_effect and paused is not None:
            self.paused[tenant] = paused
        change = Change(self.offers[tenant].campaign_id, asked_at, self.tick(), 200 if answered else 0, limit, paused)
        self.evidence.changes.append(change)
        if not answered:
            # As the shop does it: insisted on until it is in force.
            self.limit[tenant] = self.limit[tenant] if limit is None else limit
            self.paused[tenant] = self.paused[tenant] if paused is None else paused
            self.evidence.changes[-1] = replace(change, answered_at=self.tick(), status=200)

    def _note(self, call: Call) -> None:
        self.evidence.calls.append(call)

    def tick(self) -> float:
        """A little later."""
        self.now += self.random.uniform(0.001, 0.4)
        return self.now

    def _number(self) -> int:
        return len(self.evidence.calls) + 1


def body_of(row: Row) -> bytes:
    """An acknowledgement as the engine spells it."""
    value, off = row.order_value_minor, row.discount_minor
    return (
        f'{{"id":"{row.id}","status":"redeemed","code":"{row.code}","campaign_id":"{row.campaign_id}",'
        f'"customer_id":"{row.customer_id}","idempotency_key":"{row.key}","order_value":{value / 100:.2f},'
        f'"discount_applied":{off / 100:.2f}}}'
    ).encode()


def _no_facts() -> Facts:
    return Facts([], [], [], [], [], [], [])
