"""A gift card and a loyalty card of a small shop that does everything right. Must never share code with the product
beyond the spelling of ids.
"""

import random
from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from domain.ids import redemption_id
from tests.chaos.history import Call, Card, Facts, LedgerCounter, RedisCounter, Usage, Verb
from tests.chaos.kept import Kept, KeptLine, KeptReturn
from tests.chaos.kept_cards import Entry, KeptCard
from tests.chaos.simulated_sets import ITEMS, PROJECT, VALUE, answer_of

GIFT = Card(0, "gift_card", "gft_1", "GIFT", first=4_000)
POINTS = Card(0, "loyalty_card", "lcd_1", "POINTS", "m1", program="lty_1")
COUNTERS = {"gift_card": "a:gft_1", "loyalty_card": "y:lcd_1:0"}
EMPTY = {"gift_card": "insufficient_balance", "loyalty_card": "insufficient_points"}


class SimulatedCards:
    """Spends, top-ups, points that are earned and taken back, and returns."""

    def __init__(self, draw: random.Random, tick: Callable[[], float], note: Callable[[Call], None]) -> None:
        self.draw = draw
        self.tick = tick
        self.note = note
        self.cards = [GIFT, POINTS]
        self.entries: dict[str, list[Entry]] = {card.id: [] for card in self.cards}
        self.stacks: dict[str, Kept] = {}
        self.paid: list[Call] = []
        self.count = 0
        self._post(GIFT, "issue", GIFT.first)

    def act(self) -> None:
        """One thing happens."""
        self.draw.choice([self.spend, self.spend, self.spend, self.top_up, self.earn, self.unearn, self.give_back])()

    def spend(self) -> None:
        """Of one card, what is asked of it or what it has; some answers are lost."""
        card = self.draw.choice(self.cards)
        wish = {"id": card.code}
        asked = self.draw.choice((None, self.draw.randrange(1, 3_000)))
        if asked is not None and card is GIFT:
            wish["amount"] = msgspec.Raw(b"%d.%02d" % divmod(asked, 100))  # type: ignore[assignment]
        elif asked is not None:
            wish["points"] = asked  # type: ignore[assignment]
        call = self._call("stack", card.code, asked=msgspec.json.encode({"redeemables": [wish]}))
        left = self._left(card)
        amount = min(left, VALUE) if asked is None else asked
        if not amount or amount > left:
            code = EMPTY[card.object]
            says = [{"id": card.code, "status": "inapplicable", "code": code}]
            self._say(call, 409, msgspec.json.encode({"code": code, "redeemables": says}))
            return
        line = KeptLine(card.code, card.program or None, amount, [(COUNTERS[card.object], amount)], card.object)
        id_ = redemption_id(PROJECT, "redemptions", call.key)
        kept = Kept(PROJECT, id_, "redeemed", 0, 0, call.key, call.order_id, call.customer_id, VALUE, amount, "",
                    ITEMS, [line], [])  # fmt: skip
        self.stacks[id_] = kept
        self._post(card, "spend", -amount, id_, 1)
        if self.draw.random() < 0.2:
            self._say(call, 0, b"")
        self._say(call, 200, answer_of(kept))

    def top_up(self) -> None:
        """Some answers are lost, some say that it is not in force yet."""
        amount = self.draw.randrange(1, 3_000)
        call = replace(self._call("top_up", GIFT.code), order_value_minor=amount, customer_id=None)
        self._post(GIFT, "top_up", amount, source=call.key)
        if self.draw.random() < 0.2:
            self._say(call, 0, b"")
        self._say(call, self.draw.choice((200, 200, 202)), b"{}")

    def earn(self) -> None:
        """An order is paid; some are reported twice."""
        call = replace(self._call("earn", POINTS.code), order_value_minor=self.draw.randrange(100, 20_000))
        self._post(POINTS, "earn", self._points(call), source=f"order.paid:{call.order_id}")
        self._say(call, 200, b"{}")
        self.paid.append(call)
        if self.draw.random() < 0.2:
            self._say(replace(call, key=f"{call.key}-again"), 200, b"{}")

    def unearn(self) -> None:
        """An order is refunded, where the card still has its points."""
        call = self.paid.pop() if self.paid else None
        if call is None or self._points(call) > self._left(POINTS):
            return
        self._post(POINTS, "take_back", -self._points(call), source=f"order.paid:{call.order_id}")
        self._say(replace(call, verb="unearn", key=f"{call.key}-back"), 200, b"{}")

    def give_back(self) -> None:
        """All of a stack."""
        standing = [kept for kept in self.stacks.values() if not kept.is_gone]
        if not standing:
            return
        kept = self.draw.choice(standing)
        call, line = self._call("return", kept.id), kept.lines[0]
        units = [(number, count) for number, (count, _) in enumerate(ITEMS)]
        refund, amount = VALUE - kept.discount_minor, kept.discount_minor
        back = KeptReturn(0, call.key, True, refund, list(line.moves), [], units, [amount])
        self.stacks[kept.id] = replace(kept, status="rolled_back", revision=1, refunded_minor=refund, returns=[back])
        self._post(GIFT if line.object == "gift_card" else POINTS, "refund", amount, kept.id, 1)
        self._say(call, 200, msgspec.json.encode({"id": kept.id}))

    def add_to(self, facts: Facts) -> Facts:
        """What the stores of such a shop say."""
        stacks, ledger, redis = list(self.stacks.values()), list(facts.ledger), list(facts.redis)
        taken: Counter[str] = sum((kept.taken() for kept in stacks), Counter())
        back: Counter[str] = sum((kept.returned() for kept in stacks), Counter())
        kept_cards = []
        for card in self.cards:
            entries, name = self.entries[card.id], COUNTERS[card.object]
            earned = sum(entry.amount for entry in entries if entry.type not in ("spend", "refund"))
            spent = taken[name] - back[name]
            lots = [(0, earned, spent)]
            kept_cards.append(
                KeptCard(PROJECT, card.id, card.object, card.code, self._left(card), 0, lots, list(entries))
            )
            ledger.append(LedgerCounter(PROJECT, name, taken[name], back[name], 0, None, taken[name], back[name], 0))
            redis.append(RedisCounter(0, name, taken[name], back[name], taken[name], limit=earned))
        usage = [self._billed(each) if each.project_id == PROJECT else each for each in facts.usage]
        return replace(
            facts, ledger=ledger, redis=redis, usage=usage, stacks=[*facts.stacks, *stacks], cards=kept_cards
        )

    def _billed(self, usage: Usage) -> Usage:
        stacks = self.stacks.values()
        return Usage(PROJECT, usage.redemptions + len(stacks), usage.rollbacks + sum(each.is_gone for each in stacks),
                     usage.discount_minor + sum(each.discount_minor - each.paid_minor for each in stacks))  # fmt: skip

    def _points(self, paid: Call) -> int:
        return paid.order_value_minor // 100 * 10

    def _left(self, card: Card) -> int:
        return sum(entry.amount for entry in self.entries[card.id])

    def _post(
        self, card: Card, type_: str, amount: int, redemption_id: str | None = None, line_no: int | None = None,
        source: str | None = None,
    ) -> None:  # fmt: skip
        entries = self.entries[card.id]
        balance = self._left(card) + amount
        entries.append(Entry(len(entries) + 1, type_, amount, balance, redemption_id, line_no, source, 0))

    def _call(self, verb: Verb, target: str, asked: bytes = b"") -> Call:
        self.count += 1
        value = VALUE if verb == "stack" else 0
        customer = f"p{self.count}" if verb == "stack" else None
        return Call(self.count + 20_000, verb, 0, "", target, f"card-{self.count}", customer, value, 0, 0.0, 0.0,
                    order_id=f"card-ord-{self.count}", asked=asked)  # fmt: skip

    def _say(self, call: Call, status: int, body: bytes) -> None:
        at = self.tick()
        self.note(replace(call, asked_at=at, answered_at=self.tick(), status=status, body=body))
