"""Making one voucher, alone or in a campaign."""

from collections.abc import Awaitable
from functools import partial

import msgspec
from litestar import Response
from msgspec import UNSET

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import new_id
from control_plane.codes import insert_coded, read_code
from control_plane.effects import Change, Outcome, perform
from control_plane.metadata import to_text
from control_plane.metadata_schemas.holding import hold
from control_plane.own_rules import one_limit, require_discount
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from control_plane.vouchers.schemas import VoucherCreate
from control_plane.vouchers.storing import StoredVoucher, limits_of, load_voucher, show_voucher
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_voucher")


class NewVoucher(msgspec.Struct, frozen=True):
    """What a voucher is made from; `code` None is drawn. `is_issued`: nobody has stated it, and it has no metadata."""

    code: str | None
    campaign_id: str | None
    customer_id: str | None
    rules: Rules
    metadata: str
    is_issued: bool = False


async def create_voucher(call: Call) -> Response[bytes]:
    """POST /v1/vouchers"""
    wanted = read_voucher(call, call.body(VoucherCreate))
    call.errors.raise_if_any()
    return await perform(call, partial(_insert, call, wanted))


def read_voucher(call: Call, body: VoucherCreate) -> NewVoucher:
    """What a body wishes; of no use if errors were noted."""
    errors = call.errors
    one_limit(body, errors)
    rules = RulesReader(call.tenant.decimals, "", errors).merge(Rules(), body)
    campaign_id = body.campaign_id if isinstance(body.campaign_id, str) else None
    if body.campaign_id in (None, UNSET) and body.discount_value in (None, UNSET):
        errors.add("/discount_value", "is required where there is no campaign")
    customer_id = body.customer_id if isinstance(body.customer_id, str) else None
    metadata = to_text(body.metadata, "/metadata", errors) if isinstance(body.metadata, dict) else None
    return NewVoucher(read_code(body.code, errors), campaign_id, customer_id, rules, metadata or "{}")


async def _insert(call: Call, wanted: NewVoucher, tx: Transaction) -> Outcome:
    voucher = await make_voucher(tx, call, wanted)
    return Outcome(201, show_voucher(voucher, call.tenant), Change("voucher", voucher.id, created=True))


async def make_voucher(tx: Transaction, call: Call, wanted: NewVoucher) -> StoredVoucher:
    """Make it, inside the transaction; staged already."""
    tenant, voucher_id = call.tenant, new_id("vch")
    if not wanted.is_issued:
        await hold(tx, call, "voucher", wanted.metadata)
    await require_discount(tx, call, wanted.campaign_id, "DISCOUNT", wanted.rules)
    await require_rules(tx, tenant.project_id, wanted.rules.validation_rules, "/validation_rules", call.errors)
    since = await counts_customers_since(call, Rules(), wanted.rules, 0)

    def insert(code: str) -> Awaitable[object]:
        row = (voucher_id, wanted.campaign_id, code, wanted.rules, wanted.metadata, since, wanted.customer_id)
        return tx.fetchval(_INSERT, tenant.project_id, *row)

    await insert_coded(wanted.code, insert)
    voucher = await load_voucher(tx, tenant.project_id, voucher_id)
    await stage(tx, call, "voucher", voucher_id, voucher.version, limits_of(voucher, tenant.project_id))
    await record(tx, call, "voucher.create", voucher_id, after=voucher.audited())
    return voucher
