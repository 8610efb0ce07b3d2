"""Taking on work: checked and written down in the request, done by the worker."""

from typing import Any

from control_plane.calls import Call
from control_plane.clock import new_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

MOST_OPEN_ACTIONS = 100

_INSERT = query("control_insert_action")
_COUNT_OPEN = query("control_count_open_actions")


async def require_room(tx: Transaction, project_id: str) -> None:
    """Refuse another action where as many are under way as may be, of whatever they are."""
    if await tx.fetchval(_COUNT_OPEN, project_id) >= MOST_OPEN_ACTIONS:
        raise Refused("rate_limited", f"{MOST_OPEN_ACTIONS} asynchronous actions of this project are under way.")


async def insert_action(
    tx: Transaction,
    call: Call,
    type_: str,
    total_count: int,
    params: Any,
    *,
    status: str = "queued",
    is_open_ended: bool = False,
    keeps_chunks: bool = False,
) -> str:
    """Write an action down; its id."""
    project_id, action_id = call.tenant.project_id, new_id("act")
    await require_room(tx, project_id)
    row = (action_id, type_, total_count, params, call.actor, status, is_open_ended, keeps_chunks)
    await tx.execute(_INSERT, project_id, *row)
    return action_id
