"""What is done with orders: upserted, changed, read, listed. One that is paid is reported once, as by an event."""

from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import Outcome, answer, perform
from control_plane.events.reading import Reported
from control_plane.events.services import take_in
from control_plane.listing import Filters, Listing, Text, Time, Words
from control_plane.metadata_schemas.holding import hold
from control_plane.orders.reading import Changed, read_order
from control_plane.orders.schemas import OrderUpdate, OrderUpsert, ShopOrderView
from control_plane.orders.storing import StoredOrder, order_from_row, show_details, show_order
from control_plane.queries import Page
from control_plane.shop_ids import is_shop_id
from control_plane.shop_reading import by_id_or
from control_plane.upserts import ensure_locked
from domain.loyalty import ORDER_PAID
from domain.orders import Order
from domain.problems import Refused
from domain.views import encode
from store.database import Transaction
from store.queries import query

STATUSES = ("created", "paid", "fulfilled", "canceled")

_ENSURE = query("control_ensure_shop_order")
_LOCK = query("control_lock_shop_order")
_UPDATE = query("control_update_shop_order")
_GET = query("control_shop_order")
_LIST = query("control_shop_orders")
_OF_STATUS = query("control_shop_orders_of_status")
_OF_CUSTOMER = query("control_shop_orders_of_customer")


async def upsert_order(call: Call) -> Response[bytes]:
    """POST /v1/orders"""
    body = call.body(OrderUpsert)
    changed, metadata = read_order(call, body)

    async def effect(tx: Transaction) -> Outcome:
        before, _ = await ensure_locked(tx, _ENSURE, _LOCK, order_from_row, call.tenant.project_id, body.id)
        return await _change(tx, call, before, changed, metadata, "order.upsert")

    return await perform(call, effect)


async def update_order(call: Call, order_id: str) -> Response[bytes]:
    """PATCH /v1/orders/{id}"""
    changed, metadata = read_order(call, call.body(OrderUpdate))

    async def effect(tx: Transaction) -> Outcome:
        row = await tx.fetchrow(_LOCK, call.tenant.project_id, order_id) if is_shop_id(order_id) else None
        if row is None:
            raise Refused("order_not_found")
        return await _change(tx, call, order_from_row(row), changed, metadata, "order.update")

    return await perform(call, effect)


async def _change(
    tx: Transaction, call: Call, before: StoredOrder, changed: Changed, metadata: str | None, action: str
) -> Outcome:
    tenant = call.tenant
    after = changed(before)
    await hold(tx, call, "order", metadata, is_new=before.updated_at is None)
    if after == before and before.updated_at is not None:
        return Outcome(200, show_order(before, tenant))
    row = (after.customer_id, after.status, after.amount_minor, after.shipping_minor, after.total_minor)
    items = encode(after.items).decode()
    await tx.execute(_UPDATE, tenant.project_id, before.id, *row, items, after.metadata)
    reported = None
    if after.status == "paid" and not before.is_paid:
        reported = await take_in(call, _paid(after), tx)
    stored = order_from_row(await tx.fetchrow(_GET, tenant.project_id, before.id))
    await record(tx, call, action, before.id, before.audited(), stored.audited())
    if reported is None:
        return Outcome(200, show_order(stored, tenant))
    return Outcome(200, show_order(stored, tenant), reported.change, more=reported.more)


def _paid(order: StoredOrder) -> Reported:
    """The event that says so."""
    amount, shipping = order.amount_minor or 0, order.shipping_minor
    total = amount + shipping if order.total_minor is None else order.total_minor
    metadata: dict[str, Any] = msgspec.json.decode(order.metadata)
    what = Order(amount, order.items, shipping, order.id, metadata)
    return Reported(ORDER_PAID, None, order.customer_id, what, total, {}, now_ms())


async def get_order(call: Call, order_id: str) -> Response[bytes]:
    """GET /v1/orders/{id}"""
    call.query().done()
    if is_shop_id(order_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, order_id)
            if row is not None:
                return answer(200, await show_details(tx, order_from_row(row), call.tenant))
    raise Refused("order_not_found")


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, page.after, page.after_id, page.rows, filters["created_from"], filters["created_before"])
    if filters["customer_id"] is not None:
        return (_OF_CUSTOMER, *shared, filters["status"], filters["customer_id"])
    if filters["status"] is not None:
        return (_OF_STATUS, *shared, filters["status"])
    return (_LIST, *shared)


ORDERS = Listing(
    ShopOrderView,
    lambda row, tenant: show_order(order_from_row(row), tenant),
    by_id_or(query("control_shop_order_narrowed"), _statement),
    {
        "id": Text(),
        "customer_id": Text(),
        "status": Words(STATUSES),
        "created_from": Time(),
        "created_before": Time(),
    },
    searches=(query("control_search_shop_orders"),),
)
"""GET /v1/orders"""
