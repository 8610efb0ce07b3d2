"""What is done with loyalty programs: made, read, changed. Every change takes the three steps.

What a change says of earning is for what is earned from then on: points keep the terms that they were earned by.
"""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.calls import Call
from control_plane.campaigns.listing import campaign_listing
from control_plane.campaigns.schemas import CampaignRules
from control_plane.campaigns.storing import StoredCampaign
from control_plane.effects import perform
from control_plane.loyalty_programs.reading import ProgramReader
from control_plane.loyalty_programs.schemas import (
    LoyaltyProgramCreate,
    LoyaltyProgramUpdate,
    LoyaltyProgramView,
    ProgramTerms,
)
from control_plane.loyalty_programs.showing import show_program
from control_plane.metadata import to_text
from control_plane.programs import Kind, New, change_program, insert_program, merge_rules
from domain.loyalty import LoyaltyProgram, loyalty_program
from domain.rules import Rules

LOYALTY = Kind("lty", "loyalty_program", "loyalty_program_not_found", show_program)

LOYALTY_PROGRAMS = campaign_listing(LoyaltyProgramView, show_program, ("LOYALTY",))
"""GET /v1/loyalty-programs"""


async def create_program(call: Call) -> Response[bytes]:
    """POST /v1/loyalty-programs"""
    body = call.body(LoyaltyProgramCreate)
    rules = _rules(call, Rules(), body)
    program = ProgramReader(call.tenant.decimals, call.errors).merge(LoyaltyProgram(), body)
    metadata = _metadata(call, body)
    call.errors.raise_if_any()
    status = "active" if isinstance(body.status, UnsetType) else body.status
    new = New(body.name, "LOYALTY", status, rules, _stored(program), metadata or "{}")
    return await perform(call, partial(insert_program, call, LOYALTY, new))


async def update_program(call: Call, program_id: str) -> Response[bytes]:
    """PATCH /v1/loyalty-programs/{id}"""
    body = call.body(LoyaltyProgramUpdate)
    metadata = _metadata(call, body)

    def changed(before: StoredCampaign) -> StoredCampaign:
        rules = _rules(call, before.rules, body)
        program = ProgramReader(call.tenant.decimals, call.errors).merge(loyalty_program(before.program), body)
        call.errors.raise_if_any()
        return msgspec.structs.replace(
            before,
            name=before.name if isinstance(body.name, UnsetType) else body.name,
            rules=rules,
            program=_stored(program),
            metadata=before.metadata if metadata is None else metadata,
        )

    return await perform(call, partial(change_program, call, LOYALTY, program_id, changed, "update"))


def _rules(call: Call, before: Rules, body: ProgramTerms) -> Rules:
    wish = body.rules if isinstance(body.rules, CampaignRules) else CampaignRules()
    for name in ("metadata", "durability", "return_policy"):
        if not isinstance(getattr(wish, name), UnsetType):
            call.errors.add(f"/rules/{name}", "is of no use here")
            setattr(wish, name, msgspec.UNSET)
    return merge_rules(call, before, wish, has_discount=False)


def _stored(program: LoyaltyProgram) -> dict[str, Any]:
    """The program as its column gives it back."""
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(program))
    return stored


def _metadata(call: Call, body: ProgramTerms) -> str | None:
    if isinstance(body.metadata, UnsetType):
        return None
    return to_text(body.metadata or {}, "/metadata", call.errors)
