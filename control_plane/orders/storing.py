"""An order's row: read, and shown with all that belongs to it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.orders.schemas import (
    OrderedItemView,
    OrderPointsView,
    OrderRedemptionView,
    OrderRollbackView,
    ShopOrderDetails,
    ShopOrderView,
    Status,
)
from control_plane.redemptions.services import show_redemption
from control_plane.rules.times import show_time
from domain.events import Redeemed, decode
from domain.loyalty import ORDER_PAID
from domain.money import to_major
from domain.orders import Item
from store.database import Transaction
from store.queries import query

MOST_REDEMPTIONS = 100
"""Shown of one order; GET /v1/redemptions has all."""

_REDEMPTIONS = query("control_redemptions_of_order")
_ROLLBACKS = query("control_rollbacks_of_redemptions")
_POINTS = query("control_points_of_order")
_REDEEMED = query("control_redeemed_order")


class StoredOrder(msgspec.Struct, frozen=True):
    """An order's row, with what was paid and refunded of it, and the amount that was last redeemed on."""

    id: str
    customer_id: str | None
    status: Status
    amount_minor: int | None
    shipping_minor: int
    total_minor: int | None
    items: tuple[Item, ...]
    metadata: str
    created_at: datetime
    updated_at: datetime | None
    paid_minor: int | None
    refunded_minor: int
    is_refunded: bool
    redeemed_minor: int | None

    @property
    def is_paid(self) -> bool:
        return self.paid_minor is not None

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it: not who has ordered what."""
        return {"status": self.status, "amount_minor": self.amount_minor, "total_minor": self.total_minor}


def order_from_row(row: Any) -> StoredOrder:
    """The order of a row, whose items come as text."""
    items = msgspec.json.decode(row["items"], type=tuple[Item, ...])
    return msgspec.convert({**dict(row), "items": items}, StoredOrder)


def show_order(order: StoredOrder, tenant: Tenant) -> ShopOrderView:
    """The order as lists show it."""
    return ShopOrderView(**_fields(order, tenant))


async def show_details(tx: Transaction, order: StoredOrder, tenant: Tenant) -> ShopOrderDetails:
    """The order with what belongs to it."""
    project_id = tenant.project_id
    items = order.items or await _redeemed_items(tx, project_id, order.id)
    rows = await tx.fetch(_REDEMPTIONS, project_id, order.id, MOST_REDEMPTIONS)
    rollbacks = await tx.fetch(_ROLLBACKS, project_id, [row["id"] for row in rows]) if rows else []
    points = await tx.fetch(_POINTS, project_id, order.customer_id, f"{ORDER_PAID}:{order.id}")
    return ShopOrderDetails(
        **_fields(order, tenant),
        items=[_show_item(item, tenant.decimals) for item in items],
        redemptions=[_show_redemption(row, rollbacks, tenant) for row in rows],
        points=[OrderPointsView(p["code"], p["id"], p["program_id"], p["earned"], p["taken_back"]) for p in points],
    )


def _fields(order: StoredOrder, tenant: Tenant) -> dict[str, Any]:
    def major(minor: int | None) -> Decimal | None:
        return None if minor is None else to_major(minor, tenant.decimals)

    stated = order.amount_minor is not None
    refunded = order.paid_minor if order.is_refunded else order.refunded_minor
    return {
        "id": order.id,
        "object": "order",
        "customer_id": order.customer_id,
        "status": order.status,
        "currency": tenant.currency,
        "amount": major(order.amount_minor if stated else order.redeemed_minor),
        "shipping": major(order.shipping_minor) if stated else None,
        "total": major(order.total_minor),
        "paid": major(order.paid_minor),
        "refunded": major(refunded),
        "metadata": msgspec.Raw(order.metadata.encode()),
        "created_at": show_time(order.created_at),
        "updated_at": None if order.updated_at is None else show_time(order.updated_at),
    }


async def _redeemed_items(tx: Transaction, project_id: str, order_id: str) -> tuple[Item, ...]:
    """The items that the last redemption was made on, where the shop keeps none here."""
    body = await tx.fetchval(_REDEEMED, project_id, order_id)
    event = None if body is None else decode(body)
    return event.order.items if isinstance(event, Redeemed) and event.order is not None else ()


def _show_item(item: Item, decimals: int) -> OrderedItemView:
    return OrderedItemView(
        item.product_id,
        item.sku,
        item.quantity,
        to_major(item.price_minor, decimals),
        to_major(item.amount_minor, decimals),
        list(item.categories),
        list(item.collections),
        item.metadata,
    )


def _show_redemption(row: Any, rollbacks: list[Any], tenant: Tenant) -> OrderRedemptionView:
    shown = [
        OrderRollbackView(
            each["id"], each["is_whole"], to_major(each["refund_minor"], tenant.decimals), show_time(each["created_at"])
        )
        for each in rollbacks
        if each["redemption_id"] == row["id"]
    ]
    listed = show_redemption(row)
    return OrderRedemptionView(**msgspec.structs.asdict(listed), rollbacks=shown)
