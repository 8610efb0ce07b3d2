"""Stacks, returns and reservations of a small shop that does everything right: its first tenant's, who takes all or
nothing. Must never share code with the product beyond the spelling of ids.
"""

import random
from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from domain.ids import derived_id, redemption_id
from tests.chaos.history import Call, Facts, LedgerCounter, Offer, RedisCounter, Usage, Verb
from tests.chaos.kept import Kept, KeptHold, KeptLine, KeptReservation, KeptReturn

PROJECT = "prj_a"
LIMIT = 8
ITEMS = [(3, 1999), (2, 750)]
VALUE = sum(units * price for units, price in ITEMS)
OFF = 500
TTL_S = 3600
CAMPAIGN = {"SA1": "cmp_sa", "SA2": "cmp_sa", "SB": "cmp_sb"}


class SimulatedSets:
    """Two campaigns: one of two codes with a limit, and one without."""

    def __init__(self, draw: random.Random, tick: Callable[[], float], note: Callable[[Call], None]) -> None:
        self.draw = draw
        self.tick = tick
        self.note = note
        self.offers = [Offer(0, "cmp_sa", LIMIT, codes=("SA1", "SA2")), Offer(0, "cmp_sb", None, codes=("SB",))]
        self.stacks: dict[str, Kept] = {}
        self.reservations: dict[str, KeptReservation] = {}
        self.held: dict[str, Call] = {}
        self.count = 0

    def act(self) -> None:
        """One thing happens."""
        self.draw.choice([self.buy, self.buy, self.give_back, self.reserve, self.end])()

    def buy(self) -> None:
        """All or nothing; some answers are lost, some orders come again under another key."""
        codes = self.draw.choice([("SA1", "SB"), ("SA1", "SA2", "SB"), ("SB",)])
        call = self._call("stack", "+".join(codes), order_id=f"ord-{self.count}")
        wanted = sum(CAMPAIGN[code] == "cmp_sa" for code in codes)
        if self._used() + wanted > LIMIT:
            is_held = self._used() - len(self.held) + wanted <= LIMIT
            self._refuse(call, codes, "limit_held" if is_held else "limit_reached")
            return
        kept = self._keep(call, redemption_id(PROJECT, "redemptions", call.key), codes, "")
        if self.draw.random() < 0.2:
            self._say(call, 0, b"")
        self._say(call, 200, answer_of(kept))
        if self.draw.random() < 0.3:
            self._say(replace(call, key=f"{call.key}-again"), 200, answer_of(kept), replayed=True)

    def reserve(self) -> None:
        """Hold one unit, for as long as the history lasts."""
        call = replace(self._call("reserve", "SA1"), asked=b'{"ttl_s":%d}' % TTL_S)
        if self._used() + 1 > LIMIT:
            is_held = self._used() - len(self.held) + 1 <= LIMIT
            self._refuse(call, ("SA1",), "limit_held" if is_held else "limit_reached")
            return
        id_ = derived_id("rsv", PROJECT, "reserve", call.key)
        self.held[id_] = call
        self.reservations[id_] = KeptReservation(PROJECT, id_, "held", None)
        self._say(call, 201, b'{"id":"%s","status":"held"}' % id_.encode())

    def end(self) -> None:
        """Capture, or release, what is held."""
        if not self.held:
            return
        id_ = self.draw.choice(sorted(self.held))
        made = self.held.pop(id_)
        verb: Verb = self.draw.choice(("capture", "release"))
        call = self._call(verb, id_)
        if verb == "release":
            self.reservations[id_] = KeptReservation(PROJECT, id_, "released", None)
            self._say(call, 200, b'{"id":"%s","status":"released"}' % id_.encode())
            return
        kept = self._keep(made, redemption_id(PROJECT, "capture", id_), ("SA1",), id_)
        self.reservations[id_] = KeptReservation(PROJECT, id_, "captured", kept.id)
        self._say(call, 200, answer_of(kept))

    def give_back(self) -> None:
        """A redeemable, a unit of the first item, or everything that is left."""
        standing = [kept for kept in self.stacks.values() if not kept.is_gone]
        if not standing:
            return
        kept = self.draw.choice(standing)
        fresh = not kept.returns
        what = self.draw.choice(["all", "line", "unit"]) if fresh else "all"
        lines = list(range(len(kept.lines)))
        if what == "line" and len(lines) > 1:
            body, back = b'{"redeemables":["%s"]}' % kept.lines[0].code.encode(), self._return(kept, [0], [], 0)
        elif what == "unit":
            body, back = b'{"items":[{"sku":"TEE","quantity":1}]}', self._return(kept, [], [(0, 1)], 1899)
        else:
            body, back = b"", self._return_rest(kept)
        call = replace(self._call("return", kept.id), asked=body)
        back = replace(back, key=call.key)
        is_whole = back.is_whole
        self.stacks[kept.id] = replace(
            kept,
            status="rolled_back" if is_whole else "partially_rolled_back",
            revision=kept.revision + 1,
            refunded_minor=kept.refunded_minor + back.refund_minor,
            returns=[*kept.returns, back],
        )
        shown = {"id": kept.id} if is_whole else {"id": "rbk_1", "refund": back.refund_minor / 100}
        self._say(call, 200, msgspec.json.encode(shown))

    def add_to(self, facts: Facts) -> Facts:
        """What the stores of such a shop say."""
        ledger, redis = list(facts.ledger), list(facts.redis)
        granted: Counter[str] = Counter()
        returned: Counter[str] = Counter()
        for kept in self.stacks.values():
            granted += kept.taken()
            returned += kept.returned()
        for name in granted:
            back = returned[name]
            ledger.append(LedgerCounter(PROJECT, name, granted[name], back, 0, 1000, granted[name], back, 0))
            held = len(self.held) if name == "r:cmp_sa" else 0
            redis.append(RedisCounter(0, name, granted[name], back, granted[name], held))
        holds = [KeptHold(0, "r:cmp_sa", id_[-6:], id_, 1, 10_000) for id_ in self.held if "r:cmp_sa" in granted]
        usage = [self._billed(each) if each.project_id == PROJECT else each for each in facts.usage]
        return replace(facts, ledger=ledger, redis=redis, usage=usage, stacks=list(self.stacks.values()),
                       reservations=list(self.reservations.values()), holds=holds, redis_holds=list(holds))  # fmt: skip

    def _billed(self, usage: Usage) -> Usage:
        stacks = self.stacks.values()
        return Usage(PROJECT, usage.redemptions + len(stacks), usage.rollbacks + sum(each.is_gone for each in stacks),
                     usage.discount_minor + sum(each.discount_minor for each in stacks))  # fmt: skip

    def _used(self) -> int:
        sums = sum((kept.taken() - kept.returned() for kept in self.stacks.values()), Counter[str]())
        return sums["r:cmp_sa"] + len(self.held)

    def _keep(self, call: Call, id_: str, codes: tuple[str, ...], reservation_id: str) -> Kept:
        lines = [KeptLine(code, CAMPAIGN[code], OFF, [(f"r:{CAMPAIGN[code]}", 1)]) for code in codes]
        order_id = None if reservation_id else call.order_id
        kept = Kept(PROJECT, id_, "redeemed", 0, 0, call.key, order_id, call.customer_id, VALUE, OFF * len(lines),
                    reservation_id, ITEMS, lines, [])  # fmt: skip
        self.stacks[id_] = kept
        return kept

    def _return(self, kept: Kept, lines: list[int], items: list[tuple[int, int]], refund: int) -> KeptReturn:
        moves = [move for number in lines for move in kept.lines[number].moves]
        discounts = [OFF if number in lines else 100 * (not lines and number == 0) for number in range(len(kept.lines))]
        return KeptReturn(kept.revision, None, False, refund, moves, lines, items, discounts)

    def _return_rest(self, kept: Kept) -> KeptReturn:
        lost = [sum(back.discounts[number] for back in kept.returns) for number in range(len(kept.lines))]
        gone = [count for back in kept.returns for _, count in back.items]
        units = [(0, 3 - sum(gone)), (1, 2)]
        amount = sum(count * ITEMS[number][1] for number, count in units)
        left = [OFF - each for each in lost]
        moves = list((kept.taken() - kept.returned()).items())
        return KeptReturn(kept.revision, None, True, amount - sum(left), moves, [], units, left)

    def _call(self, verb: Verb, target: str, order_id: str = "") -> Call:
        self.count += 1
        key, is_bought = f"set-{self.count}", verb in ("stack", "reserve")
        customer, value = (f"s{self.count}", VALUE) if is_bought else (None, 0)
        return Call(self.count + 10_000, verb, 0, "", target, key, customer, value, 0, 0.0, 0.0, order_id=order_id)

    def _refuse(self, call: Call, codes: tuple[str, ...], code: str) -> None:
        says = [{"id": each, "status": "inapplicable", "code": code if CAMPAIGN[each] == "cmp_sa" else "stack_refused"}
                for each in codes]  # fmt: skip
        self._say(call, 409, msgspec.json.encode({"code": code, "redeemables": says}))

    def _say(self, call: Call, status: int, body: bytes, replayed: bool = False) -> None:
        at = self.tick()
        self.note(replace(call, asked_at=at, answered_at=self.tick(), status=status, body=body, replayed=replayed,
                          engine=self.draw.randrange(2)))  # fmt: skip


def answer_of(kept: Kept) -> bytes:
    """An acknowledgement as the engine spells it, as far as anybody reads it."""
    parts = [{"redeemable": line.code, "discount_applied": line.discount_minor / 100} for line in kept.lines]
    return msgspec.json.encode(
        {"id": kept.id, "created_at": "2026-11-22T10:00:00.000Z", "customer_id": kept.customer_id,
         "idempotency_key": kept.key, "redemptions": parts, "redeemables": []}
    )  # fmt: skip
