"""Validate: what a redemption would answer now, decided and judged by the same code, with nothing written."""

from msgspec import UNSET

from domain.decisions import Decision
from domain.ledger import HoldUse, Item, Mode
from domain.money import to_major
from domain.outcomes import PROBLEMS, Verdict
from domain.problems import Refused
from domain.views import OrderView, encode, show_items, taken_off

from .attempt import Attempt
from .auth import Tenant
from .orders import decode_checkout, decode_stack
from .refusing import refusal, views_of
from .requests import Call
from .responses import Response, StackValidation, Validation, json_response
from .shard import ServedShard
from .worker import Worker


async def validate(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """What a redemption of one code would answer now."""
    asked = decode_checkout(call.body, code, tenant.currency, tenant.decimals)
    attempt = Attempt(worker, tenant, served, asked, call.client)
    try:
        body = await _one(attempt)
    except Refused as refused:
        if not is_answer(refused.code):
            raise
        body = Validation(False, attempt.wanted[0].name, refused.code, PROBLEMS[refused.code].title)
        if refused.redeemables:
            conditions = refused.redeemables[0].conditions
            body.conditions = conditions if isinstance(conditions, tuple) else ()
    worker.metrics.validated += 1
    return json_response(encode(body))


async def _one(attempt: Attempt) -> Validation:
    decision, said_refusal = await judge(attempt)
    if said_refusal is not None:
        raise said_refusal
    decimals = attempt.tenant.decimals
    off, amount = decision.discount_minor, decision.order_value_minor
    shipping = decision.order.shipping_minor if decision.order is not None else 0
    line = decision.lines[0]
    body = Validation(
        valid=True,
        voucher=attempt.wanted[0].name,
        currency=attempt.tenant.currency,
        order_value=to_major(amount, decimals),
        discount_applied=to_major(0 if line.is_payment else off, decimals),
        total=to_major(amount + shipping - off, decimals),
        campaign_id=line.campaign_id,
        voucher_id=line.redeemable_id if line.object == "voucher" else None,
        order=None if decision.order is None else _order(attempt, decision),
    )
    if line.object != "voucher":
        body.redeemable_object, body.redeemable_id = line.object, line.redeemable_id
        body.amount_applied = to_major(line.discount_minor, decimals) if line.is_payment else None
        body.points = line.points or None
    return body


async def validate_stack(worker: Worker, tenant: Tenant, served: ServedShard, call: Call) -> Response:
    """What a redemption of up to thirty redeemables would answer now, and why."""
    attempt = Attempt(worker, tenant, served, decode_stack(call.body, tenant.currency, tenant.decimals), call.client)
    decision, refused = await judge(attempt)
    if refused is not None:
        if not is_answer(refused.code):
            raise refused
        body = StackValidation(
            False,
            list(refused.redeemables),
            _order(attempt, None),
            refused.code,
            PROBLEMS[refused.code].title,
        )
    else:
        body = StackValidation(True, list(views_of(attempt, decision.parts)), _order(attempt, decision))
    worker.metrics.validated += 1
    return json_response(encode(body))


def is_answer(code: str) -> bool:
    """Whether it is the redeemables that are refused, not the request or the service."""
    return PROBLEMS[code].status in (404, 409) or code == "customer_required"


async def judge(attempt: Attempt) -> tuple[Decision, Refused | None]:
    """The decision, and why it is refused if it is; nothing is written."""

    def item_of(decision: Decision) -> Item:
        return Item(
            Mode.DRY if decision.refusal is None else Mode.PROBE,
            not_before_ms=decision.not_before_ms,
            not_after_ms=decision.not_after_ms,
            checks=decision.checks,
            guards=decision.guards,
            moves=decision.moves,
            hold=HoldUse(attempt.tag) if attempt.tag else None,
        )

    decision, said = await attempt.run(item_of)
    if said.outcome.verdict is Verdict.STANDS and decision.refusal is None:
        return decision, None
    return decision, refusal(attempt, decision, said)


def _order(attempt: Attempt, decision: Decision | None) -> OrderView:
    """The order as it would be; without a decision, as it is."""
    request, tenant = attempt.request, attempt.tenant
    stated = request.order
    items = decision.order.items if decision is not None and decision.order is not None else ()
    if decision is None and stated is not None:
        items = stated.items
    lines = decision.lines if decision is not None else ()
    paid = sum([line.discount_minor for line in lines if line.is_payment])
    amount = decision.order_value_minor if decision is not None else request.order_value_minor
    shipping = stated.shipping_minor if stated is not None else 0
    off, decimals = (decision.discount_minor if decision is not None else 0), tenant.decimals
    return OrderView(
        stated.id if stated is not None else None,
        tenant.currency,
        to_major(amount, decimals),
        to_major(shipping, decimals),
        to_major(sum(line.shipping_discount_minor for line in lines if not line.is_payment), decimals),
        to_major(off - paid, decimals),
        to_major(amount + shipping - off, decimals),
        show_items(items, taken_off(lines, len(items)), decimals),
        gift_card_amount=to_major(paid, decimals) if paid else UNSET,
    )
