"""Changing a voucher: its rules, and whether it is enabled. Every change takes the three steps."""

from collections.abc import Callable
from functools import partial

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign
from control_plane.effects import Change, Outcome, perform
from control_plane.metadata import to_text
from control_plane.problems import Errors
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from control_plane.vouchers.creating import one_limit
from control_plane.vouchers.schemas import VoucherUpdate
from control_plane.vouchers.storing import StoredVoucher, limits_of, load_voucher, show_voucher
from domain.definitions import code_family, redemptions_counter
from store.database import Transaction
from store.queries import query

_UPDATE = query("control_update_voucher")
_ENSURE_CHILDREN = query("ensure_child_counters")

Changed = Callable[[StoredVoucher], StoredVoucher]


async def update_voucher(call: Call, reference: str) -> Response[bytes]:
    """PATCH /v1/vouchers/{id or code}"""
    body, errors = call.body(VoucherUpdate), call.errors
    one_limit(body, errors)
    metadata = None
    if body.metadata is None or isinstance(body.metadata, dict):
        metadata = to_text(body.metadata or {}, "/metadata", errors)

    def changed(before: StoredVoucher) -> StoredVoucher:
        rules = RulesReader(call.tenant.decimals, "", errors).merge(before.rules, body)
        after = msgspec.structs.replace(before, rules=rules, metadata=metadata or before.metadata)
        _check(before, after, errors)
        errors.raise_if_any()
        return after

    return await perform(call, partial(_change, call, reference, changed, "voucher.update"))


async def set_voucher_status(call: Call, reference: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/vouchers/{id or code}/disable and /enable; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredVoucher) -> StoredVoucher:
        return msgspec.structs.replace(before, status=status)

    return await perform(call, partial(_change, call, reference, changed, action))


def _check(before: StoredVoucher, after: StoredVoucher, errors: Errors) -> None:
    """What a voucher may not become, because of what has been counted or not counted for it so far."""
    if before.campaign_id is None:
        if after.rules.discount is None:
            errors.add("/discount_value", "a voucher without a campaign keeps a discount")
        return
    if before.rules.budget_minor is None and after.rules.budget_minor is not None:
        errors.add("/budget", "in a campaign, a budget can be set only with the voucher's creation")


async def _change(call: Call, reference: str, changed: Changed, action: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await load_voucher(tx, tenant.project_id, reference, lock=True)
    after = changed(before)
    await _needs_discount(call, tx, before, after)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("voucher", before.id)
    if after == before:
        return Outcome(200, show_voucher(before, tenant), change)
    await require_rules(tx, tenant.project_id, after.rules.validation_rules, "/validation_rules", call.errors)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    await tx.execute(_UPDATE, tenant.project_id, before.id, after.status, version, after.rules, after.metadata, since)
    stored = await load_voucher(tx, tenant.project_id, before.id)
    await _take_over_counter(call, tx, before, stored)
    limits, limits_before = limits_of(stored, tenant.project_id), limits_of(before, tenant.project_id)
    await stage(tx, call, "voucher", before.id, version, limits, limits_before)
    await record(tx, call, action, before.id, before.audited(), stored.audited())
    return Outcome(200, show_voucher(stored, tenant), change)


async def _needs_discount(call: Call, tx: Transaction, before: StoredVoucher, after: StoredVoucher) -> None:
    if before.campaign_id is None or before.rules.discount is None or after.rules.discount is not None:
        return
    campaign = await load_campaign(tx, call.tenant.project_id, before.campaign_id)
    if campaign.rules.discount is None:
        call.errors.add("/discount_value", "the campaign has no discount that could take its place")
    call.errors.raise_if_any()


async def _take_over_counter(call: Call, tx: Transaction, before: StoredVoucher, after: StoredVoucher) -> None:
    """A first limit of its own for a campaign's code: its counter, so far a child of the campaign's template, may not
    be there yet while redemptions are on their way to it. It is made with the template's ceiling, so that raising
    it to the new limit cannot shut them out."""
    if before.campaign_id is None or before.rules.max_redemptions is not None:
        return
    if after.rules.max_redemptions is not None:
        counter, template = redemptions_counter(before.id), code_family(before.campaign_id)
        await tx.execute(_ENSURE_CHILDREN, [call.tenant.project_id], [counter], [template])
