"""`POST /v1/qualifications`. Writes nothing. Must never be asked for one thing and answer from another moment: what it
reads is as it was when the call came, or later."""

import asyncio

from domain.views import encode
from engine.auth import Tenant
from engine.requests import Call
from engine.responses import Response, json_response
from engine.shard import ServedShard
from engine.worker import Worker

from .answering import QualificationView, show_best, show_deals
from .asking import cursor_of, decode_question
from .best import best_stack
from .cart import Cart
from .deals import own_deals, own_names, page_of, tier_deals


async def qualify(worker: Worker, tenant: Tenant, served: ServedShard, call: Call) -> Response:
    """What applies to this cart and customer now, best deal first, and the best stack of it."""
    question = decode_question(call.body, tenant.currency, tenant.decimals)
    cart = Cart(worker, tenant, served, question.asked, call.client)
    tiers = served.qualifying.of(tenant.project_id)
    _, _, names = await asyncio.gather(tiers.bring_up_to_date(), cart.look_around(), own_names(worker.database, cart))
    deals = [*await own_deals(cart, names), *await tier_deals(cart, tiers)]
    page, has_more = await page_of(cart, deals, question.after, question.limit)
    body = QualificationView(
        show_deals(page, tiers.names, tenant.decimals), has_more, cursor_of(page[-1].place) if has_more else None
    )
    if question.best_stack is not None:
        spent = question.best_stack.include
        cards = [deal.wanted for deal in deals if deal.decision is not None and deal.wanted.object in spent]
        stackable = [deal for deal in deals if not deal.refused and not deal.found.is_card]
        best = await best_stack(cart, stackable, cards, question.best_stack)
        body.best_stack = show_best(best, cart, tiers.names)
    return json_response(encode(body))
