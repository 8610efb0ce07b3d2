"""The load of stacks, returns, reservations and order ids that are sent twice.

What is asked for follows from the seed. Must never give up an errand without noting that it did.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from tests.chaos import errands
from tests.chaos.client import Client
from tests.chaos.errands import Errand
from tests.chaos.history import Call
from tests.chaos.orders import id_of

TRIES = 5
CUSTOMERS = 200
SETS = ("SETA", "SETB", "SETC1", "SETC2", "SETG")
"""What stacks are made of; the two of SETC are of one campaign, SETG waits for the ledger."""

SEAT, ROOM = "SEAT", "ROOM"
"""What is held: few seats, that many want; and rooms for all, some of which are held to the end of the run."""

STANDS_S = 3600
STANDING = 6
ONE_TEE: dict[str, object] = {"items": [{"sku": "TEE", "quantity": 1}]}
ALL_MUGS: dict[str, object] = {"items": [{"sku": "MUG", "quantity": 2}]}


class Baskets:
    """What all clients of a run do with more than one code. `until` says until when something new is begun."""

    def __init__(
        self, seed: int, engines: Sequence[Client], tokens: Sequence[str], note: Callable[..., Call],
        until: Callable[[], float],
    ) -> None:  # fmt: skip
        self._seed = seed
        self._engines = engines
        self._tokens = tokens
        self.note = note
        self._until = until
        self._open: list[Errand] = []
        self._reserved: list[tuple[int, str]] = []

    async def visit(self, tenant: int, draw: random.Random) -> None:
        """One customer comes and does one thing, with all that follows from it."""
        if draw.random() < 0.6:
            await self._buy(tenant, draw)
        else:
            await self._hold(tenant, draw)

    async def finish(self, deadline: float) -> None:
        """Do what is left undone; leave some rooms held, free all seats, and sell those to the last."""
        draw = random.Random(f"{self._seed} last baskets")
        waiting, self._open = self._open, []
        for call in await self._insist_on(waiting, draw, deadline):
            if call.verb == "reserve" and call.status == 201:
                self._reserved.append((call.tenant, id_of(call)))
        # Where a clock was stepped, what should have expired may hold for minutes.
        releases = [errands.of_reservation("release", tenant, id_, _key(draw)) for tenant, id_ in self._reserved]
        await self._insist_on(releases, draw, deadline)
        for tenant in range(len(self._tokens)):
            for _ in range(STANDING):
                held = self._reservation(tenant, (ROOM,), draw, STANDS_S)
                await self.insist(held, draw, deadline)
        await asyncio.gather(*(self._sell_out(tenant, deadline) for tenant in range(len(self._tokens))))

    @property
    def is_closed(self) -> bool:
        """Whether nothing new is begun any more."""
        return time.monotonic() > self._until()

    # -- what customers do -----------------------------------------------------------------------------------------

    async def _buy(self, tenant: int, draw: random.Random) -> None:
        codes = draw.sample(SETS, draw.choice((2, 2, 3)))
        errand = errands.stack(tenant, codes, drawn_customer(draw), f"ord-{draw.getrandbits(48):012x}", _key(draw))
        if draw.random() < 0.1:
            # A checkout and its background job, say: one order, two keys.
            both = (errand, errand.with_key(_key(draw)))
            call = (await asyncio.gather(*(self.do(each, draw) for each in both)))[0]
        else:
            call = await self.do(errand, draw)
        if call.status != 200:
            return
        if draw.random() < 0.1:
            await self.do(errand.with_key(_key(draw)), draw)
        await self.bring_back(tenant, id_of(call), codes, draw)

    async def bring_back(self, tenant: int, id_: str, codes: Sequence[str], draw: random.Random) -> None:
        """What comes of it later."""

        def back(what: dict[str, object], keyed: bool = True) -> Awaitable[Call]:
            return self.do(errands.give_back(tenant, id_, what, _key(draw) if keyed else ""), draw)

        one: dict[str, object] = {"redeemables": [draw.choice(codes)]}
        chance = draw.random()
        if chance < 0.10:
            await back(one)
        elif chance < 0.20:
            await back(ONE_TEE, keyed=draw.random() < 0.7)
        elif chance < 0.32:
            # All of the same thing from everywhere at once: one of them has it.
            what = draw.choice((one, ALL_MUGS))
            await asyncio.gather(*(back(what) for _ in range(3)))
        elif chance < 0.40:
            await asyncio.gather(back(ONE_TEE), back(one), back(ONE_TEE))
            if draw.random() < 0.6:
                await back({})
        elif chance < 0.46:
            await back({}, keyed=draw.random() < 0.5)
        elif chance < 0.48:
            await self.do(errands.look(1 - tenant, "/v1/redemptions", id_), draw)

    async def _hold(self, tenant: int, draw: random.Random) -> None:
        codes = draw.choice(((SEAT,), (SEAT,), (SEAT, "SETA"), (ROOM,)))
        errand = self._reservation(tenant, codes, draw, draw.randint(1, 5))
        call = await self.do(errand, draw)
        if call.status != 201:
            return
        id_ = id_of(call)
        self._reserved.append((tenant, id_))
        await asyncio.sleep(draw.uniform(0.0, 1.5))

        def then(verb: str) -> Awaitable[Call]:
            what = {"extend": errands.of_reservation("extend", tenant, id_, _key(draw), 5),
                    "capture": errands.of_reservation("capture", tenant, id_, _key(draw)),
                    "release": errands.of_reservation("release", tenant, id_, _key(draw))}  # fmt: skip
            return self.do(what[verb], draw)

        chance = draw.random()
        if chance < 0.25:
            await then("release")
        elif chance < 0.40:
            await asyncio.gather(then("capture"), then("release"), then("extend"))
        elif chance < 0.85:
            if chance < 0.55:
                await then("extend")
            taken = await then("capture")
            if taken.status == 200 and draw.random() < 0.5:
                await self.do(errands.give_back(tenant, id_of(taken), {}, _key(draw)), draw)
        elif chance < 0.87:
            await self.do(errands.look(1 - tenant, "/v1/reservations", id_), draw)

    async def _sell_out(self, tenant: int, deadline: float) -> None:
        """Seats, to the last: what still is held comes free by itself."""
        draw, refused = random.Random(f"{self._seed} seats {tenant}"), False
        while not refused and time.monotonic() < deadline:
            wishes = [
                errands.stack(tenant, (SEAT,), drawn_customer(draw), f"ord-{draw.getrandbits(48):012x}", _key(draw))
                for _ in range(8)
            ]
            calls = await asyncio.gather(*(self.insist(wish, draw, deadline) for wish in wishes))
            refused = any(call.code == "limit_reached" for call in calls)
            if any(call.code == "limit_held" for call in calls):
                await asyncio.sleep(0.5)

    def _reservation(self, tenant: int, codes: Sequence[str], draw: random.Random, ttl_s: int) -> Errand:
        session = f"cart-{draw.getrandbits(48):012x}"
        return errands.reserve(tenant, codes, drawn_customer(draw), session, _key(draw), ttl_s)

    # -- errands ---------------------------------------------------------------------------------------------------

    async def do(self, errand: Errand, draw: random.Random) -> Call:
        """Until it is known what became of it, or it is put off."""
        call = await self._attempt(errand, draw)
        for _ in range(TRIES):
            if not call.is_unknown or not errand.may_be_sent_again or self.is_closed:
                break
            await asyncio.sleep(draw.uniform(0.02, 0.6))
            call = await self._attempt(errand, draw)
        if call.is_unknown and errand.may_be_sent_again:
            self._open.append(errand)
        return call

    async def insist(self, errand: Errand, draw: random.Random, deadline: float) -> Call:
        """Until it is known what became of it, or time is over."""
        while True:
            call = await self._attempt(errand, draw)
            if not call.is_unknown or time.monotonic() > deadline:
                return call
            await asyncio.sleep(0.1)

    async def _insist_on(self, wishes: Sequence[Errand], draw: random.Random, deadline: float) -> list[Call]:
        waiting, calls = iter(wishes), list[Call]()

        async def work() -> None:
            for errand in waiting:
                calls.append(await self.insist(errand, draw, deadline))

        await asyncio.gather(*(work() for _ in range(8)))
        return calls

    async def _attempt(self, errand: Errand, draw: random.Random) -> Call:
        engine = draw.randrange(len(self._engines))
        answer = await self._engines[engine].ask(errand.request(self._tokens[errand.tenant]))
        return self.note(errand, engine, answer)


def _key(draw: random.Random) -> str:
    return f"basket-{draw.getrandbits(48):012x}"


def drawn_customer(draw: random.Random) -> str:
    """One of those who buy in stacks."""
    return f"b{draw.randrange(CUSTOMERS)}"
