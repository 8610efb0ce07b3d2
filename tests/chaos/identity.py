"""Whose effect it is: S4 one key has one effect, S6 tenants stay apart, S7 rows are what clients asked for."""

from collections import Counter
from decimal import Decimal

import msgspec

from domain.ids import redemption_id
from tests.chaos.history import Call, Row
from tests.chaos.judging import Case
from tests.chaos.orders import Order


class _Answer(msgspec.Struct):
    """What an acknowledgement says."""

    id: str
    code: str
    campaign_id: str | None
    customer_id: str | None
    idempotency_key: str | None
    order_value: Decimal
    discount_applied: Decimal


_decode = msgspec.json.Decoder(_Answer).decode


def check_identity(case: Case) -> None:
    """S4, S6, S7."""
    for order in case.orders:
        _one_effect(case, order)
    _one_row(case)
    for call in case.evidence.calls:
        if call.status != 200:
            continue
        if call.verb == "foreign":
            case.report("S6", f"tenant {call.tenant} was shown {call.target}, which is another's")
        elif call.verb == "redeem":
            _is_of_its_call(case, call)
    _rows_are_calls(case)


def _one_effect(case: Case, order: Order) -> None:
    answers = order.acknowledgements
    ids = {_id(call) for call in answers}
    if len(ids) > 1:
        case.report("S4", f"{order.key} has {len(ids)} ids: {sorted(ids)}")
    elif order.was_granted_anew and not order.lost:
        case.report("S4", f"{order.key} was answered with {len({call.body for call in answers})} different bodies")
    if order.row is not None and ids and order.row.id not in ids:
        case.report("S4", f"{order.key} was acknowledged as {sorted(ids)}, its row is {order.row.id}")


def _one_row(case: Case) -> None:
    for name, key in (("id", "id"), ("key", "key")):
        rows = Counter((row.project_id, getattr(row, key)) for row in case.evidence.facts.rows)
        for (project, value), count in rows.items():
            if count > 1 and value is not None:
                case.report("S4", f"{count} rows have the {name} {value} of {project}")


def _id(call: Call) -> str:
    try:
        return _decode(call.body).id
    except msgspec.DecodeError:
        return ""


def _is_of_its_call(case: Case, call: Call) -> None:
    project = case.evidence.tenants[call.tenant].project_id
    try:
        answer = _decode(call.body)
    except msgspec.DecodeError:
        case.report("S7", f"call {call.number} was answered 200 with what is no redemption")
        return
    if answer.id != redemption_id(project, "redeem", call.key) or answer.campaign_id != call.campaign_id:
        case.report("S6", f"call {call.number} of {call.key} was answered with {answer.id} of {answer.campaign_id}")
    said = (answer.code, answer.customer_id, answer.idempotency_key, int(answer.order_value * 100))
    if said != (call.target, call.customer_id, call.key, call.order_value_minor):
        case.report("S7", f"call {call.number} was answered with another order: {said}")


def _rows_are_calls(case: Case) -> None:
    orders = {order.key: order for order in case.orders}
    number_of = {tenant.project_id: number for number, tenant in enumerate(case.evidence.tenants)}
    injected = set(case.evidence.setting.injected)
    for row in case.evidence.facts.rows:
        if row.id in injected:
            continue
        if row.campaign_id is not None and case.project_of.get(row.campaign_id, row.project_id) != row.project_id:
            case.report("S6", f"row {row.id} of {row.project_id} counts in {row.campaign_id}, which is another's")
            continue
        order = orders.get((number_of.get(row.project_id, -1), row.key or ""))
        if order is None:
            case.report("S7", f"row {row.id} was asked for by nobody")
        elif difference := _difference(case, row, order):
            case.report("S7", f"row {row.id} is not what was asked for: {difference}")


def _difference(case: Case, row: Row, order: Order) -> str:
    call = order.call
    discount = min(case.definitions[call.campaign_id].offer.discount_minor, call.order_value_minor)
    asked = (call.target, call.campaign_id, call.customer_id, call.order_value_minor, discount)
    kept = (row.code, row.campaign_id, row.customer_id, row.order_value_minor, row.discount_minor)
    if asked != kept:
        return f"{kept}, asked was {asked}"
    return "it is rolled back, nobody asked for that" if row.rolled_back and not order.rollbacks else ""
