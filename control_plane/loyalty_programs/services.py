"""What is done with loyalty programs: made, read, changed, paused and resumed. Every change takes the three steps.

What a change says of earning is for what is earned from then on: points keep the terms that they were earned by.
"""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.calls import Call
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
from control_plane.programs import (
    Kind,
    change_program,
    get_one_program,
    insert_program,
    list_all_programs,
    merge_rules,
    set_program_status,
)
from domain.loyalty import LoyaltyProgram, loyalty_program
from domain.rules import Rules

LOYALTY = Kind("LOYALTY", "lty", "loyalty_program", "loyalty_program_not_found")


async def create_program(call: Call) -> Response[bytes]:
    """POST /v1/loyalty-programs"""
    body = call.body(LoyaltyProgramCreate)
    rules = _rules(call, Rules(), body)
    program = ProgramReader(call.tenant.decimals, call.errors).merge(LoyaltyProgram(), body)
    metadata = _metadata(call, body)
    call.errors.raise_if_any()
    row = (body.name, rules, _stored(program), metadata or "{}")
    return await perform(call, partial(insert_program, call, LOYALTY, *row, partial(_show, call)))


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

    effect = partial(change_program, call, LOYALTY, program_id, changed, "update", partial(_show, call))
    return await perform(call, effect)


async def set_status(call: Call, program_id: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/loyalty-programs/{id}/pause and /resume"""
    return await set_program_status(call, LOYALTY, program_id, status, action, partial(_show, call))


async def get_program(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/loyalty-programs/{id}"""
    return await get_one_program(call, LOYALTY, program_id, partial(_show, call))


async def list_programs(call: Call) -> Response[bytes]:
    """GET /v1/loyalty-programs"""
    return await list_all_programs(call, LOYALTY, partial(_show, call))


def _show(call: Call, stored: StoredCampaign) -> LoyaltyProgramView:
    return show_program(stored, call.tenant)


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
