"""What a body makes of an order: amounts in minor units, every fault by its pointer."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UnsetType

from control_plane.calls import Call
from control_plane.events.reading import OrderReader, check_currency
from control_plane.events.schemas import EventOrderInput
from control_plane.metadata import is_storable
from control_plane.orders.schemas import OrderUpdate
from control_plane.orders.storing import StoredOrder
from control_plane.problems import Errors
from control_plane.upserts import given_fields
from domain.money import MAX_MINOR
from domain.orders import Item
from domain.views import encode

Changed = Callable[[StoredOrder], StoredOrder]

_MOST_ITEM_BYTES = 1_048_576
"""Of an order's items, as PostgreSQL spells them."""
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_KEPT = ("customer_id", "amount_minor", "shipping_minor", "total_minor", "items")


def read_order(call: Call, body: OrderUpdate) -> tuple[Changed, str | None]:
    """What the body makes of an order, and the metadata that it sets; Refused when it is made, with all that is
    wrong."""
    errors = call.errors
    fields = given_fields(errors, customer_id=body.customer_id, status=body.status, metadata=body.metadata)
    fields |= _amounts(call, body)
    errors.raise_if_any()
    check_currency(call, body.currency, "/currency")

    def changed(before: StoredOrder) -> StoredOrder:
        after = msgspec.structs.replace(before, **fields)
        _check_amounts(before, after, fields, errors)
        if before.is_paid:
            _check_paid(before, after, errors)
        if after.status == "paid" and not before.is_paid and after.amount_minor is None:
            errors.add("/amount", "is required of an order that is paid")
        errors.raise_if_any()
        return after

    return changed, fields.get("metadata")


def _amounts(call: Call, body: OrderUpdate) -> dict[str, Any]:
    reader = OrderReader(call.tenant.decimals, call.errors, "")
    fields: dict[str, Any] = {}
    if isinstance(body.items, list) and body.items:
        order, _ = reader.order(EventOrderInput(items=body.items, amount=body.amount))
        if _are_storable(order.items, call.errors):
            # As they come back from their column: what is sent again is no change.
            items = msgspec.json.decode(encode(order.items), type=tuple[Item, ...])
            fields |= {"items": items, "amount_minor": order.amount_minor}
    else:
        if isinstance(body.items, list):
            fields["items"] = ()
        if not isinstance(body.amount, UnsetType):
            fields["amount_minor"] = reader.minor(body.amount, "/amount")
    if not isinstance(body.shipping, UnsetType):
        fields["shipping_minor"] = reader.minor(body.shipping, "/shipping") or 0
    if not isinstance(body.total, UnsetType):
        fields["total_minor"] = reader.minor(body.total, "/total")
    return fields


def _are_storable(items: tuple[Item, ...], errors: Errors) -> bool:
    each = [
        is_storable(item.metadata, f"/items/{place}/metadata", _MOST_ITEM_BYTES, errors)
        for place, item in enumerate(items)
    ]
    return all(each) and is_storable(_decoder.decode(encode(items)), "/items", _MOST_ITEM_BYTES, errors)


def _check_amounts(before: StoredOrder, after: StoredOrder, fields: dict[str, Any], errors: Errors) -> None:
    if after.items and after.amount_minor != sum(item.amount_minor for item in after.items):
        errors.add("/amount", "is not the sum of the items")
    if fields.get("items") == () and before.items and "amount_minor" not in fields:
        errors.add("/amount", "is required: an order has items or an amount")
    if (after.amount_minor or 0) + after.shipping_minor > MAX_MINOR:
        errors.add("", "the order's amount is out of range")


def _check_paid(before: StoredOrder, after: StoredOrder, errors: Errors) -> None:
    """What was paid is paid: points were earned by it."""
    if after.status == "created":
        errors.add("/status", "the order is paid")
    for name in _KEPT:
        was = getattr(before, name)
        if was and was != getattr(after, name):
            errors.add(f"/{name.removesuffix('_minor')}", "the order is paid, and keeps what it was")
