"""Redeem: find, decide, commit; and the same answer again for the same Idempotency-Key, or for the same order.

One code, a stack, and a reservation that is captured go the same way. Must never refuse a keyed request before its
idempotency record has been asked for.
"""

import os

import msgspec

from domain.decisions import Decision, Wanted
from domain.events import Hold, Redeemed, Referral, decode, encode
from domain.ids import order_key, redemption_id
from domain.ledger import HoldUse, Item, Mode, Record
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.redemption_views import Balances
from store.database import UNAVAILABLE
from store.ledger_rows import alias_of
from store.rings import Answer

from .acknowledging import MAX_EVENT_BYTES, acknowledge, expect_reconciler, too_large
from .attempt import Attempt
from .auth import Tenant
from .committer import Committed
from .orders import decode_checkout, decode_stack
from .records import Known, answer_of, find_redemption
from .referring import Referred, referral_of
from .refusing import refusal, unapplied
from .requests import Call, check_key, request_fingerprint
from .responses import Response, json_response, redemption_body
from .shard import ServedShard
from .worker import Worker

ROUTE = "redeem"
STACK_ROUTE = "redemptions"
LOOKED_UP_MS = 24 * 3600 * 1000


async def redeem(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """Redeem one code: 200 with the redemption, or a refusal with one code."""
    key = check_key(call.idempotency_key)
    asked = decode_checkout(call.body, code, tenant.currency, tenant.decimals)
    redeeming = Redeeming(Attempt(worker, tenant, served, asked, call.client), ROUTE, key, request_fingerprint(call))
    return await redeeming.answer()


async def redeem_stack(worker: Worker, tenant: Tenant, served: ServedShard, call: Call) -> Response:
    """Redeem up to thirty redeemables on one order, all in one commit."""
    key = check_key(call.idempotency_key)
    asked = decode_stack(call.body, tenant.currency, tenant.decimals)
    attempt = Attempt(worker, tenant, served, asked, call.client)
    redeeming = Redeeming(attempt, STACK_ROUTE, key, request_fingerprint(call), is_stack=True)
    return await redeeming.answer()


class Redeeming:
    """One redemption on its way. `captures` is the reservation whose units it takes, which must be held still."""

    __slots__ = (
        *("attempt", "captures", "event", "event_id", "is_keyed", "is_stack", "key", "mark", "order_key", "payload"),
        *("served", "worker"),
    )

    def __init__(
        self,
        attempt: Attempt,
        route: str,
        key: str | None,
        mark: bytes,
        is_stack: bool = False,
        captures: str = "",
    ) -> None:
        self.attempt = attempt
        self.worker = attempt.worker
        self.served = attempt.served
        self.is_keyed = key is not None
        self.key = key or f"auto-{os.urandom(12).hex()}"
        self.event_id = redemption_id(attempt.project_id, route, self.key)
        self.mark = mark
        self.is_stack = is_stack
        self.captures = captures
        self.order_key = b""
        self.event: Redeemed | None = None
        self.payload = b""

    async def answer(self) -> Response:
        """Redeem, or say why not."""
        self.served.ring.expect_room()
        if self.is_keyed and may_be_older(self.served):
            known = await self.worker.records.in_ledger(self.attempt.project_id, self.event_id)
            if known is not None:
                return self._replay_row(known)
        earlier = await self._earlier_of_order() if self.attempt.request.order is not None else None
        if earlier is not None:
            return await self._answer_earlier(earlier)
        decision, said = await self.attempt.run(self._item)
        verdict = said.outcome.verdict
        if verdict is Verdict.GRANTED and self.event is not None:
            return await self._granted(self.event, said)
        if verdict is Verdict.REPLAY:
            assert said.outcome.record is not None, "a replay carries its record"
            return await self._replayed(said.outcome.record)
        if verdict is Verdict.ORDER:
            return await self._known_by_order(said.outcome.missing[0])
        if verdict is Verdict.STANDS and decision.refusal is None:
            raise too_large()
        raise refusal(self.attempt, decision, said)

    # -- what is asked of the script -------------------------------------------------------------------------------

    def _item(self, decision: Decision) -> Item:
        """The grant to be judged; or, where Python refused, the question whether that stands for this key."""
        if decision.refusal is not None:
            return self._probe(decision)
        if decision.committed:
            expect_reconciler(self.worker, self.served)
        self.event = self._event(decision)
        self.payload = encode(self.event)
        if len(self.payload) > MAX_EVENT_BYTES:
            self.event = None
            return self._probe(decision)
        tag = self.attempt.tag
        return Item(
            Mode.COMMIT,
            self.event_id,
            self.mark,
            self.payload,
            decision.not_before_ms,
            decision.not_after_ms,
            decision.checks,
            decision.guards,
            decision.moves,
            self._alias() if self.order_key else None,
            HoldUse(tag, self.captures, required=bool(self.captures)) if tag else None,
        )

    def _probe(self, decision: Decision) -> Item:
        times = decision.not_before_ms, decision.not_after_ms
        asked_id = self.event_id if self.is_keyed or self.order_key else None
        return Item(Mode.PROBE, asked_id, self.mark, b"", *times, decision.checks, alias=self._alias())

    def _alias(self) -> str | None:
        return alias_of(self.order_key) or None

    def _event(self, decision: Decision) -> Redeemed:
        attempt, tenant = self.attempt, self.attempt.tenant
        order = decision.order
        if order is not None and self.order_key:
            order = msgspec.structs.replace(order, key=self.order_key)
        return Redeemed(
            id=self.event_id,
            account_id=tenant.account_id,
            project_id=attempt.project_id,
            fingerprint=self.mark,
            idempotency_key=self.key,
            customer_id=attempt.request.customer_id,
            currency=tenant.currency,
            decimals=tenant.decimals,
            order_value_minor=decision.order_value_minor,
            discount_minor=decision.discount_minor,
            committed=decision.committed,
            lines=decision.lines,
            order=order,
            hold=Hold(attempt.tag, self.captures) if attempt.tag else None,
            is_stack=self.is_stack,
            unapplied=unapplied(attempt, decision.parts) if self.is_stack else (),
            referral=self._referral(decision, attempt.referred) if attempt.referred is not None else None,
        )

    def _referral(self, decision: Decision, asked: dict[int, Referred]) -> Referral | None:
        """Who is referred by it, if the code is applied."""
        customer_id = self.attempt.request.customer_id
        for number, referred in asked.items():
            line = decision.parts[number].line
            if line >= 0 and customer_id is not None:
                return referral_of(self.attempt.found[number], referred, customer_id, line)
        return None

    # -- once per order --------------------------------------------------------------------------------------------

    async def _earlier_of_order(self) -> Known | None:
        """The redemption of this very order and these redeemables that the ledger has. Without the ledger the record
        in Redis is what there is: it knows a day."""
        order = self.attempt.request.order
        if order is None or order.id is None:
            return None
        await self.attempt.find()  # the settings are read with the codes
        if not self.attempt.settings.once_per_order:
            return None
        self.order_key = order_key(self.attempt.project_id, order.id, map(_spelled, self.attempt.wanted))
        try:
            return await self.worker.records.of_order(self.attempt.project_id, self.order_key)
        except UNAVAILABLE:
            if may_be_older(self.served):
                raise
            return None

    async def _answer_earlier(self, earlier: Known) -> Response:
        """The first redemption of the order; a key that was used for something else is told so all the same."""
        if earlier.event.id == self.event_id:
            return self._replay_row(earlier)
        if self.is_keyed:
            said = await self.served.submit(Item(Mode.PROBE, self.event_id, self.mark))
            if said.outcome.verdict is Verdict.KEY_REUSED:
                raise Refused("idempotency_key_reused")
            if said.outcome.verdict is Verdict.REPLAY and said.outcome.record is not None:
                return await self._replayed(said.outcome.record)
        self.worker.metrics.replayed += 1
        return _again(earlier)

    async def _known_by_order(self, redemption: str) -> Response:
        """The order's redemption is in Redis' records, perhaps not in the ledger yet."""
        known = await find_redemption(self.worker.records, self.served, self.attempt.project_id, redemption)
        record = known.record
        if record is not None:
            await self._acknowledge(answer_of(record), known.event)
        self.worker.metrics.replayed += 1
        return _again(known)

    # -- answers ---------------------------------------------------------------------------------------------------

    async def _granted(self, event: Redeemed, said: Committed) -> Response:
        assert said.entry is not None, "a grant has an entry"
        answer = Answer(said.entry, said.outcome.index, said.now_ms, self.payload)
        if event.committed:
            await self._acknowledge(answer, event)
        else:  # what _acknowledge does then, without its cost
            self.served.answer(answer)
        self.worker.metrics.granted += 1
        balances = await self._balances(event) if event.committed else None
        body = redemption_body(event, said.now_ms, (), None, balances)
        return json_response(body, ("idempotency-key", event.idempotency_key or ""))

    async def _balances(self, event: Redeemed) -> Balances | None:
        """What its cards had left when the ledger took it in: the same whenever it is asked."""
        if not any(line.object in ("gift_card", "loyalty_card") for line in event.lines):
            return None
        known = await self.worker.records.in_ledger(event.project_id, event.id)
        return None if known is None else known.balances

    async def _replayed(self, record: Record) -> Response:
        event = decode(record.payload)
        assert isinstance(event, Redeemed), "the record of a redemption is one"
        await self._acknowledge(answer_of(record), event)
        self.worker.metrics.replayed += 1
        return _replay(event, record.time_ms, await self._balances(event))

    async def _acknowledge(self, answer: Answer, event: Redeemed) -> None:
        await acknowledge(
            self.worker,
            self.served,
            answer,
            event.id,
            event.committed,
            lambda: self.worker.records.in_ledger(event.project_id, event.id),
        )

    def _replay_row(self, known: Known) -> Response:
        if known.fingerprint != self.mark:
            raise Refused("idempotency_key_reused")
        self.worker.metrics.replayed += 1
        return _replay(known.event, known.time_ms, known.balances)


def _spelled(wanted: Wanted) -> str:
    """A redeemable as it tells an order's redemptions apart: another amount of a card is another redemption."""
    said = [each for each in (wanted.object, wanted.amount_minor, wanted.points, wanted.reward) if each]
    return " ".join([wanted.name, *map(str, said)])


def may_be_older(served: ServedShard) -> bool:
    """Whether a key may have been used before this epoch, so that only the ledger would know it."""
    return (
        not (served.shard.epoch.first or served.records_restored)
        and served.now_ms() - served.shard.epoch.opened_ms < LOOKED_UP_MS
    )


def _replay(event: Redeemed, time_ms: int, balances: Balances | None) -> Response:
    return json_response(
        redemption_body(event, time_ms, balances=balances),
        ("idempotency-key", event.idempotency_key or ""),
        ("idempotency-replayed", "true"),
    )


def _again(known: Known) -> Response:
    """An order's first redemption, as it stands now."""
    return json_response(
        redemption_body(known.event, known.time_ms, known.rollbacks, known.rolled_back_ms, known.balances),
        ("idempotency-key", known.event.idempotency_key or ""),
        ("idempotency-replayed", "true"),
    )
