"""Roll a redemption back: the whole, redeemables of a stack, or a part of its order; quote a return; look one up.

A rollback is an event and nothing else: its units come back when the ledger has the row, and the answer waits for
that. It holds for the revision that it was decided from: who was faster is asked first. Must never answer
`rolled_back` before the ledger has it.
"""

import os
import time
from collections.abc import Sequence

import msgspec

from domain.conditions import compile_rule
from domain.events import Redeemed, RolledBack, encode
from domain.ids import FINGERPRINT_BYTES, fingerprint, normalise_code, split_part_id, time_ordered_id
from domain.ledger import Item, Mode, Position
from domain.orders import Order
from domain.outcomes import Verdict
from domain.problems import FieldError, Refused
from domain.redemption_views import view_redemption
from domain.return_views import view_quote, view_return
from domain.returns import Quote, ReturnError, quote_items, quote_lines, quote_rest, remaining
from domain.views import encode as encode_json

from .auth import Tenant
from .records import Known, answer_of, find_redemption
from .requests import Call, ReturnedItem, RollbackBody, check_key, decode_quote, decode_rollback, invalid
from .responses import Response, json_response, redemption_body
from .shard import ServedShard
from .worker import Worker

DEADLINE_S = 5.0
ATTEMPTS = 10
_WHOLE = b"rollback".ljust(FINGERPRINT_BYTES, b"\0")
"""A redemption is rolled back whole once, whoever asks for it and however: there is nothing to tell apart."""


async def look_up(worker: Worker, tenant: Tenant, served: ServedShard, redemption_id: str) -> Response:
    """GET one redemption: also right after it was granted. That is an acknowledgement like the first one."""
    known = await find_redemption(worker.records, served, tenant.project_id, split_part_id(redemption_id)[0])
    record = known.record
    if record is not None:
        if known.event.committed:
            raise Refused("outcome_pending")
        served.answer(answer_of(record))
    return json_response(
        redemption_body(known.event, known.time_ms, known.rollbacks, known.rolled_back_ms, known.balances)
    )


async def look_up_first(worker: Worker, tenant: Tenant, served: ServedShard, ids: Sequence[str]) -> Response:
    """GET the first of these redemptions that there is: a key leads to another id on each route."""
    for redemption_id in ids[:-1]:
        try:
            return await look_up(worker, tenant, served, redemption_id)
        except Refused as refused:
            if refused.code != "redemption_not_found":
                raise
    return await look_up(worker, tenant, served, ids[-1])


async def quote(worker: Worker, tenant: Tenant, served: ServedShard, call: Call) -> Response:
    """What a return would refund now; nothing is written."""
    asked = decode_quote(call.body)
    redemption_id = split_part_id(asked.redemption_id)[0]
    known = await find_redemption(worker.records, served, tenant.project_id, redemption_id)
    if known.rolled_back_ms is not None:
        raise Refused("rolled_back_already")
    return json_response(encode_json(view_quote(known.event, _of_items(known, asked.items))))


async def roll_back(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, redemption_id: str) -> Response:
    """Roll back: 200 once the ledger has it; asked again with the same key, or for the whole, the same answer."""
    key = check_key(call.idempotency_key)
    asked = decode_rollback(call.body)
    redemption_id, part = split_part_id(redemption_id)
    rolling = RollingBack(worker, tenant, served, asked, part, key, fingerprint(call.path, call.body))
    known, done = await rolling.run(redemption_id)
    worker.metrics.rolled_back += 1
    if done is None or rolling.is_whole:
        return json_response(
            redemption_body(known.event, known.time_ms, known.rollbacks, known.rolled_back_ms, known.balances)
        )
    before = msgspec.structs.replace(known, rollbacks=known.rollbacks[: done.revision], rolled_back_ms=None)
    whole_ms = known.rolled_back_ms if done.is_whole else None
    after = view_redemption(known.event, known.time_ms, known.rollbacks[: done.revision + 1], whole_ms)
    return json_response(encode_json(view_return(known.event, done, rolling.quote(before), after)))


class RollingBack:
    """One rollback on its way."""

    def __init__(
        self,
        worker: Worker,
        tenant: Tenant,
        served: ServedShard,
        asked: RollbackBody,
        part: int | None,
        key: str | None,
        mark: bytes,
    ) -> None:
        self.worker = worker
        self.tenant = tenant
        self.served = served
        self.asked = asked
        self.part = part
        self.key = key
        self.mark = mark
        self.is_whole = asked.redeemables is None and asked.items is None and part is None
        # Without a key, two equal requests are two returns; with one, one.
        self.fingerprint = _WHOLE if self.is_whole else fingerprint(key or os.urandom(12).hex(), mark)
        self.id = time_ordered_id("rbk", int(time.time() * 1000), os.urandom(10))

    async def run(self, redemption_id: str) -> tuple[Known, RolledBack | None]:
        """The redemption after it, and this rollback; None where it had been rolled back whole before."""
        for _ in range(ATTEMPTS):
            records, project_id = self.worker.records, self.tenant.project_id
            known = await find_redemption(records, self.served, project_id, redemption_id)
            before = self._done_before(known)
            if before is not None:
                return known, before
            if known.rolled_back_ms is not None:
                if self.is_whole:
                    return known, None
                raise Refused("rolled_back_already")
            settled = await self._commit(self._event(known))
            if settled is not None:
                return settled
        raise Refused("contended")

    def _done_before(self, known: Known) -> RolledBack | None:
        """What this very request has done already."""
        for rollback in known.rollbacks:
            if self.key is not None and rollback.idempotency_key == self.key:
                if rollback.fingerprint != self.fingerprint:
                    raise Refused("idempotency_key_reused")
                return rollback
        return None

    def _event(self, known: Known) -> RolledBack:
        quote = self.quote(known)
        return RolledBack(
            redemption_id=known.event.id,
            account_id=self.tenant.account_id,
            project_id=known.event.project_id,
            revision=quote.revision,
            id=self.id,
            idempotency_key=self.key,
            fingerprint=self.fingerprint,
            is_whole=quote.is_whole,
            moves=quote.moves,
            lines=quote.lines,
            items=tuple([(one.item, one.units) for one in quote.items]),
            discounts=quote.discounts,
            refund_minor=quote.refund_minor,
        )

    def quote(self, known: Known) -> Quote:
        """What it gives back of a redemption that stands like this."""
        if self.asked.items is not None:
            return _of_items(known, self.asked.items)
        try:
            if self.is_whole:
                return quote_rest(known.event, known.rollbacks)
            return quote_lines(known.event, known.rollbacks, self._lines(known.event))
        except ReturnError as error:
            raise Refused("rolled_back_already", str(error)) from error

    def _lines(self, event: Redeemed) -> list[int]:
        numbers = {line.code: number for number, line in enumerate(event.lines)}
        lines = [] if self.part is None else [self.part]
        if self.part is not None and self.part >= len(event.lines):
            raise Refused("redemption_not_found")
        for at, name in enumerate(self.asked.redeemables or ()):
            number = numbers.get(normalise_code(name))
            if number is None:
                raise invalid(f"/redeemables/{at}", "is not one of the redemption's")
            if number not in lines:
                lines.append(number)
        return lines

    async def _commit(self, event: RolledBack) -> tuple[Known, RolledBack | None] | None:
        """The redemption as the ledger has it with this rollback; None where another one was faster."""
        record_id = f"x:{event.redemption_id}:{event.revision}"
        said = await self.served.submit(Item(Mode.COMMIT, record_id, self.fingerprint, encode(event)))
        outcome = said.outcome
        position: Position | None = None
        if outcome.verdict is Verdict.GRANTED:
            position = said.entry
        elif outcome.verdict is Verdict.REPLAY and outcome.record is not None:
            position = outcome.record.position
        elif outcome.verdict is Verdict.KEY_REUSED:
            position = said.last  # of another rollback at this revision, which stands before that
        if position is None:
            raise Refused("ledger_lagging")
        # However the wait ends, the row says what became of it.
        waiters = self.worker.listener.shard(self.served.shard.epoch.shard)
        await waiters.wait(self.served.epoch, position, record_id, DEADLINE_S)
        settled = await self.worker.records.in_ledger(event.project_id, event.redemption_id)
        if settled is None or len(settled.rollbacks) <= event.revision:
            raise Refused("outcome_pending", "the rollback is recorded; its units come back with the ledger")
        at_revision = settled.rollbacks[event.revision]
        if at_revision.fingerprint != self.fingerprint:
            return None
        return settled, at_revision


def _of_items(known: Known, asked: list[ReturnedItem]) -> Quote:
    """The quote of units of an order's lines; where several lines are the same thing, the first go first."""
    event = known.event
    items = event.order.items if event.order is not None else ()
    left = list(remaining(event, known.rollbacks).units)
    wanted: list[tuple[int, int]] = []
    for at, each in enumerate(asked):
        if each.sku is None and each.product_id is None and each.line is None:
            raise invalid(f"/items/{at}", "needs a sku, a product_id or a line")
        units = each.quantity
        for number, item in enumerate(items):
            if each.sku not in (None, item.sku) or each.product_id not in (None, item.product_id):
                continue
            if each.line not in (None, number):
                continue
            taken = min(units, left[number])
            if taken:
                wanted.append((number, taken))
                left[number] -= taken
                units -= taken
        if units:
            detail = f"{units} more than the redemption still has"
            raise Refused("return_exceeds", detail, (FieldError(detail, pointer=f"/items/{at}/quantity"),))
    return quote_items(event, known.rollbacks, wanted, holds=_holds)


def _holds(rule: dict[str, object], order: Order, discounted_minor: int) -> bool:
    return compile_rule(rule).holds_for_order(order, discounted_minor)
