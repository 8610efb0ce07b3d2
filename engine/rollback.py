"""Roll a redemption back, and look one up.

A rollback is an event and nothing else: its units come back when the ledger has the row, and the answer waits for
that. Must never answer `rolled_back` before.
"""

from domain.events import RolledBack, encode
from domain.ids import is_id
from domain.ledger import Item, Mode
from domain.outcomes import Verdict
from domain.problems import Refused
from store.database import UNAVAILABLE
from store.rings import Answer

from .auth import Tenant
from .records import Known, in_redis
from .requests import Call, check_key, decode_rollback
from .responses import Response, json_response, redemption_body
from .shard import ServedShard
from .worker import Worker

DEADLINE_S = 5.0
FINGERPRINT = b"rollback".ljust(16, b"\0")
"""One redemption has one rollback, whoever asks for it and however: there is nothing to tell apart."""


async def find(worker: Worker, tenant: Tenant, served: ServedShard, redemption_id: str) -> Known:
    """The redemption, from the ledger or from this epoch's record; Refused where the project has none."""
    if not is_id("rdm", redemption_id):
        raise Refused("redemption_not_found")
    # Redis first: between the two questions a redemption can go from Redis' stream to the ledger, never back.
    recent = await in_redis(served, tenant.project_id, redemption_id)
    try:
        known = await worker.records.in_ledger(tenant.project_id, redemption_id)
    except UNAVAILABLE:
        if recent is None:
            raise
        known = None
    found = known or recent
    if found is None:
        raise Refused("redemption_not_found")
    return found


async def look_up(worker: Worker, tenant: Tenant, served: ServedShard, redemption_id: str) -> Response:
    """GET one redemption: also right after it was granted. That is an acknowledgement like the first one."""
    known = await find(worker, tenant, served, redemption_id)
    record = known.record
    if record is not None:
        if known.event.committed:
            raise Refused("outcome_pending")
        served.answer(Answer(record.position, record.index, record.time_ms, record.payload))
    return json_response(redemption_body(known.event, known.time_ms, known.rolled_back_ms))


async def roll_back(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, redemption_id: str) -> Response:
    """Roll back: 200 once the ledger has it; asked again, the same answer."""
    check_key(call.idempotency_key)
    decode_rollback(call.body)
    known = await find(worker, tenant, served, redemption_id)
    if known.rolled_back_ms is None:
        known = await _commit(worker, tenant, served, known)
    worker.metrics.rolled_back += 1
    return json_response(redemption_body(known.event, known.time_ms, known.rolled_back_ms))


async def _commit(worker: Worker, tenant: Tenant, served: ServedShard, known: Known) -> Known:
    event_id = f"x:{known.event.id}"
    event = RolledBack(known.event.id, tenant.account_id, known.event.project_id)
    said = await served.submit(Item(Mode.COMMIT, event_id, FINGERPRINT, encode(event)))
    outcome = said.outcome
    if outcome.verdict is Verdict.GRANTED:
        position = said.entry
    elif outcome.verdict is Verdict.REPLAY and outcome.record is not None:
        position = outcome.record.position
    else:
        raise Refused("ledger_lagging")
    assert position is not None, "what is granted has an entry"
    # However the wait ends, the row says what became of it.
    await worker.listener.shard(served.shard.epoch.shard).wait(served.epoch, position, event_id, DEADLINE_S)
    settled = await worker.records.in_ledger(known.event.project_id, known.event.id)
    if settled is None or settled.rolled_back_ms is None:
        raise Refused("outcome_pending", "the rollback is recorded; its units come back with the ledger")
    return settled
