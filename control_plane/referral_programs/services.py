"""What is done with referral programs: made, read, changed. Every change takes the three steps.

What a change says of rewards is for referrals from then on.
"""

from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.campaigns.listing import campaign_listing
from control_plane.campaigns.schemas import CampaignRules
from control_plane.campaigns.storing import StoredCampaign
from control_plane.effects import Outcome, perform
from control_plane.metadata import to_text
from control_plane.programs import Kind, New, change_program, insert_program, load_program, merge_rules
from control_plane.referral_programs.schemas import (
    ProgramTerms,
    ReferralProgramCreate,
    ReferralProgramUpdate,
    ReferralProgramView,
    ReferralRulesView,
)
from control_plane.referral_programs.terms import merge, require_rewards, show_reward
from control_plane.rules.schemas import Used
from control_plane.rules.showing import shown_rules
from control_plane.rules.times import show_time
from domain.referrals import ReferralProgram, referral_program
from domain.rules import Rules
from store.database import Transaction


def show_program(stored: StoredCampaign, tenant: Tenant) -> ReferralProgramView:
    """The program of a row."""
    program, decimals = referral_program(stored.program), tenant.decimals
    shown = shown_rules(stored.rules, decimals) | {
        "max_redemptions_per_code": stored.rules.max_redemptions_per_code,
        "eligible_segments": stored.rules.eligible_segments,
    }
    return ReferralProgramView(
        id=stored.id,
        object="referral_program",
        name=stored.name,
        status=stored.shown_status,
        identity_keys=list(program.identity_keys),
        referrer_reward=show_reward(program.referrer_reward, decimals),
        referee_reward=show_reward(program.referee_reward, decimals),
        rules=ReferralRulesView(**{name: shown[name] for name in ReferralRulesView.__struct_fields__}),
        metadata=msgspec.Raw(stored.metadata.encode()),
        redemptions=Used(stored.used, stored.rules.max_redemptions),
        version=stored.version,
        created_at=show_time(stored.created_at),
        updated_at=show_time(stored.updated_at),
    )


REFERRAL = Kind("ref", "referral_program", "referral_program_not_found", show_program)

REFERRAL_PROGRAMS = campaign_listing(ReferralProgramView, show_program, ("REFERRAL",))
"""GET /v1/referral-programs"""

_ONCE = 1
"""How often a customer is referred in a program."""


async def create_program(call: Call) -> Response[bytes]:
    """POST /v1/referral-programs"""
    body = call.body(ReferralProgramCreate)
    rules = _rules(call, Rules(), body)
    program = merge(ReferralProgram(), body, call.tenant.decimals, call.errors)
    metadata = _metadata(call, body)
    call.errors.raise_if_any()

    async def effect(tx: Transaction) -> Outcome:
        await require_rewards(tx, call.tenant.project_id, program, call.errors)
        status = "active" if isinstance(body.status, UnsetType) else body.status
        new = New(body.name, "REFERRAL", status, rules, _stored(program), metadata or "{}")
        return await insert_program(call, REFERRAL, new, tx)

    return await perform(call, effect)


async def update_program(call: Call, program_id: str) -> Response[bytes]:
    """PATCH /v1/referral-programs/{id}"""
    body = call.body(ReferralProgramUpdate)
    metadata = _metadata(call, body)

    def changed(before: StoredCampaign) -> StoredCampaign:
        rules = _rules(call, before.rules, body)
        program = merge(referral_program(before.program), body, call.tenant.decimals, call.errors)
        call.errors.raise_if_any()
        return msgspec.structs.replace(
            before,
            name=before.name if isinstance(body.name, UnsetType) else body.name,
            rules=rules,
            program=_stored(program),
            metadata=before.metadata if metadata is None else metadata,
        )

    async def effect(tx: Transaction) -> Outcome:
        outcome = await change_program(call, REFERRAL, program_id, changed, "update", tx)
        after = await load_program(tx, call.tenant.project_id, REFERRAL, program_id)
        await require_rewards(tx, call.tenant.project_id, referral_program(after.program), call.errors)
        return outcome

    return await perform(call, effect)


def _rules(call: Call, before: Rules, body: ProgramTerms) -> Rules:
    """The rules; whatever they say, a customer is referred once."""
    wish = body.rules if isinstance(body.rules, CampaignRules) else CampaignRules()
    for name in ("metadata", "durability"):
        if not isinstance(getattr(wish, name), UnsetType):
            call.errors.add(f"/rules/{name}", "is of no use here")
            setattr(wish, name, msgspec.UNSET)
    if wish.max_redemptions_per_customer not in (msgspec.UNSET, _ONCE):
        call.errors.add("/rules/max_redemptions_per_customer", "is 1: a customer is referred once")
    rules = merge_rules(call, before, wish, has_discount=True)
    return msgspec.structs.replace(rules, max_redemptions_per_customer=_ONCE)


def _stored(program: ReferralProgram) -> dict[str, Any]:
    """The program as its column gives it back."""
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(program))
    return stored


def _metadata(call: Call, body: ProgramTerms) -> str | None:
    if isinstance(body.metadata, UnsetType):
        return None
    return to_text(body.metadata or {}, "/metadata", call.errors)
