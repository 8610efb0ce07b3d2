"""The load of cards: spends with and without an amount, top-ups, points earned and taken back, and stacks of a
promotion tier, a code and cards.

Cards are few and have little on them, so that many want the same last cent. What is asked for follows from the seed.
Must never give up an errand without noting that it did.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.chaos import errands
from tests.chaos.baskets import TRIES, Baskets, drawn_customer
from tests.chaos.client import Client, Request
from tests.chaos.errands import Errand
from tests.chaos.history import Call, Card
from tests.chaos.orders import id_of

BESIDE = "SETA"
"""The code of a campaign that is sold out now and then, for a stack with a card."""

EXPIRIES: tuple[dict[str, object] | None, ...] = (None, {"days": 30}, {"end_of": "year", "after_months": 12})
"""Of the points of a loyalty program, as they change."""

PARTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (6, ("gift_card",)),
    (2, ("gift_card", "gift_card")),
    (3, ("promotion_tier", "gift_card")),
    (3, ("loyalty_card",)),
    (3, ("promotion_tier", "gift_card", "loyalty_card")),
    (2, ("voucher", "gift_card")),
    (1, ("promotion_tier", "voucher", "gift_card", "loyalty_card")),
)
"""What stacks with cards are made of, and how often."""


class Purses:
    """What all clients of a run do with cards; with a stack that was redeemed, the rest is as with any."""

    def __init__(
        self, seed: int, control: Client, baskets: Baskets, tokens: Sequence[str], cards: Sequence[Card]
    ) -> None:
        self._seed = seed
        self._control = control
        self._baskets = baskets
        self._tokens = tokens
        self._cards = {tenant: [card for card in cards if card.tenant == tenant] for tenant in range(len(tokens))}
        self._open: list[Errand] = []
        self._paid: list[Errand] = []

    async def visit(self, tenant: int, draw: random.Random) -> None:
        """One customer comes and does one thing, with all that follows from it."""
        chance = draw.random()
        if chance < 0.55:
            await self._spend(tenant, draw)
        elif chance < 0.60:
            await self._rush(tenant, draw)
        elif chance < 0.80:
            await self._top_up(tenant, draw)
        else:
            await self._earn(tenant, draw)

    async def finish(self, deadline: float) -> None:
        """Do what is left undone; then spend every card to the last cent, and the last point."""
        draw = random.Random(f"{self._seed} last purses")
        for errand in self._open:
            call = await self._attempt(errand)
            while _is_open(call) and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                call = await self._attempt(errand)
        for tenant, cards in self._cards.items():
            for card in cards:
                if card.object != "promotion_tier":
                    await self._drain(tenant, card, draw, deadline)

    # -- what customers do ---------------------------------------------------------------------------------------------

    async def _spend(self, tenant: int, draw: random.Random) -> None:
        (objects,) = draw.choices([parts for _, parts in PARTS], [weight for weight, _ in PARTS])
        errand = self._stack(tenant, objects, draw)
        if draw.random() < 0.1:
            # A checkout and its background job, say: one order, two keys.
            both = (errand, errand.with_key(_key(draw)))
            call = (await asyncio.gather(*(self._baskets.do(each, draw) for each in both)))[0]
        else:
            call = await self._baskets.do(errand, draw)
        if call.status != 200:
            return
        if draw.random() < 0.1:
            await self._baskets.do(errand, draw)
        await self._baskets.bring_back(tenant, id_of(call), errand.target.split("+"), draw)

    async def _rush(self, tenant: int, draw: random.Random) -> None:
        """Many want the rest of one card at once."""
        card = self._one(tenant, draw.choice(("gift_card", "gift_card", "loyalty_card")), draw)
        await asyncio.gather(
            *(self._baskets.do(self._of(card, _wish(card, draw, is_open=draw.random() < 0.7), draw), draw)
              for _ in range(8))
        )  # fmt: skip

    async def _top_up(self, tenant: int, draw: random.Random) -> None:
        card = self._one(tenant, "gift_card", draw)
        errand = errands.top_up(tenant, card.code, draw.randrange(100, 9000), _key(draw))
        await self._do(errand, draw)
        if draw.random() < 0.1:
            await self._do(errand, draw)

    async def _earn(self, tenant: int, draw: random.Random) -> None:
        """An order is paid; some are refunded, before anybody knows that they were paid, too."""
        card, order_id = self._one(tenant, "loyalty_card", draw), f"paid-{draw.getrandbits(48):012x}"
        if draw.random() < 0.2:
            await self._change_expiry(card, draw)
        paid = errands.paid(tenant, card.code, card.customer_id, order_id, draw.randrange(100, 20_000), _key(draw))
        if draw.random() < 0.05:
            await asyncio.gather(self._do(paid, draw), self._do(errands.refunded(paid, _key(draw)), draw))
            return
        await self._do(paid, draw)
        self._paid.append(paid)
        if draw.random() < 0.1:
            await self._do(paid.with_key(_key(draw)), draw)
        if draw.random() < 0.15:
            back = self._paid.pop(draw.randrange(len(self._paid)))
            await self._do(errands.refunded(back, _key(draw)), draw)

    async def _change_expiry(self, card: Card, draw: random.Random) -> None:
        """What is earned from now on is of another lot, perhaps: nothing else depends on whether that came to be."""
        body = msgspec.json.encode({"expiry": draw.choice(EXPIRIES)})
        path = f"/v1/loyalty-programs/{card.program}"
        await self._control.ask(Request("PATCH", path, self._tokens[card.tenant], _key(draw), body))

    async def _drain(self, tenant: int, card: Card, draw: random.Random, deadline: float) -> None:
        while time.monotonic() < deadline:
            call = await self._baskets.insist(self._of(card, _wish(card, draw, is_open=True), draw), draw, deadline)
            if call.status != 200:
                return

    # -- errands -------------------------------------------------------------------------------------------------------

    def _stack(self, tenant: int, objects: Sequence[str], draw: random.Random) -> Errand:
        wishes: list[dict[str, Any]] = []
        customer_id = drawn_customer(draw)
        for object_ in objects:
            if object_ == "voucher":
                wishes.append({"object": "voucher", "id": BESIDE})
                continue
            taken = [each["id"] for each in wishes]
            card = draw.choice([card for card in self._of_kind(tenant, object_) if card.code not in taken])
            customer_id = card.customer_id or customer_id
            wishes.append(_wish(card, draw, is_open=draw.random() < 0.4))
        return errands.spend(tenant, wishes, customer_id, f"ord-{draw.getrandbits(48):012x}", _key(draw))

    def _of(self, card: Card, wish: dict[str, Any], draw: random.Random) -> Errand:
        customer_id = card.customer_id or drawn_customer(draw)
        return errands.spend(card.tenant, [wish], customer_id, f"ord-{draw.getrandbits(48):012x}", _key(draw))

    def _of_kind(self, tenant: int, object_: str) -> list[Card]:
        return [card for card in self._cards[tenant] if card.object == object_]

    def _one(self, tenant: int, object_: str, draw: random.Random) -> Card:
        return draw.choice(self._of_kind(tenant, object_))

    async def _do(self, errand: Errand, draw: random.Random) -> Call:
        """Until it is known what became of it, or it is put off."""
        call = await self._attempt(errand)
        for _ in range(TRIES):
            if not _is_open(call) or self._baskets.is_closed:
                break
            await asyncio.sleep(draw.uniform(0.02, 0.6))
            call = await self._attempt(errand)
        if _is_open(call):
            self._open.append(errand)
        return call

    async def _attempt(self, errand: Errand) -> Call:
        answer = await self._control.ask(errand.request(self._tokens[errand.tenant]))
        return self._baskets.note(errand, -1, answer)


def _is_open(call: Call) -> bool:
    """Whether it has to be asked again: another attempt of the same may be under way."""
    return call.is_unknown or call.code == "idempotency_in_progress"


def _wish(card: Card, draw: random.Random, is_open: bool) -> dict[str, Any]:
    """Of a card as much as the order needs, or an amount of it."""
    wish: dict[str, Any] = {"object": card.object, "id": card.code}
    if card.object == "gift_card" and not is_open:
        wish["amount"] = errands.money(draw.randrange(37, 4000))
    elif card.object == "loyalty_card" and not is_open:
        wish["points"] = draw.randrange(1, 800)
    return wish


def _key(draw: random.Random) -> str:
    return f"purse-{draw.getrandbits(48):012x}"
