"""How far asynchronous actions are."""

from typing import Any

from litestar import Response

from control_plane.async_actions.schemas import AsyncActionView
from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.queries import query

STATUSES = ("queued", "running", "done", "failed", "cancelled")

_GET = query("control_action")
_LIST = query("control_actions")


async def get_action(call: Call, action_id: str) -> Response[bytes]:
    """GET /v1/async-actions/{id}"""
    call.query().done()
    row = None
    if is_id("act", action_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, action_id)
    if row is None:
        raise Refused("async_action_not_found")
    return answer(200, _show(row))


async def list_actions(call: Call) -> Response[bytes]:
    """GET /v1/async-actions"""
    asked = call.query()
    status, page = asked.choice("status", STATUSES), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.tenant.project_id, status, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, _show))


def _show(row: Any) -> AsyncActionView:
    return AsyncActionView(
        id=row["id"],
        object="async_action",
        type=row["type"],
        status=row["status"],
        total_count=row["total_count"],
        done_count=row["done_count"],
        failed_count=row["failed_count"],
        failures=row["failures"],
        campaign_id=row["params"].get("campaign_id"),
        created_at=show_time(row["created_at"]),
        updated_at=show_time(row["updated_at"]),
    )
