"""The load of a run: shops of two tenants that buy, retry, storm, burst and roll back, on both engines. What is done
with more than one code is baskets.py's.

What is asked for follows from the seed; when, and what comes of it, is the machine's. An unknown outcome is retried
with the same key, sometimes on the other engine. Must never give up an order without noting that it did.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.admin import Admin
from tests.chaos.baskets import Baskets
from tests.chaos.client import Answer, Client, Request
from tests.chaos.errands import Errand
from tests.chaos.history import Call, Card, Offer, Verb
from tests.chaos.orders import id_of
from tests.chaos.purses import Purses

CLIENTS = 24
PAUSE_S = 0.2
"""Between two orders of a client, at most; twenty-four clients make about two hundred calls a second."""

WALKS_IN_S = 0.025
MOST_WALKED_IN = 64
"""Where most clients wait for an answer, others come all the same, up to so many at once: a sale does not stop because
the ledger does, and unconfirmed grants have to pile up for what bounds them to be seen."""

BASKETS = 0.2
"""How many of all orders are stacks and reservations."""

PURSES = 0.15
"""How many are with cards, or for them."""

CUSTOMERS = 500
"""So few that many of them come up against their own limit."""

TRIES = 5
INSIST_S = 5.0
"""How long an admin insists before going on to something else; what is not known comes first the next time."""


@dataclass
class Goods:
    """A campaign as the shop sells it."""

    offer: Offer
    codes: list[str]
    weight: int
    may_sell_out: bool


@dataclass(frozen=True)
class Wish:
    """One order: what every attempt of it says."""

    goods: Goods
    code: str
    key: str
    customer_id: str
    order_value_minor: int


@dataclass
class Tenant:
    """One tenant's shop."""

    number: int
    secret_key: str
    admin: Admin
    goods: list[Goods] = field(default_factory=list)
    sets: list[Goods] = field(default_factory=list)
    """What is sold in stacks and reservations only."""
    cards: list[Card] = field(default_factory=list)

    @property
    def all_goods(self) -> list[Goods]:
        return [*self.goods, *self.sets]


class Shop:
    """All clients of a run."""

    def __init__(self, seed: int, engines: Sequence[Client], control: Client, tenants: Sequence[Tenant]) -> None:
        self._seed = seed
        self._engines = engines
        self._tenants = tenants
        self._numbers = itertools.count(1)
        self._open: list[Wish] = []
        self._until = float("inf")
        self._waiting = 0
        self.calls: list[Call] = []
        tokens = [tenant.secret_key for tenant in tenants]
        self._baskets = Baskets(seed, engines, tokens, self._note_errand, lambda: self._until)
        cards = [card for tenant in tenants for card in tenant.cards]
        self._purses = Purses(seed, control, self._baskets, tokens, cards)

    def close_in(self, seconds: float) -> None:
        """Let everybody end what they are at, and begin nothing new after so long."""
        self._until = time.monotonic() + seconds

    async def work(self) -> None:
        """Buy, with all clients, until it is closed."""
        clients = [self._client(number) for number in range(CLIENTS)]
        admins = [self._change(tenant) for tenant in self._tenants]
        await asyncio.gather(*clients, *admins, self._walk_in())

    async def finish(self, within_s: float) -> None:
        """Retry every unknown outcome until it is known; then buy what is left, to the last unit."""
        deadline = time.monotonic() + within_s
        for tenant in self._tenants:
            await tenant.admin.finish()
        waiting = iter(list(self._open))
        self._open.clear()
        draw = random.Random(f"{self._seed} last")

        async def resolve() -> None:
            for wish in waiting:
                await self._insist(wish, draw, deadline)

        await asyncio.gather(*(resolve() for _ in range(8)))
        await self._baskets.finish(deadline)
        await self._purses.finish(deadline)
        sold_out = [goods for tenant in self._tenants for goods in tenant.goods if goods.may_sell_out]
        await asyncio.gather(*(self._sell_out(goods, deadline) for goods in sold_out))

    async def _sell_out(self, goods: Goods, deadline: float) -> None:
        """Until it refuses: in lots, the last one of which goes for the last units all at once."""
        draw, refused = random.Random(f"{self._seed} {goods.offer.campaign_id}"), False
        while not refused and time.monotonic() < deadline:
            wishes = [self._wish(goods, draw, "new", 10**9) for _ in range(16)]
            calls = await asyncio.gather(*(self._insist(wish, draw, deadline) for wish in wishes))
            refused = any(call.code == "limit_reached" for call in calls)

    async def _insist(self, wish: Wish, draw: random.Random, deadline: float) -> Call:
        while True:
            call = await self._attempt(wish, draw)
            if not call.is_unknown or time.monotonic() > deadline:
                return call
            await asyncio.sleep(0.1)

    async def _client(self, number: int) -> None:
        draw = random.Random(f"{self._seed} client {number}")
        while time.monotonic() < self._until:
            tenant = draw.choice(self._tenants)
            goods = draw.choices(tenant.goods, [each.weight for each in tenant.goods])[0]
            chance = draw.random()
            if chance > 1.0 - BASKETS:
                await self._baskets.visit(tenant.number, draw)
            elif chance > 1.0 - BASKETS - PURSES:
                await self._purses.visit(tenant.number, draw)
            elif chance < 0.02:
                await self._storm(self._wish(goods, draw), draw)
            elif chance < 0.025:
                await self._burst([self._wish(goods, draw) for _ in range(32)], draw)
            else:
                await self._order(self._wish(goods, draw), draw)
            await asyncio.sleep(draw.uniform(0.0, PAUSE_S))

    async def _walk_in(self) -> None:
        """Buy what never sells out and waits for no ledger, while most clients wait."""
        draw, inside = random.Random(f"{self._seed} walk in"), set[asyncio.Task[None]]()
        while time.monotonic() < self._until:
            await asyncio.sleep(WALKS_IN_S)
            if self._waiting - len(inside) >= CLIENTS // 2 and len(inside) < MOST_WALKED_IN:
                goods = draw.choice(self._tenants).goods[-1]
                task = asyncio.create_task(self._order(self._wish(goods, draw), draw))
                inside.add(task)
                task.add_done_callback(inside.discard)
        await asyncio.gather(*inside)

    async def _order(self, wish: Wish, draw: random.Random) -> None:
        call = await self._attempt(wish, draw)
        for _ in range(TRIES):
            if not call.is_unknown or time.monotonic() > self._until:
                break
            await asyncio.sleep(draw.uniform(0.02, 0.6))
            call = await self._attempt(wish, draw)
        if call.is_unknown:
            self._open.append(wish)
        elif call.status == 200:
            await self._after(wish, call, draw)

    async def _after(self, wish: Wish, call: Call, draw: random.Random) -> None:
        """What some customers do with what they have bought."""
        chance = draw.random()
        if chance < 0.04:
            await self._attempt(wish, draw)
        elif chance < 0.08:
            for _ in range(TRIES):
                answer = await self._of(wish, call, "rollback", draw)
                if not answer.is_unknown:
                    break
                await asyncio.sleep(draw.uniform(0.1, 0.6))
        elif chance < 0.10:
            await self._of(wish, call, "foreign", draw)

    async def _storm(self, wish: Wish, draw: random.Random) -> None:
        """One key from everywhere at once."""
        calls = await asyncio.gather(*(self._attempt(wish, draw) for _ in range(8)))
        if any(call.is_unknown for call in calls) and (await self._attempt(wish, draw)).is_unknown:
            self._open.append(wish)

    async def _burst(self, wishes: list[Wish], draw: random.Random) -> None:
        engine = draw.randrange(len(self._engines))
        answers = await self._engines[engine].burst([self._request(wish) for wish in wishes])
        for wish, answer in zip(wishes, answers, strict=True):
            if self._note(wish, engine, answer).is_unknown:
                self._open.append(wish)

    async def _attempt(self, wish: Wish, draw: random.Random) -> Call:
        engine = draw.randrange(len(self._engines))
        self._waiting += 1
        try:
            return self._note(wish, engine, await self._engines[engine].ask(self._request(wish)))
        finally:
            self._waiting -= 1

    def _request(self, wish: Wish) -> Request:
        value = f"{wish.order_value_minor / 100:.2f}"
        body = f'{{"customer_id":"{wish.customer_id}","order_value":{value}}}'.encode()
        token = self._tenants[wish.goods.offer.tenant].secret_key
        return Request("POST", f"/v1/vouchers/{wish.code}/redeem", token, wish.key, body)

    async def _of(self, wish: Wish, call: Call, verb: Verb, draw: random.Random) -> Call:
        """Roll a redemption back; or ask for it with another tenant's key."""
        engine, tenant, target = draw.randrange(len(self._engines)), call.tenant, id_of(call)
        path, method = f"/v1/redemptions/{target}", "GET"
        if verb == "rollback":
            path, method = f"{path}/rollback", "POST"
        else:
            tenant = 1 - tenant
        answer = await self._engines[engine].ask(Request(method, path, self._tenants[tenant].secret_key))
        said = Call(next(self._numbers), verb, tenant, call.campaign_id, target, "", None, 0, engine,
                    answer.asked_at, answer.answered_at, answer.status, answer.body)  # fmt: skip
        self.calls.append(said)
        return said

    def _note(self, wish: Wish, engine: int, answer: Answer) -> Call:
        offer = wish.goods.offer
        call = Call(next(self._numbers), "redeem", offer.tenant, offer.campaign_id, wish.code, wish.key,
                    wish.customer_id, wish.order_value_minor, engine, answer.asked_at, answer.answered_at,
                    answer.status, answer.body, answer.replayed)  # fmt: skip
        self.calls.append(call)
        return call

    def _note_errand(self, errand: Errand, engine: int, answer: Answer) -> Call:
        call = Call(next(self._numbers), errand.verb, errand.tenant, "", errand.target, errand.key,
                    errand.customer_id or None, errand.value_minor, engine, answer.asked_at, answer.answered_at,
                    answer.status, answer.body, answer.replayed, errand.order_id,
                    b"" if errand.verb == "stack" and not errand.is_spending else errand.body)  # fmt: skip
        self.calls.append(call)
        return call

    def _wish(self, goods: Goods, draw: random.Random, of: str = "c", customers: int = CUSTOMERS) -> Wish:
        return Wish(
            goods,
            draw.choice(goods.codes),
            f"order-{draw.getrandbits(48):012x}",
            f"{of}{draw.randrange(customers)}",
            draw.randrange(600, 20_000),
        )

    async def _change(self, tenant: Tenant) -> None:
        """Limits up and down, pauses and resumptions."""
        draw = random.Random(f"{self._seed} admin {tenant.number}")
        changing = [goods for goods in tenant.all_goods if goods.may_sell_out]
        while time.monotonic() < self._until:
            await asyncio.sleep(draw.uniform(0.3, 2.0))
            goods = draw.choice(changing)
            campaign_id, limit = goods.offer.campaign_id, goods.offer.limit
            if draw.random() < 0.6 and limit is not None:
                await tenant.admin.set_limit(campaign_id, max(1, int(limit * draw.uniform(0.5, 1.5))), INSIST_S)
            else:
                await tenant.admin.set_paused(campaign_id, True, INSIST_S)
                await asyncio.sleep(draw.uniform(0.1, 1.0))
                await tenant.admin.set_paused(campaign_id, False, INSIST_S)
