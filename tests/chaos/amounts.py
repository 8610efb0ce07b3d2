"""How much of a card was certainly spent when, and how much may have been; how much was certainly on it, and at most.

From what clients heard, and the ledger's amounts of what it has. Must never take an unknown outcome for either.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from tests.chaos.cards_asked import asked_of, is_of_the_ledger
from tests.chaos.gathered import Basket
from tests.chaos.history import Call, Card, Evidence
from tests.chaos.kept import KeptReturn
from tests.chaos.orders import NEVER

Span = tuple[float, float, int]
"""From when until when, how much."""

POINTS_PER_UNIT = 10
"""What a paid order earns for each full unit of money."""


class Amounts:
    """Spans in which amounts are used."""

    def __init__(self, spans: Iterable[Span]) -> None:
        kept = [span for span in spans if span[0] < span[1] and span[2]]
        self._since, self._begun = _running((since, amount) for since, _, amount in kept)
        self._until, self._ended = _running((until, amount) for _, until, amount in kept)

    def peaks(self) -> Iterator[tuple[float, int]]:
        """When something more is used, and how much then is."""
        for at in self._since:
            yield at, self._begun[bisect_right(self._since, at)] - self._ended[bisect_right(self._until, at)]

    def most(self, from_at: float, until_at: float) -> int:
        """So much was used at some instant of the time, at most."""
        return self._begun[bisect_right(self._since, until_at)] - self._ended[bisect_left(self._until, from_at)]


def _running(pairs: Iterable[tuple[float, int]]) -> tuple[list[float], list[int]]:
    ordered = sorted(pairs)
    return [at for at, _ in ordered], [0, *accumulate(amount for _, amount in ordered)]


def points_of(paid: Call) -> int:
    """What a paid order earns."""
    return paid.order_value_minor // 100 * POINTS_PER_UNIT


def is_refused(call: Call) -> bool:
    """Whether it has certainly had no effect, and none is under way."""
    return call.is_refusal and call.code != "idempotency_in_progress"


class Funds:
    """What was put on a card, and taken off it again."""

    def __init__(self, card: Card, evidence: Evidence) -> None:
        self.taken_back: list[tuple[float, float]] = []
        """From when until when something may have been taken back that Redis had not heard of."""
        calls = [call for call in evidence.calls if (call.tenant, call.target) == (card.tenant, card.code)]
        may, certain, back = dict[str, tuple[float, int]](), dict[str, tuple[float, int]](), dict[str, float]()
        points = {call.order_id: points_of(call) for call in calls if call.verb == "earn"}
        for call in sorted(calls, key=lambda call: call.asked_at):
            if call.verb == "unearn" and not is_refused(call):
                back.setdefault(call.order_id, call.asked_at)
                self.taken_back.append((call.asked_at, call.answered_at if call.status == 200 else NEVER))
            if call.verb not in ("top_up", "earn"):
                continue
            # A second report of an order is no second order.
            name, amount = (call.key, call.order_value_minor) if call.verb == "top_up" else (
                call.order_id, points_of(call))  # fmt: skip
            if not is_refused(call):
                may.setdefault(name, (call.asked_at, amount))
            if call.status == 200:
                certain.setdefault(name, (call.answered_at, amount))
        self._first = card.first
        self._may, self._certain = _running(may.values()), _running(certain.values())
        self._back = _running((at, points.get(order_id, 0)) for order_id, at in back.items())

    def most(self, at: float) -> int:
        """So much may have been put on it until then."""
        return self._first + _until(self._may, at)

    def least(self, at: float, until_at: float) -> int:
        """So much certainly was on it then, and nobody had asked to take it off before the end."""
        return self._first + _until(self._certain, at) - _until(self._back, until_at)


def _until(running: tuple[list[float], list[int]], at: float) -> int:
    return running[1][bisect_right(running[0], at)]


def certainly_spent(card: Card, baskets: Iterable[Basket]) -> list[Span]:
    """Of what was acknowledged, until somebody asks for a return that may have given it back."""
    spans: list[Span] = []
    for basket in baskets:
        if basket.kept is None or not basket.acknowledgements:
            continue
        since, rest = basket.acknowledgements[0].answered_at, _of_card(card, basket.kept.taken().items())
        for back in basket.kept.returns:
            amount = _of_card(card, back.moves)
            spans.append((since, min((call.asked_at for call in _asked(basket, back)), default=since), amount))
            rest -= amount
        spans.append((since, NEVER, rest))
    return spans


def possibly_spent(card: Card, baskets: Iterable[Basket], repeated: Iterable[tuple[float, str, int]]) -> list[Span]:
    """Of what may have been granted, until it has certainly come back."""
    spans = [(at, NEVER, amount) for at, name, amount in repeated if name.startswith(card.counters)]
    for basket in baskets:
        possible = basket.as_order().possible
        refused = [call for call in basket.attempts if is_of_the_ledger(call)]
        if possible is None and refused:
            possible = refused[0].asked_at, refused[-1].answered_at
        if possible is None:
            continue
        since, until = possible
        if basket.kept is None:
            spans.append((since, until, max(asked_of(call, card).most for call in basket.attempts)))
            continue
        rest = _of_card(card, basket.kept.taken().items())
        for back in basket.kept.returns:
            amount = _of_card(card, back.moves)
            told = [call.answered_at for call in _asked(basket, back) if call.status == 200 and call.key]
            spans.append((since, min(told, default=NEVER), amount))
            rest -= amount
        spans.append((since, NEVER, rest))
    return spans


def _asked(basket: Basket, back: KeptReturn) -> list[Call]:
    """Those who may have asked for it."""
    return [call for call in basket.returns if (call.key or None) == back.key]


def _of_card(card: Card, moves: Iterable[tuple[str, int]]) -> int:
    return sum(amount for counter, amount in moves if counter.startswith(card.counters))
