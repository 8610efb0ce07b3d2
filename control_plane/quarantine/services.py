"""The way out of quarantine: a person applies or voids an entry.

The wish travels through the shard's stream like every event, so that the reconciler stays the ledger's only writer;
it also writes the audit log's word on the outcome. Must never write the quarantine itself.
"""

import asyncio
from functools import partial
from typing import Any, Literal

from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.effects import Outcome, answer, perform
from control_plane.idempotency import forget, keep
from control_plane.in_force import on_shard
from control_plane.quarantine.schemas import QuarantineView
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from domain.events import Settled
from domain.events import encode as encode_event
from domain.ids import fingerprint
from domain.ledger import Item, Mode
from domain.outcomes import Status, Verdict
from domain.problems import Refused
from domain.views import encode
from store.database import Transaction
from store.link import RedisUnavailable
from store.queries import query
from store.scripts import Scripts

WAIT_S = 3.0
_LOOK_S = 0.05

_GET = query("control_quarantine_entry")
_LIST = query("control_quarantine_entries")

Action = Literal["apply", "void"]


async def list_entries(call: Call) -> Response[bytes]:
    """GET /v1/quarantine"""
    asked = call.query()
    status, page = asked.choice("status", ("open", "applied", "void", "refused")), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.tenant.project_id, status, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, _show))


async def settle_entry(call: Call, entry_id: str, action: Action) -> Response[bytes]:
    """POST /v1/quarantine/{id}/apply and /void: 200 when the ledger has done it, 202 while it has not."""
    call.body(NoBody)
    call.errors.raise_if_any()
    sent: list[str] = []
    response = await perform(call, partial(_send, call, entry_id, action, sent))
    if not sent:  # a replay
        return response
    entry = await _await_outcome(call, entry_id, sent[0])
    if entry is None:
        return response
    if entry["status"] == "open":
        # The ledger could not do it and says why; a refusal is not kept, so that it can be asked for again.
        if call.idempotency_key is not None:
            async with call.open_tx() as tx:
                await forget(tx, call)
        raise Refused("ledger_refused", entry["detail"].partition("\n")[0])
    settled = _show(entry)
    if call.idempotency_key is not None:
        async with call.open_tx() as tx:
            await keep(tx, call, 200, encode(settled))
    return answer(200, settled)


async def _send(call: Call, entry_id: str, action: Action, sent: list[str], tx: Transaction) -> Outcome:
    """Put the wish into the stream, and the entry's detail into `sent`. The record is of entry, action and detail: a
    second wish adds nothing, but goes through where the ledger could not do the first one, which changes the detail.
    """
    entry = await _load(tx, call, entry_id)
    if entry["status"] != "open":
        raise Refused("quarantine_settled")
    before, after = {"status": "open", "detail": entry["detail"]}, {"wanted": action}
    await record(tx, call, f"quarantine.{action}_requested", entry_id, before, after)
    wish = fingerprint(f"quarantine/{entry_id}/{action}", entry["detail"].encode())
    item = Item(
        Mode.COMMIT,
        record_id=f"q:{entry_id}:{action}:{wish.hex()}",
        fingerprint=wish,
        payload=encode_event(Settled(entry_id, call.tenant.project_id, action, call.actor)),
    )
    try:
        done = await on_shard(call.context, call.tenant.shard, partial(_commit, item))
    except RedisUnavailable as error:
        raise Refused("outcome_pending") from error
    if not done:
        raise Refused("recovering")
    sent.append(entry["detail"])
    view = _show(entry)
    view.pending = True
    return Outcome(202, view)


async def _commit(item: Item, scripts: Scripts) -> bool:
    reply = await scripts.commit([item])
    if reply.status is not Status.OK:
        return False
    verdict = reply.outcomes[0].verdict
    if verdict is Verdict.BACKLOG:
        raise Refused("ledger_lagging")
    assert verdict in (Verdict.GRANTED, Verdict.REPLAY), verdict
    return True


async def _await_outcome(call: Call, entry_id: str, detail_before: str) -> Any:
    """The entry when it is no longer open or says something new; None if that takes longer than WAIT_S."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while asyncio.get_running_loop().time() < deadline:
        async with call.open_tx() as tx:
            entry = await _load(tx, call, entry_id)
        if entry["status"] != "open" or entry["detail"] != detail_before:
            return entry
        await asyncio.sleep(_LOOK_S)
    return None


async def _load(tx: Transaction, call: Call, entry_id: str) -> Any:
    row = await tx.fetchrow(_GET, call.tenant.project_id, entry_id) if "\x00" not in entry_id else None
    if row is None:
        raise Refused("quarantine_entry_not_found")
    return row


def _show(row: Any) -> QuarantineView:
    resolved_at = row["resolved_at"]
    return QuarantineView(
        id=row["id"],
        object="quarantine_entry",
        status=row["status"],
        reason=row["reason"],
        detail=row["detail"],
        redemption_id=row["redemption_id"],
        created_at=show_time(row["created_at"]),
        resolved_at=None if resolved_at is None else show_time(resolved_at),
        resolved_by=row["resolved_by"],
    )
