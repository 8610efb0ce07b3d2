"""Giving a customer a card in a program: once, however often it is asked for."""

from functools import partial

from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.codes import read_code
from control_plane.effects import Change, Outcome, perform
from control_plane.loyalty_cards.posting import ensure_card
from control_plane.loyalty_cards.schemas import LoyaltyCardCreate
from control_plane.loyalty_cards.storing import load_card, show_card
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.metadata import to_text
from control_plane.metadata_schemas.holding import hold
from control_plane.programs import join_program
from store.database import Transaction


async def issue_card(call: Call, program_id: str) -> Response[bytes]:
    """POST /v1/loyalty-programs/{id}/cards"""
    body = call.body(LoyaltyCardCreate)
    code, metadata = read_code(body.code, call.errors), "{}"
    if isinstance(body.metadata, dict):
        metadata = to_text(body.metadata, "/metadata", call.errors) or "{}"
    call.errors.raise_if_any()
    return await perform(call, partial(_issue, call, program_id, body.customer_id, code, metadata))


async def _issue(
    call: Call, program_id: str, customer_id: str, code: str | None, metadata: str, tx: Transaction
) -> Outcome:
    tenant = call.tenant
    await join_program(tx, tenant.project_id, LOYALTY, program_id)
    card_id, made = await ensure_card(tx, tenant.shard, tenant.project_id, program_id, customer_id, code, metadata)
    card = await load_card(tx, tenant.project_id, card_id)
    if made:
        await hold(tx, call, "loyalty_card", metadata)
        await record(tx, call, "loyalty_card.create", card_id, after=card.audited())
    # Redis is told also of one that was there: 200 says that it is in force.
    change = Change("loyalty_card", card_id, created=made)
    return Outcome(201 if made else 200, show_card(card, now_ms()), change)
