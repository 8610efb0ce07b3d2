"""How far asynchronous actions are, and ending one."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UNSET

from control_plane.async_actions.results import result_url
from control_plane.async_actions.schemas import AsyncActionView
from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.effects import Outcome, answer, perform
from control_plane.exports.resources import right_to
from control_plane.jobs.kinds import Failure
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

STATUSES = ("queued", "running", "done", "failed", "cancelled")

_GET = query("control_action")
_LIST = query("control_actions")
_LOCK_STATUS = query("control_lock_action_status")
_CANCEL = query("control_cancel_action")


async def get_action(call: Call, action_id: str) -> Response[bytes]:
    """GET /v1/async-actions/{id}"""
    call.query().done()
    row = None
    if is_id("act", action_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, action_id)
    if row is None:
        raise Refused("async_action_not_found")
    return answer(200, _show(row, call))


async def list_actions(call: Call) -> Response[bytes]:
    """GET /v1/async-actions"""
    asked = call.query()
    status, page = asked.choice("status", STATUSES), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.tenant.project_id, status, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, lambda row: _show(row, call)))


async def cancel_action(call: Call, action_id: str) -> Response[bytes]:
    """POST /v1/async-actions/{id}/cancel: what is done stays done; 200 also where it is cancelled already."""
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_cancel, call, action_id))


async def _cancel(call: Call, action_id: str, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    status = await tx.fetchval(_LOCK_STATUS, project_id, action_id) if is_id("act", action_id) else None
    if status is None:
        raise Refused("async_action_not_found")
    if status in ("done", "failed"):
        raise Refused("async_action_over")
    if status != "cancelled":
        await tx.execute(_CANCEL, project_id, action_id)
        await record(tx, call, "async_action.cancel", action_id, {"status": status}, {"status": "cancelled"})
    return Outcome(200, _show(await tx.fetchrow(_GET, project_id, action_id), call))


def _show(row: Any, call: Call) -> AsyncActionView:
    gone, total = row["done_count"] + row["failed_count"], row["total_count"]
    progress = None if row["is_open_ended"] else round(gone / total, 4) if total else 1.0
    has_result = row["status"] == "done" and row["result_chunks"] > 0 and _may_have(call, row["params"])
    return AsyncActionView(
        id=row["id"],
        object="async_action",
        type=row["type"],
        status=row["status"],
        total_count=total,
        done_count=row["done_count"],
        failed_count=row["failed_count"],
        progress=progress,
        reason=row["reason"],
        campaign_id=row["params"].get("campaign_id"),
        dry_run=bool(row["params"].get("is_dry")),
        result_url=result_url(call.context.secret, call.tenant.project_id, row["id"]) if has_result else None,
        created_at=show_time(row["created_at"]),
        updated_at=show_time(row["updated_at"]),
        failures=msgspec.convert(row["failures"], list[Failure]) if "failures" in row else UNSET,
    )


def _may_have(call: Call, params: dict[str, Any]) -> bool:
    """Whether who asks may read what an export is of: with the link goes the file."""
    resource = params.get("resource")
    return resource is None or right_to(resource) in call.principal.rights
