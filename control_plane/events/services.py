"""What is done with events: heard once, and what came of one kept beside it. Every card's change takes the three steps.

Must never believe in the order of reports: a refund may come before the news that the order was paid.
"""

from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.calls import Call
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, perform
from control_plane.events.earning import earn
from control_plane.events.orders import OrderState, lock_order, store_order, take_back
from control_plane.events.reading import ORDER_REFUNDED, Reported, occurred_at, read_event
from control_plane.events.schemas import Effect, EventView
from control_plane.orders.noting import note_order
from control_plane.rules.times import show_time
from domain.loyalty import ORDER_PAID
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_event")
_GET = query("control_event")
_KEEP = query("control_keep_effect")


async def report_event(call: Call) -> Response[bytes]:
    """POST /v1/events"""
    return await perform(call, partial(take_in, call, read_event(call)))


async def take_in(call: Call, event: Reported, tx: Transaction) -> Outcome:
    """Hear it, inside the transaction."""
    project_id, event_id = call.tenant.project_id, event.id or new_id("evt")
    row = (event.type, event_id, event.customer_id, event.order_id, occurred_at(event))
    if await tx.fetchval(_INSERT, project_id, *row) is None:
        return await _again(tx, project_id, event.type, event_id)
    if event.type == ORDER_PAID:
        effect = await _paid(tx, call, event, event_id)
    elif event.type == ORDER_REFUNDED:
        effect = await _refunded(tx, call, event)
    else:
        effect = Effect(earned=await earn(tx, call, event, f"{event.type}:{event_id}"))
    duplicate = effect is None
    if effect is None:
        effect = await _effect_of_payment(tx, project_id, event.order_id or "")
    await tx.execute(_KEEP, project_id, event.type, event_id, effect)
    stored = await tx.fetchrow(_GET, project_id, event.type, event_id)
    changed = {one.card_id for one in effect.earned} | {one.card_id for one in effect.taken_back}
    changes = [Change("loyalty_card", card_id) for card_id in sorted(changed)]
    if not changes:
        return Outcome(200, _show(stored, duplicate))
    return Outcome(200, _show(stored, duplicate), changes[-1], more=tuple(changes[:-1]))


async def _again(tx: Transaction, project_id: str, type_: str, event_id: str) -> Outcome:
    """What came of the event when it came first."""
    return Outcome(200, _show(await tx.fetchrow(_GET, project_id, type_, event_id), duplicate=True))


async def _paid(tx: Transaction, call: Call, event: Reported, event_id: str) -> Effect | None:
    """An order was paid; None where that is known already. What was refunded before is taken back at once."""
    await note_order(tx, call, event.order_id or "", event.customer_id, is_paid=True)
    order = await lock_order(tx, call, event)
    if order.customer_id not in (None, event.customer_id):
        place = FieldError("the order is another customer's", pointer="/customer_id")
        raise Refused("invalid_request", errors=(place,))
    if order.total_minor is not None:
        return None
    paid = msgspec.structs.replace(
        order, customer_id=event.customer_id, event_id=event_id, total_minor=event.total_minor
    )
    await store_order(tx, call, event, paid)
    given = await earn(tx, call, event, source_of(event))
    nothing = msgspec.structs.replace(paid, refunded_minor=0, is_refunded=False)
    return Effect(given, await take_back(tx, call, source_of(event), nothing, paid))


async def _refunded(tx: Transaction, call: Call, event: Reported) -> Effect:
    """An order, or a part of it, was refunded."""
    await note_order(tx, call, event.order_id or "", event.customer_id, is_paid=False)
    before = await lock_order(tx, call, event)
    if event.customer_id is not None and before.customer_id not in (None, event.customer_id):
        place = FieldError("the order is another customer's", pointer="/customer_id")
        raise Refused("invalid_request", errors=(place,))
    after = before.refunded(event.total_minor)
    await store_order(tx, call, event, after)
    return Effect(taken_back=await take_back(tx, call, source_of(event), before, after))


def source_of(event: Reported) -> str:
    """What the points of an order stand under."""
    return f"{ORDER_PAID}:{event.order_id}"


async def _effect_of_payment(tx: Transaction, project_id: str, order_id: str) -> Effect:
    """What came of the event that said first that the order was paid."""
    order = await OrderState.load(tx, project_id, order_id)
    row = await tx.fetchrow(_GET, project_id, ORDER_PAID, order.event_id)
    return msgspec.convert({} if row is None else row["effect"], Effect)


def _show(row: Any, duplicate: bool) -> EventView:
    effect = msgspec.convert(row["effect"], Effect)
    return EventView(
        id=row["id"],
        object="event",
        type=row["type"],
        customer_id=row["customer_id"],
        order_id=row["order_id"],
        earned=effect.earned,
        taken_back=effect.taken_back,
        duplicate=duplicate,
        created_at=show_time(row["created_at"]),
    )
