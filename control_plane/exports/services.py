"""Taking on an export: checked and written down here, written by the worker."""

from functools import partial

from litestar import Response
from msgspec import UNSET

from control_plane.audit import record
from control_plane.auth import require
from control_plane.calls import Call
from control_plane.effects import Outcome, perform
from control_plane.exports.exporting import ACTION_TYPE, ExportParams
from control_plane.exports.resources import EXPORTED, right_to
from control_plane.exports.schemas import ExportCreate
from control_plane.jobs.ordering import insert_action
from control_plane.listing import read_filters
from control_plane.vouchers.schemas import BatchAccepted
from store.database import Transaction


async def order_export(call: Call) -> Response[bytes]:
    """POST /v1/exports"""
    body, errors = call.body(ExportCreate), call.errors
    filters = body.filters if isinstance(body.filters, dict) else {}
    if isinstance(body.resource, str):
        require(call.principal, right_to(body.resource))
        read_filters(filters, EXPORTED[body.resource], errors)
    errors.raise_if_any()
    params = ExportParams(body.resource, "csv" if body.format is UNSET else body.format, filters)
    response = await perform(call, partial(_insert, call, params))
    call.context.batches_due.set()
    return response


async def _insert(call: Call, params: ExportParams, tx: Transaction) -> Outcome:
    action_id = await insert_action(tx, call, ACTION_TYPE, 0, params, is_open_ended=True, keeps_chunks=True)
    after = {"resource": params.resource, "format": params.format}
    await record(tx, call, "export.order", action_id, after=after)
    return Outcome(202, BatchAccepted(action_id))
