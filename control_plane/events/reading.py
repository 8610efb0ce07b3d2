"""An event read from a body: the order in minor units, attributes as rules compare them, every fault by its pointer.

Must never round, nor keep what it has read: an event's metadata is judged and forgotten.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.bodies import escape, fill
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.events.schemas import EventCreate, EventItemInput, EventOrderInput
from control_plane.problems import Errors
from control_plane.rules.times import parse_ms
from domain.loyalty import ORDER_PAID
from domain.money import MAX_MINOR, to_minor
from domain.orders import Item, Order
from domain.problems import FieldError, Refused

ORDER_REFUNDED = "order.refunded"
_MOST_ATTRIBUTES = 50
_MOST_TEXT = 500
_AHEAD_MS = 86_400_000
"""How far a shop's clock, or its time zone, may be ahead. At the end of all calendars, no zone shows a date."""
_OF_A_REFUND = ("id", "currency", "amount")


class Reported(msgspec.Struct, frozen=True):
    """An event as a shop reports it. `total_minor` is what was paid, of a refund what is refunded; None: the whole."""

    type: str
    id: str | None
    customer_id: str | None
    order: Order | None
    total_minor: int | None
    metadata: dict[str, Any]
    occurred_ms: int

    @property
    def order_id(self) -> str | None:
        return None if self.order is None else self.order.id


def read_event(call: Call) -> Reported:
    """The event of a body; Refused where it is none."""
    body, errors = call.body(EventCreate), call.errors
    order, total_minor = None, None
    errors.raise_if_any()
    if isinstance(body.order, EventOrderInput):
        check_currency(call, body.order.currency)
        reader = OrderReader(call.tenant.decimals, errors)
        order, total_minor = reader.refund(body.order) if body.type == ORDER_REFUNDED else reader.order(body.order)
    if body.type in (ORDER_PAID, ORDER_REFUNDED) and (order is None or order.id is None):
        errors.add("/order/id", "is required: an order is paid once")
    if body.customer_id is UNSET and body.type != ORDER_REFUNDED:
        errors.add("/customer_id", "is required")
    metadata = _attributes(body.metadata, "/metadata", errors)
    occurred_ms = now_ms()
    if not isinstance(body.occurred_at, UnsetType):
        try:
            occurred_ms = parse_ms(body.occurred_at, UTC)
        except ValueError as error:
            errors.add("/occurred_at", str(error))
        if occurred_ms > now_ms() + _AHEAD_MS:
            errors.add("/occurred_at", "is in the future")
    errors.raise_if_any()
    id_, customer_id = body.id or None, body.customer_id or None
    return Reported(body.type, id_, customer_id, order, total_minor, metadata, occurred_ms)


def occurred_at(event: Reported) -> datetime:
    """When it happened, as PostgreSQL has it."""
    return datetime.fromtimestamp(event.occurred_ms / 1000, UTC)


def check_currency(call: Call, currency: str | UnsetType, pointer: str = "/order/currency") -> None:
    """Refused where a body names another currency than the project's."""
    own = call.tenant.currency
    if currency not in (UNSET, own):
        place = FieldError(f"must be {own}", pointer=pointer)
        raise Refused("currency_mismatch", f"the project's currency is {own}", (place,))


class OrderReader:
    """Reads the order of one body, which stands at `pointer`."""

    def __init__(self, decimals: int, errors: Errors, pointer: str = "/order") -> None:
        self._decimals = decimals
        self._errors = errors
        self._at = pointer

    def refund(self, given: EventOrderInput) -> tuple[Order, int | None]:
        """The order of a refund, and the amount; None where it is the whole."""
        for name in EventOrderInput.__struct_fields__:
            if name not in _OF_A_REFUND and getattr(given, name) is not UNSET:
                self._errors.add(f"{self._at}/{name}", "is of no use in a refund")
        amount = self.minor(given.amount, f"{self._at}/amount")
        if amount == 0:
            self._errors.add(f"{self._at}/amount", "the amount must be greater than 0")
        return Order(0, id=given.id or None), amount

    def order(self, given: EventOrderInput) -> tuple[Order, int]:
        """The order, and what was paid for it."""
        listed = [] if isinstance(given.items, UnsetType) else given.items
        items = tuple(self._item(one, f"{self._at}/items/{at}") for at, one in enumerate(listed))
        stated = self.minor(given.amount, f"{self._at}/amount")
        amount = sum(item.amount_minor for item in items) if items else stated
        if amount is None:
            self._errors.add(f"{self._at}/items", "is required: an order has items or an amount")
            amount = 0
        elif stated is not None and stated != amount:
            self._errors.add(f"{self._at}/amount", "is not the sum of the items")
        shipping = self.minor(given.shipping, f"{self._at}/shipping") or 0
        if amount + shipping > MAX_MINOR:
            self._errors.add(self._at, "the order's amount is out of range")
        total = self.minor(given.total, f"{self._at}/total")
        metadata = _attributes(given.metadata, f"{self._at}/metadata", self._errors)
        order = Order(amount, items, shipping, given.id or None, metadata)
        return order, amount + shipping if total is None else total

    def _item(self, given: dict[str, Any], at: str) -> Item:
        item = fill(given, EventItemInput, at, self._errors)
        product_id, sku = item.product_id or None, item.sku or None
        if product_id is None and sku is None:
            self._errors.add(at, "has neither product_id nor sku")
        return Item(
            1 if isinstance(item.quantity, UnsetType) else item.quantity,
            self.minor(item.price, f"{at}/price") or 0,
            product_id,
            sku,
            () if isinstance(item.categories, UnsetType) else tuple(item.categories),
            () if isinstance(item.collections, UnsetType) else tuple(item.collections),
            _attributes(item.metadata, f"{at}/metadata", self._errors),
        )

    def minor(self, given: Decimal | UnsetType, pointer: str) -> int | None:
        """An amount; None where it is left out, or noted as a fault."""
        if isinstance(given, UnsetType):
            return None
        try:
            return to_minor(given, self._decimals)
        except ValueError as error:
            self._errors.add(pointer, str(error))
            return None


def _attributes(given: dict[str, Any] | UnsetType, pointer: str, errors: Errors) -> dict[str, Any]:
    """Metadata as a checkout may state it, too: plain values and lists of them."""
    metadata = {} if isinstance(given, UnsetType) else given
    if len(metadata) > _MOST_ATTRIBUTES:
        errors.add(pointer, f"has more than {_MOST_ATTRIBUTES} members")
        return {}
    for name, value in metadata.items():
        if not _is_plain(value) and not (isinstance(value, list) and len(value) <= 50 and all(map(_is_plain, value))):
            errors.add(f"{pointer}/{escape(name)}", "takes text, a number, true or false, or a list of them")
    return metadata


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MOST_TEXT
    return isinstance(value, bool | Decimal) or (isinstance(value, int) and abs(value) < 2**53)
