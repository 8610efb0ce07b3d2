"""What is done with campaigns: made, read, changed. Every change takes the three steps."""

from functools import partial
from typing import get_args

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.calls import Call
from control_plane.campaigns.listing import campaign_listing
from control_plane.campaigns.schemas import CampaignCreate, CampaignRules, CampaignUpdate, CampaignView, OwnType
from control_plane.campaigns.storing import StoredCampaign, show_campaign
from control_plane.campaigns.wishes import fits_type, read_metadata, read_program
from control_plane.effects import perform
from control_plane.programs import Kind, New, change_program, insert_program
from control_plane.rules.reading import RulesReader
from domain.rules import Rules

OWN_TYPES: tuple[str, ...] = get_args(OwnType)
CAMPAIGN = Kind("cmp", "campaign", "campaign_not_found", show_campaign)

CAMPAIGNS = campaign_listing(CampaignView, show_campaign, OWN_TYPES)
"""GET /v1/campaigns"""


async def create_campaign(call: Call) -> Response[bytes]:
    """POST /v1/campaigns"""
    body = call.body(CampaignCreate)
    wish = body.rules if isinstance(body.rules, CampaignRules) else CampaignRules()
    rules = RulesReader(call.tenant.decimals, "/rules", call.errors).merge(Rules(), wish)
    metadata = read_metadata(body.metadata, wish.metadata, call.errors)
    type_ = "DISCOUNT" if isinstance(body.type, UnsetType) else body.type
    status = "active" if isinstance(body.status, UnsetType) else body.status
    program = read_program({}, body.card_amount, body.auto_issue, call)
    fits_type(type_, rules, program, call.errors)
    call.errors.raise_if_any()
    new = New(body.name, type_, status, rules, program, metadata or "{}")
    return await perform(call, partial(insert_program, call, CAMPAIGN, new))


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

    return await perform(call, partial(change_program, call, CAMPAIGN, campaign_id, changed, "update"))
