"""Issuing one gift card, alone or in a campaign."""

from collections.abc import Awaitable
from functools import partial

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign_of
from control_plane.clock import new_id
from control_plane.codes import insert_coded, read_code
from control_plane.effects import Change, Outcome, perform
from control_plane.gift_cards.schemas import GiftCardCreate
from control_plane.gift_cards.storing import StoredCard, limits_of, load_card, show_card
from control_plane.gift_cards.terms import Terms, amount_of, read_terms
from control_plane.metadata_schemas.holding import hold
from control_plane.rules.staging import stage
from control_plane.upserts import given_fields
from store.database import Transaction
from store.queries import query

_ISSUE = query("control_issue_gift_cards")


class NewCard(msgspec.Struct, frozen=True):
    """What a card is made from; `code` None is drawn. `is_issued`: nobody has stated it, and it has no metadata."""

    code: str | None
    campaign_id: str | None
    customer_id: str | None
    terms: Terms
    metadata: str
    is_issued: bool = False


async def create_card(call: Call) -> Response[bytes]:
    """POST /v1/gift-cards"""
    body, errors = call.body(GiftCardCreate), call.errors
    terms = read_terms(body, call.tenant.decimals, errors)
    code = read_code(body.code, errors)
    fields = given_fields(errors, metadata=body.metadata)
    errors.raise_if_any()
    campaign_id = body.campaign_id if isinstance(body.campaign_id, str) else None
    customer_id = body.customer_id if isinstance(body.customer_id, str) else None
    wanted = NewCard(code, campaign_id, customer_id, terms, fields.get("metadata", "{}"))
    return await perform(call, partial(_insert, call, wanted))


async def _insert(call: Call, wanted: NewCard, tx: Transaction) -> Outcome:
    card = await make_card(tx, call, wanted)
    return Outcome(201, show_card(card, call.tenant), Change("gift_card", card.id, created=True))


async def make_card(tx: Transaction, call: Call, wanted: NewCard) -> StoredCard:
    """Issue it, inside the transaction; staged already."""
    tenant, card_id, terms = call.tenant, new_id("gft"), wanted.terms
    campaign = None
    if not wanted.is_issued:
        await hold(tx, call, "gift_card", wanted.metadata)
    if wanted.campaign_id is not None:
        campaign = await load_campaign_of(tx, tenant.project_id, wanted.campaign_id, "GIFT_CARD")
    amount_minor = amount_of(terms, campaign)

    def insert(code: str) -> Awaitable[object]:
        return tx.fetchval(
            _ISSUE,
            tenant.project_id,
            wanted.campaign_id,
            tenant.currency,
            amount_minor,
            [card_id],
            [code],
            wanted.customer_id,
            terms.status,
            terms.starts_ms,
            terms.expires_ms,
            terms.category,
            wanted.metadata,
            call.actor,
        )

    await insert_coded(wanted.code, insert)
    card = await load_card(tx, tenant.project_id, card_id)
    await stage(tx, call, "gift_card", card_id, card.version, limits_of(card, tenant.project_id))
    await record(tx, call, "gift_card.create", card_id, after=card.audited())
    return card
