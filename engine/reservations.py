"""Reservations: units held for a session until they are captured, released, or their time is over.

A hold is decided and judged like a redemption, on the same counters. A capture is an ordinary redemption that takes
what the reservation holds. Must never answer for a hold that the script has not made.
"""

import os

import msgspec

from domain.decisions import Decision
from domain.definitions import BUDGET_WINDOW_MINOR, UNLIMITED
from domain.events import Redeemed, Released, Reserved, decode, encode
from domain.ids import derived_id, fingerprint, redemption_id
from domain.ledger import HoldUse, Item, Mode, Move
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.referrals import commitments
from domain.reservation_views import view_reservation
from domain.views import encode as encode_json
from store.rings import Answer

from .acknowledging import MAX_EVENT_BYTES, acknowledge, expect_reconciler, too_large
from .attempt import ATTEMPTS, Attempt
from .auth import Tenant
from .committer import Committed
from .holding import find_reservation, reservation_in_ledger
from .orders import Asked, decode_reservation, without_identity
from .records import answer_of
from .redeem import Redeeming, may_be_older
from .refusing import refusal
from .requests import Call, check_key, decode_extension, decode_nothing, request_fingerprint
from .responses import Response, json_response
from .shard import ServedShard
from .worker import Worker

CAPTURE_ROUTE = "capture"
_RELEASE = b"release".ljust(16, b"\0")
"""A reservation is released once, whoever asks for it."""


async def reserve(worker: Worker, tenant: Tenant, served: ServedShard, call: Call) -> Response:
    """Hold what these redeemables take, for the session: 201 with the reservation."""
    key = check_key(call.idempotency_key) or f"auto-{os.urandom(12).hex()}"
    asked = decode_reservation(call.body, tenant.currency, tenant.decimals)
    attempt = Attempt(worker, tenant, served, asked, call.client)
    reserving = Reserving(attempt, key, request_fingerprint(call), call.body)
    return await reserving.answer()


async def look_up(worker: Worker, tenant: Tenant, served: ServedShard, id_: str) -> Response:
    """GET one reservation."""
    held = await find_reservation(worker.database, served, tenant.project_id, id_)
    if held.record is not None:
        if held.event.committed:
            raise Refused("outcome_pending")
        served.answer(answer_of(held.record))
    became = held.status_at(served.now_ms())
    event = msgspec.structs.replace(held.event, expires_ms=held.expires_ms)
    return _shown(event, became, held.made_ms, redemption_id=held.redemption_id)


async def capture(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, id_: str) -> Response:
    """Redeem what is held: the redemption, once, however often it is asked for."""
    check_key(call.idempotency_key)
    decode_nothing(call.body)
    held = await find_reservation(worker.database, served, tenant.project_id, id_)
    stated = decode_reservation(held.event.request, tenant.currency, tenant.decimals)
    attempt = Attempt(worker, tenant, served, _as_held(stated, held.event), call.client)
    mark = fingerprint("capture", id_.encode())
    try:
        return await Capturing(attempt, held.event, mark).answer()
    except Refused as refused:
        if refused.code != "reservation_expired":
            raise
        raise Refused(f"reservation_{await _why_gone(worker, tenant, served, id_)}") from refused


def _as_held(stated: Asked, event: Reserved) -> Asked:
    """What was asked for when it was reserved, without what was refused then, and of cards what is held."""
    by_name = {each.name: each for each in stated.wanted}
    wanted = []
    for line in event.lines:
        asked = by_name[line.code]
        if line.object == "gift_card":
            asked = msgspec.structs.replace(asked, amount_minor=line.discount_minor)
        elif line.object == "loyalty_card" and not line.reward:
            asked = msgspec.structs.replace(asked, points=line.points)
        wanted.append(asked)
    request = msgspec.structs.replace(stated.request, wanted=tuple(wanted), identities=event.identities)
    return msgspec.structs.replace(stated, wanted=tuple(wanted), request=request)


async def release(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, id_: str) -> Response:
    """Give up what is held: 200 also where it had been given up, or its time was over."""
    check_key(call.idempotency_key)
    decode_nothing(call.body)
    held = await find_reservation(worker.database, served, tenant.project_id, id_)
    became = held.status_at(served.now_ms())
    if became == "captured":
        raise Refused("reservation_captured")
    if became == "held":
        payload = encode(Released(id_, tenant.account_id, tenant.project_id, held.event.tag))
        hold = HoldUse(held.event.tag, id_, required=True)
        item = Item(Mode.RELEASE, f"y:{id_}", _RELEASE, payload, moves=_moves(held.event), hold=hold)
        said = await _submit(served, tenant.project_id, item)
        if said.outcome.verdict is Verdict.HOLD_GONE:
            became = await _why_gone(worker, tenant, served, id_)
            if became == "captured":
                raise Refused("reservation_captured")
            if became == "changed":
                # The session has redeemed a part of it, so nobody can capture it any more: the rest is given up.
                became = "held"
                said = await _submit(
                    served, tenant.project_id, msgspec.structs.replace(item, hold=HoldUse(hold.tag, id_))
                )
        verdict = said.outcome.verdict
        if verdict is Verdict.GRANTED:
            await _acknowledge(worker, served, _answer(said, payload), held.event, f"y:{id_}")
        elif verdict not in (Verdict.REPLAY, Verdict.HOLD_GONE):
            raise Refused("ledger_lagging")
    return _shown(held.event, "released" if became == "held" else became, held.made_ms)


async def extend(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, id_: str) -> Response:
    """Hold it longer, counted from now; never shorter than it was."""
    key = check_key(call.idempotency_key) or os.urandom(12).hex()
    asked = decode_extension(call.body)
    held = await find_reservation(worker.database, served, tenant.project_id, id_)
    if held.status != "held":
        raise Refused(f"reservation_{held.status}")
    now_ms = served.now_ms()
    until_ms = max(held.expires_ms, _until_ms(now_ms, asked.ttl_s))
    event = msgspec.structs.replace(held.event, expires_ms=until_ms, revision=now_ms)
    hold = HoldUse(event.tag, id_, until_ms, required=True)
    record_id = f"{id_}:{fingerprint(key, b'').hex()}"
    item = Item(Mode.HOLD, record_id, request_fingerprint(call), encode(event), moves=_moves(event), hold=hold)
    said = await _submit(served, tenant.project_id, item)
    verdict = said.outcome.verdict
    if verdict is Verdict.REPLAY and said.outcome.record is not None:
        return _shown(_reserved(said.outcome.record.payload), "held", held.made_ms)
    if verdict is Verdict.HOLD_GONE:
        raise Refused(f"reservation_{await _why_gone(worker, tenant, served, id_)}")
    if verdict is not Verdict.GRANTED:
        raise Refused("idempotency_key_reused" if verdict is Verdict.KEY_REUSED else "ledger_lagging")
    await _acknowledge(worker, served, _answer(said, item.payload), event, record_id)
    return _shown(event, "held", held.made_ms)


class Capturing(Redeeming):
    """A redemption that takes what is held."""

    def __init__(self, attempt: Attempt, held: Reserved, mark: bytes) -> None:
        super().__init__(attempt, CAPTURE_ROUTE, held.id, mark, is_stack=True, captures=held.id)
        self.held = held

    async def _granted(self, event: Redeemed, said: Committed) -> Response:
        response = await super()._granted(event, said)
        await self._free_the_rest(event)
        return response

    async def _free_the_rest(self, event: Redeemed) -> None:
        """Definitions may have changed since: what is not taken must not stand in anybody's way until it expires."""
        held, taken = self.held, {counter for line in event.lines for counter, _, _ in line.moves}
        rest = tuple([move for move in _moves(held) if move.counter not in taken])
        if rest:
            payload = encode(Released(held.id, held.account_id, held.project_id, held.tag))
            hold = HoldUse(held.tag, held.id)
            item = Item(Mode.RELEASE, f"{held.id}:rest", _RELEASE, payload, moves=rest, hold=hold)
            await _submit(self.served, held.project_id, item)


class Reserving:
    """One reservation on its way."""

    def __init__(self, attempt: Attempt, key: str, mark: bytes, body: bytes) -> None:
        self.attempt = attempt
        self.key = key
        self.mark = mark
        self.body = body if attempt.request.identity is None else without_identity(body)
        self.id = derived_id("rsv", attempt.project_id, "reserve", key)
        session = attempt.asked.session
        assert session is not None, "a reservation has a session"
        self.session = session
        self.tag = attempt.tag
        self.event: Reserved | None = None
        self.payload = b""

    async def answer(self) -> Response:
        """Hold, or say why not."""
        attempt = self.attempt
        attempt.served.ring.expect_room()
        if may_be_older(attempt.served):
            known = await reservation_in_ledger(attempt.worker.database, attempt.project_id, self.id)
            if known is not None:
                if known.event.fingerprint != self.mark:
                    raise Refused("idempotency_key_reused")
                replayed = ("idempotency-replayed", "true")
                return _shown(known.event, "held", known.made_ms, replayed, status=201)
        decision, said = await attempt.run(self._item)
        verdict, record = said.outcome.verdict, said.outcome.record
        if verdict is Verdict.GRANTED and self.event is not None:
            await _acknowledge(attempt.worker, attempt.served, _answer(said, self.payload), self.event, self.id)
            return _shown(self.event, "held", said.now_ms, status=201)
        if verdict is Verdict.REPLAY and record is not None:
            event = _reserved(record.payload)
            await _acknowledge(attempt.worker, attempt.served, answer_of(record), event, self.id)
            return _shown(event, "held", record.time_ms, ("idempotency-replayed", "true"), status=201)
        if verdict is Verdict.STANDS and decision.refusal is None:
            raise too_large()
        raise refusal(attempt, decision, said)

    def _item(self, decision: Decision) -> Item:
        times = decision.not_before_ms, decision.not_after_ms
        if decision.refusal is not None:
            return Item(Mode.PROBE, self.id, self.mark, b"", *times, decision.checks)
        attempt = self.attempt
        if decision.committed:
            expect_reconciler(attempt.worker, attempt.served)
        until_ms = _until_ms(attempt.served.now_ms(), attempt.asked.ttl_s)
        self.event = self._event(decision, until_ms)
        hold = HoldUse(self.tag, self.id, until_ms)
        self.payload = encode(self.event)
        if len(self.payload) > MAX_EVENT_BYTES:
            return Item(Mode.PROBE, self.id, self.mark, b"", *times, decision.checks)
        return Item(
            Mode.HOLD,
            self.id,
            self.mark,
            self.payload,
            *times,
            decision.checks,
            decision.guards,
            decision.moves,
            hold=hold,
        )

    def _event(self, decision: Decision, until_ms: int) -> Reserved:
        tenant = self.attempt.tenant
        return Reserved(
            id=self.id,
            account_id=tenant.account_id,
            project_id=tenant.project_id,
            fingerprint=self.mark,
            idempotency_key=self.key,
            session=self.session,
            tag=self.tag,
            expires_ms=until_ms,
            currency=tenant.currency,
            decimals=tenant.decimals,
            order_value_minor=decision.order_value_minor,
            discount_minor=decision.discount_minor,
            committed=decision.committed,
            request=self.body,
            lines=decision.lines,
            shipping_minor=decision.order.shipping_minor if decision.order is not None else 0,
            identities=self._identities(),
        )

    def _identities(self) -> tuple[tuple[str, bytes], ...]:
        """What tells the customer apart at the capture; the program then says what of it is compared."""
        stated = self.attempt.request.identity
        if stated is None:
            return ()
        return commitments(self.attempt.worker.settings.secret, self.attempt.project_id, tuple(stated), stated)


async def _submit(served: ServedShard, project_id: str, item: Item) -> Committed:
    """Have it judged; counters that this epoch has not met are brought first, with their holds."""
    for _ in range(ATTEMPTS):
        said = await served.submit(item)
        if said.outcome.verdict is not Verdict.MISSING:
            return said
        await served.catalog.hydrate_counters(project_id, said.outcome.missing)
    raise Refused("contended")


def _answer(said: Committed, payload: bytes) -> Answer:
    assert said.entry is not None, "what is granted has an entry"
    return Answer(said.entry, said.outcome.index, said.now_ms, payload)


async def _acknowledge(worker: Worker, served: ServedShard, answer: Answer, event: Reserved, event_id: str) -> None:
    async def in_ledger() -> object | None:
        return await reservation_in_ledger(worker.database, event.project_id, event.id)

    await acknowledge(worker, served, answer, event_id, event.committed, in_ledger)


async def _why_gone(worker: Worker, tenant: Tenant, served: ServedShard, id_: str) -> str:
    """What has become of a reservation whose hold does not cover what it should."""
    keyspace, link = served.shard.keyspace, served.shard.link
    captured = redemption_id(tenant.project_id, CAPTURE_ROUTE, id_)
    # What ended it may not be in the ledger yet, but then its record is here.
    if await link.command("EXISTS", keyspace.record(captured)):
        return "captured"
    if await link.command("EXISTS", keyspace.record(f"y:{id_}")):
        return "released"
    held = await find_reservation(worker.database, served, tenant.project_id, id_)
    became = held.status_at(served.now_ms())
    return "changed" if became == "held" else became


def _until_ms(now_ms: int, ttl_s: int) -> int:
    """Whole seconds, so that what a script frees it frees at most once a second, however many holds there are."""
    return -(-now_ms // 1000) * 1000 + ttl_s * 1000


def _moves(event: Reserved) -> tuple[Move, ...]:
    """What the reservation holds: it has been judged, so no limit is asked again."""
    sums: dict[str, int] = {}
    for line in event.lines:
        for counter, amount, _ in line.moves:
            sums[counter] = sums.get(counter, 0) + amount
    return tuple([Move(counter, amount, UNLIMITED, BUDGET_WINDOW_MINOR) for counter, amount in sums.items()])


def _reserved(payload: bytes) -> Reserved:
    event = decode(payload)
    assert isinstance(event, Reserved), "the record of a reservation is one"
    return event


def _shown(
    event: Reserved,
    became: str,
    made_ms: int,
    *headers: tuple[str, str],
    redemption_id: str | None = None,
    status: int = 200,
) -> Response:
    return json_response(encode_json(view_reservation(event, became, made_ms, redemption_id)), *headers, status=status)
