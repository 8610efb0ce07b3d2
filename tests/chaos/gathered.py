"""From attempts to stacks and reservations: what one redemption of several codes, or one hold, certainly used, may have
used, and when.

Certain is what counts against a limit; possible is what may excuse a refusal. Must never take an unknown outcome for
either of the two.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import msgspec

from domain.ids import derived_id, redemption_id
from tests.chaos.history import Call, Evidence, Row
from tests.chaos.kept import Kept, KeptReservation
from tests.chaos.orders import NEVER, Order, id_of, may_be_lost

T = TypeVar("T")

WHOLE_S = 1.0
"""Holds end at whole seconds, later than asked for and never sooner."""

SENT_LATE_S = 5.0
"""How long after an attempt that nobody answered it may still have had its effect."""


class SaidPart(msgspec.Struct, frozen=True):
    """One redeemable of an answer."""

    redeemable: str
    discount_applied: float
    amount_applied: float = 0.0
    points: int = 0


class Said(msgspec.Struct, frozen=True):
    """What an acknowledgement of a stack says that never changes."""

    id: str
    created_at: str
    customer_id: str | None
    idempotency_key: str | None
    redemptions: tuple[SaidPart, ...]


class SaidReturn(msgspec.Struct, frozen=True):
    """What a return's answer says; of the whole of a stack, the redemption, which names no refund."""

    id: str
    refund: float | None = None


class SaidStatus(msgspec.Struct, frozen=True):
    """What a reservation's answer says of it."""

    id: str
    status: str


class _SaidRedeemable(msgspec.Struct, frozen=True):
    id: str


class _SaidHold(msgspec.Struct, frozen=True):
    redeemables: tuple[_SaidRedeemable, ...]


class _Asked(msgspec.Struct, frozen=True):
    redeemables: tuple[str | dict[str, object], ...] | None = None
    items: tuple[dict[str, object], ...] | None = None
    ttl_s: int = 0


def decode_as(type_: type[T], call: Call) -> T | None:
    """What an answer says; None where it says something else."""
    try:
        return msgspec.json.decode(call.body, type=type_)
    except msgspec.DecodeError:
        return None


def said_by(call: Call) -> Said | None:
    """The stack that a 200 shows; None where it shows none."""
    return decode_as(Said, call)


def asked_by(call: Call) -> _Asked:
    """What a return, or a hold, was asked for."""
    return msgspec.json.decode(call.asked or b"{}", type=_Asked)


def is_whole(call: Call) -> bool:
    """Whether a return was of everything."""
    asked = asked_by(call)
    return asked.redeemables is None and asked.items is None


@dataclass
class Basket:
    """One redemption of a stack, or of a reservation: what was asked with its key, every answer that names it (of
    another key of the same order, too), the returns of it, and what PostgreSQL keeps."""

    id: str
    tenant: int
    attempts: list[Call]
    returns: list[Call]
    kept: Kept | None
    in_quarantine: bool
    is_committed: bool = False
    lost: bool = False
    parts: list[Order] = field(default_factory=list)

    @property
    def call(self) -> Call:
        return self.attempts[0]

    @cached_property
    def acknowledgements(self) -> list[Call]:
        return sorted((call for call in self.attempts if call.status == 200), key=lambda call: call.answered_at)

    @cached_property
    def said(self) -> Said | None:
        return said_by(self.acknowledgements[0]) if self.acknowledgements else None

    @property
    def was_granted_anew(self) -> bool:
        return len({said.created_at for said in map(said_by, self.acknowledgements) if said is not None}) > 1

    @property
    def is_settled(self) -> bool:
        return self.kept is not None or self.in_quarantine

    def as_order(self, campaign_id: str = "", code: str = "") -> Order:
        """As if it were an order of one of its codes only: bodies are what of them never changes."""
        calls = []
        is_alone = "+" not in self.call.target
        for call in self.attempts:
            said = said_by(call) if call.status == 200 else None
            # Why several were refused is no one code's: refusals_right.py asks for each.
            body = call.body if is_alone else b""
            if said is not None:
                body = msgspec.json.encode((said.id, said.created_at, said.redemptions))
            calls.append(msgspec.structs.replace(call, campaign_id=campaign_id, target=code, body=body))
        returns = [call for call in self.returns if _may_free(call, code)]
        order = Order(calls, returns, self._row(code), self.in_quarantine)
        order.lost = self.lost
        return order

    def _row(self, code: str) -> Row | None:
        kept = self.kept
        if kept is None:
            return None
        gone = [kept.lines[number].code for number in kept.gone_lines]
        return Row(kept.project_id, kept.id, code in gone, kept.key, code, None, kept.customer_id,
                   kept.order_value_minor, kept.discount_minor)  # fmt: skip


def _may_free(call: Call, code: str) -> bool:
    """Whether a return may give the use of a code back: items do so with the last of them, which no run returns."""
    asked = asked_by(call)
    return asked.items is None and (asked.redeemables is None or code in asked.redeemables)


@dataclass
class Reservation:
    """One hold: all that was asked of it, and what PostgreSQL keeps."""

    id: str
    tenant: int
    reserved: list[Call]
    extended: list[Call]
    captured: list[Call]
    released: list[Call]
    kept: KeptReservation | None
    lost: bool = False

    @property
    def call(self) -> Call:
        return self.reserved[0]

    @cached_property
    def codes(self) -> list[str]:
        """Those that it holds: it may go without some that were asked for. All of these, where nobody was told."""
        said = decode_as(_SaidHold, self.acknowledgements[0]) if self.acknowledgements else None
        return self.call.target.split("+") if said is None else [each.id for each in said.redeemables]

    @cached_property
    def acknowledgements(self) -> list[Call]:
        return sorted((call for call in self.reserved if call.status == 201), key=lambda call: call.answered_at)

    @cached_property
    def stands_until(self) -> float:
        """Until when it certainly stands, if nothing ends it: counted from when it was first asked for."""
        times = [
            call.asked_at + asked_by(call).ttl_s for call in self.extended if call.status == 200 and not call.replayed
        ]
        first = self.call.asked_at + asked_by(self.call).ttl_s
        return max(first, *times) if times and not self._retries_an_extension else first

    @property
    def _retries_an_extension(self) -> bool:
        return len({call.key for call in self.extended}) < len(self.extended)

    @cached_property
    def may_end_at(self) -> float:
        """When first something was asked that may have ended it."""
        ends = [call for call in (*self.captured, *self.released) if call.status == 200 or call.is_unknown]
        return min((call.asked_at for call in ends), default=NEVER)

    def certain(self, released_at: tuple[float, ...], has_stepped: bool) -> tuple[float, float]:
        """From when until when its units are certainly held."""
        if not self.acknowledgements or self.lost or has_stepped:
            return 0.0, 0.0
        since = self.acknowledgements[0].answered_at
        end = min((at for at in released_at if at > since), default=NEVER)
        return since, min(self.stands_until, self.may_end_at, end)

    def possible(self, has_stepped: bool) -> tuple[float, float] | None:
        """From when until when its units may be held; None where they never were."""
        asked = [call for call in (*self.reserved, *self.extended) if call.status in (200, 201) or call.is_unknown]
        if not any(call.verb == "reserve" for call in asked):
            return None
        until = max(
            call.answered_at + asked_by(call).ttl_s + WHOLE_S + (SENT_LATE_S if call.is_unknown else 0.0)
            for call in asked
        )
        ends = [call.answered_at for call in (*self.captured, *self.released) if call.status == 200]
        if has_stepped:
            until = NEVER
        return asked[0].asked_at, min([until, *ends])


@dataclass
class Gathered:
    """All stacks and reservations of a run."""

    baskets: list[Basket]
    reservations: list[Reservation]

    @cached_property
    def by_order(self) -> dict[tuple[int, str], list[Basket]]:
        """Those of one order id."""
        grouped: defaultdict[tuple[int, str], list[Basket]] = defaultdict(list)
        for basket in self.baskets:
            if basket.call.verb == "stack":
                grouped[basket.tenant, basket.call.order_id].append(basket)
        return grouped


def gather(evidence: Evidence) -> Gathered:
    """Group the calls; what was lost as its class allows is marked so."""
    by_verb: defaultdict[str, list[Call]] = defaultdict(list)
    for call in sorted(evidence.calls, key=lambda call: call.asked_at):
        by_verb[call.verb].append(call)
    reservations = _reservations(evidence, by_verb)
    baskets = _baskets(evidence, by_verb, {each.id: each for each in reservations.values()})
    return Gathered(baskets, list(reservations.values()))


def _reservations(evidence: Evidence, by_verb: dict[str, list[Call]]) -> dict[str, Reservation]:
    kept = {each.id: each for each in evidence.facts.reservations}
    committed = _committed_codes(evidence)
    found: dict[str, Reservation] = {}
    for call in by_verb["reserve"]:
        id_ = derived_id("rsv", evidence.tenants[call.tenant].project_id, "reserve", call.key)
        made = found.setdefault(id_, Reservation(id_, call.tenant, [], [], [], [], kept.get(id_)))
        made.reserved.append(call)
    for verb, name in (("extend", "extended"), ("capture", "captured"), ("release", "released")):
        for call in by_verb[verb]:
            getattr(found[call.target], name).append(call)
    for each in found.values():
        calls = [msgspec.structs.replace(call, status=200 if call.status == 201 else call.status)
                 for call in each.reserved]  # fmt: skip
        order = Order(calls, [], None, in_quarantine=False)
        is_committed = any((each.tenant, code) in committed for code in each.codes)
        each.lost = bool(order.acknowledgements) and each.kept is None and may_be_lost(order, evidence, is_committed)
    return found


def _baskets(evidence: Evidence, by_verb: dict[str, list[Call]], reservations: dict[str, Reservation]) -> list[Basket]:
    attempts: defaultdict[tuple[int, str], list[Call]] = defaultdict(list)
    for call in by_verb["stack"]:
        own = redemption_id(evidence.tenants[call.tenant].project_id, "redemptions", call.key)
        attempts[call.tenant, id_of(call) if call.status == 200 else own].append(call)
    for call in by_verb["capture"]:
        own = redemption_id(evidence.tenants[call.tenant].project_id, "capture", call.target)
        wish = reservations[call.target].call
        same = msgspec.structs.replace(call, target=wish.target, customer_id=wish.customer_id,
                                       order_value_minor=wish.order_value_minor)  # fmt: skip
        attempts[call.tenant, id_of(call) if call.status == 200 else own].append(same)
    returns: defaultdict[str, list[Call]] = defaultdict(list)
    for call in by_verb["return"]:
        returns[call.target].append(call)
    kept = {(each.project_id, each.id): each for each in evidence.facts.stacks}
    waiting = {(entry.project_id, entry.redemption_id) for entry in evidence.facts.quarantine if entry.status == "open"}
    committed, campaigns = _committed_codes(evidence), _campaigns(evidence)
    baskets = []
    for (tenant, id_), calls in attempts.items():
        name = evidence.tenants[tenant].project_id, id_
        basket = Basket(id_, tenant, calls, returns[id_], kept.get(name), name in waiting)
        codes = _codes(basket)
        basket.is_committed = any((tenant, code) in committed for code in codes)
        vanished = bool(basket.acknowledgements) and not basket.is_settled
        if vanished or basket.was_granted_anew:
            basket.lost = may_be_lost(basket.as_order(), evidence, basket.is_committed)
        basket.parts = [basket.as_order(campaigns[tenant, code], code) for code in codes if (tenant, code) in campaigns]
        baskets.append(basket)
    return baskets


def _codes(basket: Basket) -> list[str]:
    """Those that it took; where nobody was told, all that were asked for may be."""
    if basket.kept is not None:
        return [line.code for line in basket.kept.lines]
    if basket.said is not None:
        return [part.redeemable for part in basket.said.redemptions]
    return basket.call.target.split("+")


def _campaigns(evidence: Evidence) -> dict[tuple[int, str], str]:
    return {(offer.tenant, code): offer.campaign_id for offer in evidence.offers for code in offer.codes}


def _committed_codes(evidence: Evidence) -> set[tuple[int, str]]:
    codes = {(offer.tenant, code) for offer in evidence.offers if offer.committed for code in offer.codes}
    return codes | {(card.tenant, card.code) for card in evidence.cards if card.object != "promotion_tier"}
