"""Validate: what a redemption would answer now, decided and judged by the same code, with nothing written."""

from domain.decisions import Decision
from domain.ledger import Item, Mode
from domain.money import to_major
from domain.outcomes import PROBLEMS, Verdict
from domain.problems import Refused
from domain.views import encode as encode_json

from .attempt import ATTEMPTS, Attempt, must_decide_again, refusal
from .auth import Tenant
from .requests import Call
from .responses import Response, Validation, json_response
from .shard import ServedShard
from .worker import Worker


async def validate(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> Response:
    """What a redemption would answer now, decided and judged by the same code, with nothing written."""
    attempt = Attempt(worker, tenant, served, call, code)
    try:
        decision = await _judge(attempt)
    except Refused as refused:
        if PROBLEMS[refused.code].status not in (404, 409) and refused.code != "customer_required":
            raise
        body = Validation(False, attempt.code, refused.code, PROBLEMS[refused.code].title)
    else:
        decimals = tenant.decimals
        total = attempt.order.order_value_minor - decision.discount_minor
        body = Validation(
            valid=True,
            voucher=attempt.code,
            currency=tenant.currency,
            order_value=to_major(attempt.order.order_value_minor, decimals),
            discount_applied=to_major(decision.discount_minor, decimals),
            total=to_major(total, decimals),
            campaign_id=decision.lines[0].campaign_id,
            voucher_id=decision.lines[0].redeemable_id,
        )
    worker.metrics.validated += 1
    return json_response(encode_json(body))


async def _judge(attempt: Attempt) -> Decision:
    for _ in range(ATTEMPTS):
        decision = attempt.decide(await attempt.find())
        mode = Mode.DRY if decision.refusal is None else Mode.PROBE
        item = Item(
            mode,
            not_before_ms=decision.not_before_ms,
            not_after_ms=decision.not_after_ms,
            checks=decision.checks,
            moves=decision.moves,
        )
        said = await attempt.served.submit(item)
        if said.outcome.verdict is Verdict.STANDS and decision.refusal is None:
            return decision
        if must_decide_again(said):
            await attempt.again(said)
            continue
        raise refusal(decision, said)
    raise Refused("contended")
