"""Changing a voucher: its rules, and whether it is enabled. Every change takes the three steps."""

from collections.abc import Callable
from functools import partial

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.metadata import to_text
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.own_rules import check_change, keeps_discount, one_limit, take_over_counter
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from control_plane.vouchers.schemas import VoucherUpdate
from control_plane.vouchers.storing import StoredVoucher, limits_of, load_voucher, show_voucher
from domain.lifecycle import ARCHIVED
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_UPDATE = query("control_update_voucher")

Changed = Callable[[StoredVoucher], StoredVoucher]


async def update_voucher(call: Call, reference: str) -> Response[bytes]:
    """PATCH /v1/vouchers/{id or code}"""
    changed = read_change(call, call.body(VoucherUpdate))
    return await perform(call, partial(change_voucher, call, reference, changed, "voucher.update"))


def read_change(call: Call, body: VoucherUpdate) -> Changed:
    """What a body makes of a voucher; Refused when it is made, with all that is wrong."""
    errors = call.errors
    one_limit(body, errors)
    metadata = None
    if body.metadata is None or isinstance(body.metadata, dict):
        metadata = to_text(body.metadata or {}, "/metadata", errors)

    def changed(before: StoredVoucher) -> StoredVoucher:
        rules = RulesReader(call.tenant.decimals, "", errors).merge(before.rules, body)
        given_to = before.customer_id if isinstance(body.customer_id, UnsetType) else body.customer_id
        after = msgspec.structs.replace(before, rules=rules, metadata=metadata or before.metadata, customer_id=given_to)
        check_change(before.campaign_id, before.rules, after.rules, errors)
        errors.raise_if_any()
        return after

    return changed


async def set_voucher_status(call: Call, reference: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/vouchers/{id or code}/disable and /enable; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredVoucher) -> StoredVoucher:
        return msgspec.structs.replace(before, status=status)

    return await perform(call, partial(change_voucher, call, reference, changed, action))


async def archive_voucher(call: Call, reference: str) -> Response[bytes]:
    """DELETE /v1/vouchers/{id or code}: archived, for ever. For checkouts there is no such code; it stays taken."""
    call.query().done()
    return await perform(call, partial(_archive, call, reference))


async def _archive(call: Call, reference: str, tx: Transaction) -> Outcome:
    def changed(before: StoredVoucher) -> StoredVoucher:
        return msgspec.structs.replace(before, status=ARCHIVED)

    done = await change_voucher(call, reference, changed, "voucher.archive", tx)
    return Outcome(204, None, done.change)


async def change_voucher(call: Call, reference: str, changed: Changed, action: str, tx: Transaction) -> Outcome:
    """Make the change, inside the transaction; Refused before anything is written."""
    tenant = call.tenant
    before = await load_voucher(tx, tenant.project_id, reference, lock=True)
    after = changed(before)
    await keeps_discount(tx, call, before.campaign_id, before.rules, after.rules)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("voucher", before.id)
    if after == before:
        return Outcome(200, show_voucher(before, tenant), change)
    if before.status == ARCHIVED:
        raise Refused("archived")
    await hold(tx, call, "voucher", changed_metadata(before, after), is_new=False)
    await require_rules(tx, tenant.project_id, after.rules.validation_rules, "/validation_rules", call.errors)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    row = (after.status, version, after.rules, after.metadata, since, after.customer_id)
    await tx.execute(_UPDATE, tenant.project_id, before.id, *row)
    stored = await load_voucher(tx, tenant.project_id, before.id)
    await take_over_counter(tx, call, before.id, before.campaign_id, before.rules, stored.rules)
    limits, limits_before = limits_of(stored, tenant.project_id), limits_of(before, tenant.project_id)
    await stage(tx, call, "voucher", before.id, version, limits, limits_before)
    await record(tx, call, action, before.id, before.audited(), stored.audited())
    return Outcome(200, show_voucher(stored, tenant), change)
