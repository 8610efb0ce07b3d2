"""Redeem and validate: find, decide, commit; again where a definition has changed meanwhile.

The decision is domain/'s, the commitment is Lua's; this is the conversation between them. Must never grant by
itself, and never refuse a keyed request before its idempotency record has been asked for.
"""

import os
import time

from domain.decisions import Decision, Request, decide
from domain.events import Redeemed, decode, encode
from domain.ids import is_code, normalise_code, redemption_id
from domain.ledger import Item, Mode, Position, Record
from domain.money import to_major
from domain.outcomes import PROBLEMS, Verdict

from .auth import Tenant
from .catalog import Found
from .committer import Committed
from .records import Known
from .requests import Call, Order, check_key, decode_order, request_fingerprint
from .responses import Refused, Response, Validation, json_response, redemption_body
from .responses import encode as encode_json
from .shard import ServedShard
from .waiting import Settled
from .worker import Worker

ROUTE = "redeem"
ATTEMPTS = 10
DEADLINE_S = 3.0
"""How long a request may wait for the ledger (a `committed` grant, unconfirmed units) before it is answered 503."""

LOOKED_UP_MS = 24 * 3600 * 1000
_BY_VERDICT = {
    Verdict.HELD: "limit_held",
    Verdict.WITHHELD: "recovering",
    Verdict.WINDOW: "ledger_lagging",
    Verdict.BACKLOG: "ledger_lagging",
    Verdict.GUARD: "contended",
}


class Attempt:
    """One request on its way: what does not change however often it is decided."""

    def __init__(self, worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> None:
        self.worker = worker
        self.tenant = tenant
        self.project_id = tenant.project_id
        self.served = served
        self.call = call
        self.code = normalise_code(code)
        self.order: Order = decode_order(call.body, tenant.currency, tenant.decimals)
        self.deadline = time.monotonic() + DEADLINE_S

    async def find(self) -> Found:
        """What the code leads to; guessing is limited."""
        catalog = self.served.catalog
        found = catalog.known(self.project_id, self.code)
        if found is not None and found.voucher is not None:
            return found
        if not is_code(self.code):
            raise Refused("voucher_not_found")
        guesser = (self.tenant.key_id, self.call.client)
        limited = self.tenant.plan != "unlimited"
        if limited and not self.worker.guessing.may_ask(guesser):
            raise Refused("rate_limited", "too many unknown codes")
        found = found or await catalog.find(self.project_id, self.code)
        if found.voucher is None and limited:
            self.worker.guessing.missed(guesser)
        return found

    def decide(self, found: Found) -> Decision:
        """The pure decision; an unknown code is refused under the project's change number."""
        if found.voucher is None:
            assert found.absent is not None, "an unknown code has its check"
            return Decision("voucher_not_found", (found.absent,))
        request = Request(self.order.customer_id, self.order.order_value_minor)
        return decide(found.voucher, found.campaign, request, self.served.now_ms(), self.served.epoch)

    async def again(self, said: Committed) -> None:
        """Bring up to date what the script missed, so that the next decision can hold."""
        self.worker.metrics.decided_again += 1
        outcome, catalog = said.outcome, self.served.catalog
        if outcome.verdict is Verdict.UNCONFIRMED:
            await self.wait(said.last, "")
            return
        counters = [name for name in outcome.missing if name[:2] in ("r:", "b:", "u:")]
        for name in counters:
            await catalog.hydrate_counter(self.project_id, name)
        if len(counters) < len(outcome.missing):
            catalog.forget(outcome.missing)
            await catalog.load(self.project_id, self.code)

    async def wait(self, position: Position, event_id: str) -> Settled:
        """Wait for the ledger, as long as the deadline allows; Refused `ledger_lagging` where it is silent."""
        left = self.deadline - time.monotonic()
        waiters = self.worker.listener.shard(self.served.shard.epoch.shard)
        if left <= 0 or not waiters.is_heard():
            raise Refused("outcome_pending" if event_id else "ledger_lagging", "the ledger is not heard")
        return await waiters.wait(self.served.epoch, position, event_id, left)


async def redeem(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """Redeem a code: 200 with the redemption, or a refusal with one code."""
    key = check_key(call.idempotency_key)
    attempt = Attempt(worker, tenant, served, call, code)
    drawn = key or f"auto-{os.urandom(12).hex()}"
    event_id = redemption_id(attempt.project_id, ROUTE, drawn)
    mark = request_fingerprint(call)
    if key is not None and _may_be_older(served):
        known = await worker.records.in_ledger(attempt.project_id, event_id)
        if known is not None:
            return _replay_row(worker, known, mark)
    for _ in range(ATTEMPTS):
        decision = attempt.decide(await attempt.find())
        if decision.refusal is None and decision.committed:
            _expect_reconciler(worker, served)
        item = _item(attempt, decision, event_id, drawn, mark, keyed=key is not None)
        said = await served.committer.submit(item)
        served.told_time(said.now_ms)
        verdict = said.outcome.verdict
        if verdict is Verdict.GRANTED:
            return await _granted(attempt, decision, item, said, drawn)
        if verdict is Verdict.REPLAY:
            assert said.outcome.record is not None, "a replay carries its record"
            return await _replayed(attempt, said.outcome.record)
        if verdict in (Verdict.STALE, Verdict.MISSING, Verdict.UNCONFIRMED):
            await attempt.again(said)
            continue
        raise _refused(decision, said)
    raise Refused("contended")


async def validate(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """What a redemption would answer now, decided and judged by the same code, with nothing written."""
    attempt = Attempt(worker, tenant, served, call, code)
    try:
        decision = await _judge(attempt)
    except Refused as refused:
        if PROBLEMS[refused.code].status not in (404, 409) and refused.code != "customer_required":
            raise
        body = Validation(False, attempt.code, refused.code, PROBLEMS[refused.code].title)
    else:
        decimals = tenant.decimals
        total = attempt.order.order_value_minor - decision.discount_minor
        body = Validation(
            valid=True,
            voucher=attempt.code,
            currency=tenant.currency,
            order_value=to_major(attempt.order.order_value_minor, decimals),
            discount_applied=to_major(decision.discount_minor, decimals),
            total=to_major(total, decimals),
            campaign_id=decision.lines[0].campaign_id,
            voucher_id=decision.lines[0].redeemable_id,
        )
    worker.metrics.validated += 1
    return json_response(encode_json(body))


async def _judge(attempt: Attempt) -> Decision:
    for _ in range(ATTEMPTS):
        decision = attempt.decide(await attempt.find())
        mode = Mode.DRY if decision.refusal is None else Mode.PROBE
        item = Item(
            mode,
            not_before_ms=decision.not_before_ms,
            not_after_ms=decision.not_after_ms,
            checks=decision.checks,
            moves=decision.moves,
        )
        said = await attempt.served.committer.submit(item)
        attempt.served.told_time(said.now_ms)
        verdict = said.outcome.verdict
        if verdict is Verdict.STANDS and decision.refusal is None:
            return decision
        if verdict in (Verdict.STALE, Verdict.MISSING, Verdict.UNCONFIRMED):
            await attempt.again(said)
            continue
        raise _refused(decision, said)
    raise Refused("contended")


def _item(attempt: Attempt, decision: Decision, event_id: str, key: str, mark: bytes, keyed: bool) -> Item:
    if decision.refusal is not None:
        return Item(
            Mode.PROBE,
            event_id if keyed else None,
            mark,
            not_before_ms=decision.not_before_ms,
            not_after_ms=decision.not_after_ms,
            checks=decision.checks,
        )
    event = Redeemed(
        id=event_id,
        account_id=attempt.tenant.account_id,
        project_id=attempt.project_id,
        fingerprint=mark,
        idempotency_key=key,
        customer_id=attempt.order.customer_id,
        currency=attempt.tenant.currency,
        decimals=attempt.tenant.decimals,
        order_value_minor=attempt.order.order_value_minor,
        discount_minor=decision.discount_minor,
        committed=decision.committed,
        lines=decision.lines,
    )
    return Item(
        Mode.COMMIT,
        event_id,
        mark,
        encode(event),
        decision.not_before_ms,
        decision.not_after_ms,
        decision.checks,
        (),
        decision.moves,
    )


def _may_be_older(served: ServedShard) -> bool:
    """Whether a key may have been used before this epoch, so that only the ledger would know it."""
    return not served.shard.epoch.first and served.now_ms() - served.shard.epoch.opened_ms < LOOKED_UP_MS


def _expect_reconciler(worker: Worker, served: ServedShard) -> None:
    if not worker.listener.shard(served.shard.epoch.shard).is_heard():
        raise Refused("ledger_lagging", "the ledger is not heard: nothing that waits for it is granted")


async def _granted(attempt: Attempt, decision: Decision, item: Item, said: Committed, key: str) -> Response:
    assert said.entry is not None, "a grant has an entry"
    event = decode(item.payload)
    assert isinstance(event, Redeemed)
    attempt.served.acknowledged = max(attempt.served.acknowledged, said.entry)
    if decision.committed:
        await _until_settled(attempt, said.entry, event.id)
    attempt.worker.metrics.granted += 1
    return json_response(redemption_body(event, said.now_ms), ("idempotency-key", key))


async def _replayed(attempt: Attempt, record: Record) -> Response:
    event = decode(record.payload)
    assert isinstance(event, Redeemed), "the record of a redemption is one"
    if event.committed:
        await _until_settled(attempt, record.position, event.id)
    attempt.worker.metrics.replayed += 1
    return _replay(event, record.time_ms)


def _replay_row(worker: Worker, known: Known, mark: bytes) -> Response:
    if known.fingerprint != mark:
        raise Refused("idempotency_key_reused")
    worker.metrics.replayed += 1
    return _replay(known.event, known.time_ms)


def _replay(event: Redeemed, time_ms: int) -> Response:
    return json_response(
        redemption_body(event, time_ms),
        ("idempotency-key", event.idempotency_key or ""),
        ("idempotency-replayed", "true"),
    )


async def _until_settled(attempt: Attempt, position: Position, event_id: str) -> None:
    """Wait for the ledger's word; what was not heard is looked up."""
    settled = await attempt.wait(position, event_id)
    if settled is Settled.REFUSED:
        raise Refused("ledger_refused")
    if settled is Settled.UNKNOWN and await attempt.worker.records.in_ledger(attempt.project_id, event_id) is None:
        raise Refused("outcome_pending")


def _refused(decision: Decision, said: Committed) -> Refused:
    verdict = said.outcome.verdict
    if verdict is Verdict.STANDS:
        assert decision.refusal is not None, "only a refusal stands"
        return Refused(decision.refusal)
    if verdict is Verdict.LIMIT:
        return Refused(decision.refusals[said.outcome.index])
    if verdict is Verdict.KEY_REUSED:
        return Refused("idempotency_key_reused")
    return Refused(_BY_VERDICT[verdict])
