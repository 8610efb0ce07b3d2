"""What is done with campaigns: made, read, changed, paused and resumed. Every change takes the three steps."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.campaigns.schemas import CampaignCreate, CampaignRules, CampaignUpdate, CampaignView, OwnType
from control_plane.campaigns.storing import (
    StoredCampaign,
    campaign_from_row,
    limits_of,
    load_campaign,
    show_campaign,
)
from control_plane.campaigns.wishes import fits_type, read_metadata, read_program
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.listing import Filters, Listing, Words
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_campaign")
_UPDATE = query("control_update_campaign")
_LIST = query("control_campaigns")
OWN_TYPES: tuple[str, ...] = get_args(OwnType)

Changed = Callable[[StoredCampaign], StoredCampaign]


async def create_campaign(call: Call) -> Response[bytes]:
    """POST /v1/campaigns"""
    body = call.body(CampaignCreate)
    wish = body.rules if isinstance(body.rules, CampaignRules) else CampaignRules()
    rules = RulesReader(call.tenant.decimals, "/rules", call.errors).merge(Rules(), wish)
    metadata = read_metadata(body.metadata, wish.metadata, call.errors)
    type_ = "DISCOUNT" if isinstance(body.type, UnsetType) else body.type
    program = read_program({}, body.card_amount, body.auto_issue, call)
    fits_type(type_, rules, program, call.errors)
    call.errors.raise_if_any()
    return await perform(call, partial(_insert, call, body.name, type_, rules, program, metadata or "{}"))


async def _insert(
    call: Call, name: str, type_: OwnType, rules: Rules, program: dict[str, Any], metadata: str, tx: Transaction
) -> Outcome:
    tenant, campaign_id = call.tenant, new_id("cmp")
    await hold(tx, call, "campaign", metadata)
    await require_rules(tx, tenant.project_id, rules.validation_rules, "/rules/validation_rules", call.errors)
    since = await counts_customers_since(call, Rules(), rules, 0)
    row = (campaign_id, tenant.account_id, name, type_, rules, metadata, since, program)
    await tx.execute(_INSERT, tenant.project_id, *row)
    campaign = await load_campaign(tx, tenant.project_id, campaign_id)
    await stage(tx, call, "campaign", campaign_id, campaign.version, limits_of(campaign, tenant.project_id))
    await record(tx, call, "campaign.create", campaign_id, after=campaign.audited())
    return Outcome(201, show_campaign(campaign, tenant), Change("campaign", campaign_id, created=True))


async def update_campaign(call: Call, campaign_id: str) -> Response[bytes]:
    """PATCH /v1/campaigns/{id}"""
    body = call.body(CampaignUpdate)
    wish = body.rules if isinstance(body.rules, CampaignRules) else CampaignRules()
    metadata = read_metadata(body.metadata, wish.metadata, call.errors)

    def changed(before: StoredCampaign) -> StoredCampaign:
        rules = RulesReader(call.tenant.decimals, "/rules", call.errors).merge(before.rules, wish)
        if before.rules.discount is not None and rules.discount is None:
            call.errors.add("/rules/discount_value", "codes may inherit the discount: it can be changed, not removed")
        program = read_program(before.program, body.card_amount, body.auto_issue, call)
        fits_type(before.type, rules, program, call.errors)
        call.errors.raise_if_any()
        return msgspec.structs.replace(
            before,
            name=before.name if isinstance(body.name, UnsetType) else body.name,
            rules=rules,
            program=program,
            metadata=before.metadata if metadata is None else metadata,
        )

    return await perform(call, partial(_change, call, campaign_id, changed, "campaign.update"))


async def set_campaign_status(call: Call, campaign_id: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/campaigns/{id}/pause and /resume; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredCampaign) -> StoredCampaign:
        return msgspec.structs.replace(before, status=status)

    return await perform(call, partial(_change, call, campaign_id, changed, action))


async def _change(call: Call, campaign_id: str, changed: Changed, action: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await load_campaign(tx, tenant.project_id, campaign_id, lock=True)
    after = changed(before)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("campaign", campaign_id)
    if after == before:
        return Outcome(200, show_campaign(before, tenant), change)
    await hold(tx, call, "campaign", changed_metadata(before, after), is_new=False)
    named = after.rules.validation_rules
    await require_rules(tx, tenant.project_id, named, "/rules/validation_rules", call.errors)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    row = (after.name, after.status, version, after.rules, after.metadata, since, after.program)
    await tx.execute(_UPDATE, tenant.project_id, campaign_id, *row)
    stored = await load_campaign(tx, tenant.project_id, campaign_id)
    limits, limits_before = limits_of(stored, tenant.project_id), limits_of(before, tenant.project_id)
    await stage(tx, call, "campaign", campaign_id, version, limits, limits_before)
    await record(tx, call, action, campaign_id, before.audited(), stored.audited())
    return Outcome(200, show_campaign(stored, tenant), change)


async def get_campaign(call: Call, campaign_id: str) -> Response[bytes]:
    """GET /v1/campaigns/{id}"""
    call.query().done()
    async with call.open_tx() as tx:
        campaign = await load_campaign(tx, call.tenant.project_id, campaign_id)
    return answer(200, show_campaign(campaign, call.tenant))


def _types(filters: Filters) -> tuple[str, ...]:
    return OWN_TYPES if filters["type"] is None else (filters["type"],)


CAMPAIGNS = Listing(
    CampaignView,
    lambda row, tenant: show_campaign(campaign_from_row(row), tenant),
    lambda project_id, filters, page: (
        _LIST, project_id, filters["status"], page.after, page.after_id, page.rows, _types(filters)
    ),
    {"status": Words(("active", "paused")), "type": Words(OWN_TYPES)},
    searches=(query("control_search_campaigns"),),
    search_arguments=lambda filters: (filters["status"], _types(filters)),
)  # fmt: skip
"""GET /v1/campaigns"""
