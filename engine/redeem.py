"""Redeem: find, decide, commit; and the same answer again for the same Idempotency-Key.

Must never refuse a keyed request before its idempotency record has been asked for.
"""

import os

from domain.decisions import Decision
from domain.events import Redeemed, decode, encode
from domain.ids import redemption_id
from domain.ledger import Item, Mode, Position, Record
from domain.outcomes import Verdict
from domain.problems import Refused
from store.rings import Answer

from .attempt import ATTEMPTS, Attempt, must_decide_again, refusal
from .auth import Tenant
from .committer import Committed
from .records import Known
from .requests import Call, check_key, request_fingerprint
from .responses import Response, json_response, redemption_body
from .shard import ServedShard
from .waiting import Settled
from .worker import Worker

ROUTE = "redeem"
LOOKED_UP_MS = 24 * 3600 * 1000


async def redeem(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """Redeem a code: 200 with the redemption, or a refusal with one code."""
    key = check_key(call.idempotency_key)
    attempt = Attempt(worker, tenant, served, call, code)
    served.ring.expect_room()
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
        event = None if decision.refusal else _event(attempt, decision, event_id, drawn, mark)
        item = _item(decision, event, event_id if key is not None else None, mark)
        said = await attempt.served.submit(item)
        verdict = said.outcome.verdict
        if event is not None and verdict is Verdict.GRANTED:
            return await _granted(attempt, event, item.payload, said)
        if verdict is Verdict.REPLAY:
            assert said.outcome.record is not None, "a replay carries its record"
            return await _replayed(attempt, said.outcome.record)
        if must_decide_again(said):
            await attempt.again(said)
            continue
        raise refusal(decision, said)
    raise Refused("contended")


def _event(attempt: Attempt, decision: Decision, event_id: str, key: str, mark: bytes) -> Redeemed:
    tenant, order = attempt.tenant, attempt.order
    return Redeemed(
        id=event_id,
        account_id=tenant.account_id,
        project_id=attempt.project_id,
        fingerprint=mark,
        idempotency_key=key,
        customer_id=order.customer_id,
        currency=tenant.currency,
        decimals=tenant.decimals,
        order_value_minor=order.order_value_minor,
        discount_minor=decision.discount_minor,
        committed=decision.committed,
        lines=decision.lines,
    )


def _item(decision: Decision, event: Redeemed | None, asked_id: str | None, mark: bytes) -> Item:
    """The grant to be judged; or, where Python refused, the question whether that stands for this key."""
    return Item(
        Mode.PROBE if event is None else Mode.COMMIT,
        asked_id if event is None else event.id,
        mark,
        b"" if event is None else encode(event),
        decision.not_before_ms,
        decision.not_after_ms,
        decision.checks,
        (),
        decision.moves,
    )


def _may_be_older(served: ServedShard) -> bool:
    """Whether a key may have been used before this epoch, so that only the ledger would know it."""
    return (
        not (served.shard.epoch.first or served.records_restored)
        and served.now_ms() - served.shard.epoch.opened_ms < LOOKED_UP_MS
    )


def _expect_reconciler(worker: Worker, served: ServedShard) -> None:
    if not worker.listener.shard(served.shard.epoch.shard).is_heard():
        raise Refused("ledger_lagging", "the ledger is not heard: nothing that waits for it is granted")


async def _granted(attempt: Attempt, event: Redeemed, payload: bytes, said: Committed) -> Response:
    assert said.entry is not None, "a grant has an entry"
    if event.committed:
        await _until_settled(attempt, said.entry, event.id)
    else:
        attempt.served.answer(Answer(said.entry, said.outcome.index, said.now_ms, payload))
    attempt.worker.metrics.granted += 1
    return json_response(redemption_body(event, said.now_ms), ("idempotency-key", event.idempotency_key or ""))


async def _replayed(attempt: Attempt, record: Record) -> Response:
    event = decode(record.payload)
    assert isinstance(event, Redeemed), "the record of a redemption is one"
    if not event.committed:
        attempt.served.answer(Answer(record.position, record.index, record.time_ms, record.payload))
    elif record.position > Position():  # else it was restored from the ledger
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
