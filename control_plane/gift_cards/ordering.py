"""A batch of gift cards: checked and written down here, made by the worker of batches a chunk at a time."""

from functools import partial

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign_of
from control_plane.clock import new_id
from control_plane.codes import draw_many
from control_plane.effects import Outcome, perform
from control_plane.gift_cards.schemas import GiftCardBatch
from control_plane.gift_cards.terms import Terms, amount_of, read_terms
from control_plane.vouchers.ordering import require_room
from control_plane.vouchers.schemas import BatchAccepted
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "gift_card_batch"

_INSERT_ACTION = query("control_insert_action")
_INSERT_CARDS = query("control_issue_gift_card_chunk")


class CardBatchParams(msgspec.Struct, frozen=True):
    """What a batch is made from."""

    campaign_id: str
    amount_minor: int
    currency: str
    actor: str
    terms: Terms


async def order_batch(call: Call) -> Response[bytes]:
    """POST /v1/gift-cards/batch"""
    body = call.body(GiftCardBatch)
    terms = read_terms(body, call.tenant.decimals, call.errors)
    call.errors.raise_if_any()
    response = await perform(call, partial(_insert, call, body.campaign_id, body.count, terms))
    call.context.batches_due.set()
    return response


async def _insert(call: Call, campaign_id: str, count: int, terms: Terms, tx: Transaction) -> Outcome:
    tenant = call.tenant
    campaign = await load_campaign_of(tx, tenant.project_id, campaign_id, "GIFT_CARD")
    params = CardBatchParams(campaign.id, amount_of(terms, campaign), tenant.currency, call.actor, terms)
    await require_room(tx, tenant.project_id)
    action_id = new_id("act")
    await tx.execute(_INSERT_ACTION, tenant.project_id, action_id, ACTION_TYPE, count, params)
    after = {"campaign_id": campaign.id, "count": count, "amount_minor": params.amount_minor}
    await record(tx, call, "gift_card.bulk_create", action_id, after=after)
    return Outcome(202, BatchAccepted(action_id))


async def insert_cards(tx: Transaction, project_id: str, given: object, count: int) -> int:
    """Issue some of a batch's cards; how many of their codes were free."""
    params = msgspec.convert(given, CardBatchParams)
    terms, (ids, codes) = params.terms, draw_many("gft", count)
    made: int = await tx.fetchval(
        _INSERT_CARDS,
        project_id,
        params.campaign_id,
        params.currency,
        params.amount_minor,
        ids,
        codes,
        terms.status,
        terms.starts_ms,
        terms.expires_ms,
        terms.category,
        params.actor,
    )
    return made
