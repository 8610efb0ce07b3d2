"""Taking on a batch of codes: checked and written down here, made by the worker in batches.py."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign_of
from control_plane.clock import new_id
from control_plane.effects import Outcome, perform
from control_plane.vouchers.schemas import BatchAccepted, VoucherBatch
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "voucher_batch"
MOST_OPEN_BATCHES = 100
DEFAULT_LIMIT_PER_CODE = 1

_INSERT = query("control_insert_action")
_COUNT_OPEN = query("control_count_open_actions")


class BatchParams(msgspec.Struct, frozen=True):
    """What a batch is made from; `limit` None: what the campaign allows each code."""

    campaign_id: str
    limit: int | None


async def order_batch(call: Call) -> Response[bytes]:
    """POST /v1/vouchers/bulk"""
    body = call.body(VoucherBatch)
    call.errors.raise_if_any()
    response = await perform(call, partial(_insert, call, body))
    call.context.batches_due.set()
    return response


async def _insert(call: Call, body: VoucherBatch, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    campaign = await load_campaign_of(tx, project_id, body.campaign_id, "DISCOUNT")
    if campaign.rules.discount is None:
        raise Refused("invalid_request", errors=(FieldError("this campaign has no discount", pointer="/campaign_id"),))
    await require_room(tx, project_id)
    limit = body.max_redemptions_per_code
    if isinstance(limit, UnsetType) or limit is None:
        inherits = campaign.rules.max_redemptions_per_code is not None
        limit = None if inherits else DEFAULT_LIMIT_PER_CODE
    params = BatchParams(campaign.id, limit)
    action_id = new_id("act")
    await tx.execute(_INSERT, project_id, action_id, ACTION_TYPE, body.count, params)
    after: dict[str, Any] = {"campaign_id": campaign.id, "count": body.count, "limit": limit}
    await record(tx, call, "voucher.bulk_create", action_id, after=after)
    return Outcome(202, BatchAccepted(action_id))


async def require_room(tx: Transaction, project_id: str) -> None:
    """Refuse another batch where as many are under way as may be, of whatever they are."""
    if await tx.fetchval(_COUNT_OPEN, project_id) >= MOST_OPEN_BATCHES:
        raise Refused("rate_limited", f"{MOST_OPEN_BATCHES} batches of this project are under way.")
