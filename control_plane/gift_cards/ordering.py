"""A batch of gift cards: checked and written down here, made by the worker a chunk at a time."""

from functools import partial

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import is_archived, load_campaign_of
from control_plane.codes import draw_many
from control_plane.effects import Outcome, perform
from control_plane.gift_cards.schemas import GiftCardBatch
from control_plane.gift_cards.terms import Terms, amount_of, read_terms
from control_plane.jobs.kinds import Run, Step
from control_plane.jobs.ordering import insert_action
from control_plane.metrics import CODES_ISSUED
from control_plane.vouchers.generating import CHUNK_CODES, nothing_more
from control_plane.vouchers.schemas import BatchAccepted
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "gift_card_batch"

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
    action_id = await insert_action(tx, call, ACTION_TYPE, count, params)
    after = {"campaign_id": campaign.id, "count": count, "amount_minor": params.amount_minor}
    await record(tx, call, "gift_card.bulk_create", action_id, after=after)
    return Outcome(202, BatchAccepted(action_id))


async def make_chunk(tx: Transaction, run: Run) -> Step:
    """Issue some of a batch's cards; those whose codes were free."""
    params = msgspec.convert(run.params, CardBatchParams)
    if await is_archived(tx, run.action.project_id, params.campaign_id):
        return nothing_more(run)
    terms, (ids, codes) = params.terms, draw_many("gft", min(run.left_count, CHUNK_CODES))
    made: int = await tx.fetchval(
        _INSERT_CARDS,
        run.action.project_id,
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
    CODES_ISSUED.inc(made)
    return Step(done=made)
