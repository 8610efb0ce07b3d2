"""Topping up a gift card: an entry of the ledger, and a new limit of the card's counter, by version."""

from functools import partial

from litestar import Response
from msgspec import UnsetType

from control_plane.amounts import read_amount
from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import Change, Outcome, perform
from control_plane.gift_cards.schemas import TopUp
from control_plane.gift_cards.storing import limits_of, load_card, show_card
from control_plane.rules.staging import stage
from domain.lifecycle import ARCHIVED
from domain.money import MAX_MINOR
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

_FUND = query("control_fund_gift_card")


async def top_up_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/gift-cards/{id or code}/top-up"""
    body = call.body(TopUp)
    amount_minor = read_amount(body.amount, "/amount", call.tenant.decimals, call.errors)
    reason = None if isinstance(body.reason, UnsetType) else body.reason
    call.errors.raise_if_any()
    assert amount_minor is not None  # else it was noted
    return await perform(call, partial(_fund, call, reference, amount_minor, reason))


async def _fund(call: Call, reference: str, amount_minor: int, reason: str | None, tx: Transaction) -> Outcome:
    """Refused where the money could not be spent: on a card that is blocked or has expired."""
    tenant = call.tenant
    before = await load_card(tx, tenant.project_id, reference, lock=True)
    status = before.status_at(now_ms())
    if status == ARCHIVED:
        raise Refused("archived")
    if status == "blocked":
        raise Refused("card_blocked")
    if status == "expired":
        raise Refused("voucher_expired")
    if before.funded_minor + amount_minor > MAX_MINOR:
        detail = "more was put on this card than a card takes in all"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/amount"),))
    await tx.fetchrow(_FUND, tenant.project_id, before.id, amount_minor, reason, call.actor)
    stored = await load_card(tx, tenant.project_id, before.id)
    await stage(tx, call, "gift_card", before.id, stored.version, limits_of(stored, tenant.project_id))
    await record(tx, call, "gift_card.top_up", before.id, before.audited(), stored.audited())
    return Outcome(200, show_card(stored, tenant), Change("gift_card", before.id))
