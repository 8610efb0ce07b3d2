"""Taking on a batch of codes: checked and written down here, made by the worker."""

from functools import partial
from typing import Any

from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign_of
from control_plane.effects import Outcome, perform
from control_plane.jobs.ordering import insert_action
from control_plane.vouchers.generating import ACTION_TYPE, BatchParams
from control_plane.vouchers.patterns import Pattern, read_pattern
from control_plane.vouchers.schemas import BatchAccepted, VoucherBatch
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

DEFAULT_LIMIT_PER_CODE = 1
MOST_CODES_OF_CAMPAIGN = 1_000_000

_LOCK_CODES = query("control_lock_codes_of_campaign")
_COUNT_CODES = query("control_count_codes_of_campaign")


async def order_batch(call: Call) -> Response[bytes]:
    """POST /v1/vouchers/bulk"""
    body = call.body(VoucherBatch)
    pattern = read_pattern(body, call.errors)
    call.errors.raise_if_any()
    response = await perform(call, partial(_insert, call, body, pattern))
    call.context.batches_due.set()
    return response


async def _insert(call: Call, body: VoucherBatch, pattern: Pattern | None, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    campaign = await load_campaign_of(tx, project_id, body.campaign_id, "DISCOUNT")
    if campaign.rules.discount is None:
        raise Refused("invalid_request", errors=(FieldError("this campaign has no discount", pointer="/campaign_id"),))
    # One order after another: two that come at once would each not count the other.
    await tx.execute(_LOCK_CODES, project_id, campaign.id)
    await _require_room_for_codes(tx, project_id, campaign.id, body.count)
    limit = body.max_redemptions_per_code
    if isinstance(limit, UnsetType) or limit is None:
        inherits = campaign.rules.max_redemptions_per_code is not None
        limit = None if inherits else DEFAULT_LIMIT_PER_CODE
    action_id = await insert_action(tx, call, ACTION_TYPE, body.count, BatchParams(campaign.id, limit, pattern))
    after: dict[str, Any] = {"campaign_id": campaign.id, "count": body.count, "limit": limit}
    await record(tx, call, "voucher.bulk_create", action_id, after=after)
    return Outcome(202, BatchAccepted(action_id))


async def _require_room_for_codes(tx: Transaction, project_id: str, campaign_id: str, count: int) -> None:
    """Refuse more codes than a campaign takes, those counted that are still to be made."""
    there = await tx.fetchval(_COUNT_CODES, project_id, campaign_id, ACTION_TYPE, MOST_CODES_OF_CAMPAIGN)
    if there + count > MOST_CODES_OF_CAMPAIGN:
        detail = f"a campaign takes {MOST_CODES_OF_CAMPAIGN} codes, and this one has or awaits {there}"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/count"),))
