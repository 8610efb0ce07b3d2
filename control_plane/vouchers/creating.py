"""Making one voucher, alone or in a campaign."""

import secrets
from functools import partial

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign_of
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, perform
from control_plane.metadata import to_text
from control_plane.problems import Errors
from control_plane.rules.reading import RulesReader
from control_plane.rules.schemas import Limit, RulesInput
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from control_plane.vouchers.schemas import VoucherCreate
from control_plane.vouchers.storing import limits_of, load_voucher, show_voucher
from domain.ids import CODE_LENGTH, MAX_CODE_LENGTH, code_from_entropy, is_code, normalise_code
from domain.problems import FieldError, Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_voucher")
_MOST_DRAWS = 5


class NewVoucher(msgspec.Struct, frozen=True):
    """What a voucher is made from; `code` None is drawn."""

    code: str | None
    campaign_id: str | None
    rules: Rules
    metadata: str


async def create_voucher(call: Call) -> Response[bytes]:
    """POST /v1/vouchers"""
    body, errors = call.body(VoucherCreate), call.errors
    one_limit(body, errors)
    rules = RulesReader(call.tenant.decimals, "", errors).merge(Rules(), body)
    campaign_id = body.campaign_id if isinstance(body.campaign_id, str) else None
    if body.campaign_id in (None, UNSET) and body.discount_value in (None, UNSET):
        errors.add("/discount_value", "is required where there is no campaign")
    wanted = NewVoucher(_code(body.code, errors), campaign_id, rules, "{}")
    if isinstance(body.metadata, dict):
        text = to_text(body.metadata, "/metadata", errors)
        wanted = msgspec.structs.replace(wanted, metadata=text)
    errors.raise_if_any()
    return await perform(call, partial(_insert, call, wanted))


async def _insert(call: Call, wanted: NewVoucher, tx: Transaction) -> Outcome:
    tenant, voucher_id = call.tenant, new_id("vch")
    if wanted.campaign_id is not None:
        campaign = await load_campaign_of(tx, tenant.project_id, wanted.campaign_id, "DISCOUNT")
        if campaign.rules.discount is None and wanted.rules.discount is None:
            detail = "is required where the campaign has no discount"
            raise Refused("invalid_request", errors=(FieldError(detail, pointer="/discount_value"),))
    await require_rules(tx, tenant.project_id, wanted.rules.validation_rules, "/validation_rules", call.errors)
    since = await counts_customers_since(call, Rules(), wanted.rules, 0)
    for _ in range(_MOST_DRAWS):
        code = wanted.code or code_from_entropy(secrets.token_bytes(CODE_LENGTH))
        if await tx.fetchval(
            _INSERT, tenant.project_id, voucher_id, wanted.campaign_id, code, wanted.rules, wanted.metadata, since
        ):
            break
        if wanted.code is not None:
            raise Refused("code_taken", errors=(FieldError("is taken", pointer="/code"),))
    else:
        raise Refused("internal_error")
    voucher = await load_voucher(tx, tenant.project_id, voucher_id)
    await stage(tx, call, "voucher", voucher_id, voucher.version, limits_of(voucher, tenant.project_id))
    await record(tx, call, "voucher.create", voucher_id, after=voucher.audited())
    return Outcome(201, show_voucher(voucher, tenant), Change("voucher", voucher_id, created=True))


def one_limit(body: RulesInput, errors: Errors) -> None:
    """A voucher is one code: its limit per code is its own limit, by either name."""
    per_code: Limit | UnsetType | None = body.max_redemptions_per_code
    body.max_redemptions_per_code = UNSET
    if isinstance(per_code, UnsetType):
        return
    if body.max_redemptions not in (UNSET, per_code):
        errors.add("/max_redemptions_per_code", "differs from max_redemptions, which says the same of a voucher")
    body.max_redemptions = per_code


def _code(given: str | UnsetType | None, errors: Errors) -> str | None:
    if not isinstance(given, str):
        return None
    code = normalise_code(given)
    if not is_code(code) or not code.strip("."):
        errors.add("/code", f"takes 1 to {MAX_CODE_LENGTH} letters, digits and -_.~ , and not dots alone")
    return code
