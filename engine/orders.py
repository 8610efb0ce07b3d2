"""Orders as bodies state them: decoded with a limit on everything, money to minor units, one request for decisions.

Must never round: an amount with too many decimals is refused. What a request says of its customer counts only where
the project allows it, which the caller knows.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from domain.decisions import Request, Wanted
from domain.definitions import RedeemableObject
from domain.ids import is_code, is_id, normalise_code
from domain.money import MAX_MINOR, MoneyError, to_minor
from domain.orders import Customer, Item, Order
from domain.problems import FieldError, Refused

from .requests import decode_body, escape, invalid

MOST_ITEMS = 100
MOST_METADATA = 50
_MOST_TEXT = 500

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
CustomerId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Names = Annotated[list[Name], msgspec.Meta(max_length=50)]
Metadata = Annotated[dict[Annotated[str, msgspec.Meta(max_length=64)], Any], msgspec.Meta(max_length=MOST_METADATA)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Session = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Points = Annotated[int, msgspec.Meta(ge=1, le=MAX_MINOR)]
Reward = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Identity = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=64)], Annotated[str, msgspec.Meta(min_length=1, max_length=256)]],
    msgspec.Meta(max_length=8),
]


class ItemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of an order."""

    price: Decimal
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    product_id: Name | None = None
    sku: Name | None = None
    categories: Names = []
    collections: Names = []
    metadata: Metadata = {}


class OrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order: its items, or only its amount."""

    id: Name | None = None
    currency: Currency | None = None
    items: Annotated[list[ItemBody], msgspec.Meta(max_length=MOST_ITEMS)] = []
    amount: Decimal | None = None
    shipping: Decimal | None = None
    metadata: Metadata = {}


class CustomerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who buys; segments and metadata where the project lets a request say them. `email` and `identity` (a device, a
    card) are what referrals tell customers apart by, and are kept as commitments alone."""

    id: CustomerId
    segments: Names | None = None
    metadata: Metadata | None = None
    email: Annotated[str, msgspec.Meta(min_length=3, max_length=320)] | None = None
    identity: Identity | None = None


class CheckoutBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Body of validate and redeem of one code; all that a checkout says of itself."""

    customer_id: CustomerId | None = None
    order_value: Decimal | None = None
    currency: Currency | None = None
    customer: CustomerBody | None = None
    order: OrderBody | None = None
    metadata: Metadata | None = None
    session: Session | None = None
    amount: Decimal | None = None
    points: Points | None = None
    reward: Reward | None = None


class RedeemableBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One redeemable of a stack: a code, whatever it leads to, or a promotion tier by its id. Of a gift card `amount`
    is to be spent, of a loyalty card `points`, or its `reward` bought; left out, as much as the order needs."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    object: RedeemableObject = "voucher"
    amount: Decimal | None = None
    points: Points | None = None
    reward: Reward | None = None


class StackBody(CheckoutBody, frozen=True, forbid_unknown_fields=True):
    """Body of validations and redemptions; what is spent of a card stands with it."""

    redeemables: Annotated[list[RedeemableBody], msgspec.Meta(min_length=1, max_length=30)] = []


class ReservationBody(StackBody, frozen=True, forbid_unknown_fields=True):
    """Body of a reservation; `redeemables` is needed, and `session` or the order's id, which is its session then."""

    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 900


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a checkout asks for: `wanted` has its codes normalised. `states_customer`: the request says things of its
    customer that only some projects let it say; `ttl_s` is that of a reservation."""

    request: Request
    wanted: tuple[Wanted, ...]
    session: str | None = None
    states_customer: bool = False
    ttl_s: int = 0


_checkout = msgspec.json.Decoder(CheckoutBody)
_stack = msgspec.json.Decoder(StackBody)
_reservation = msgspec.json.Decoder(ReservationBody)


def decode_checkout(body: bytes, code: str, currency: str, decimals: int) -> Asked:
    """The body of validate or redeem of one code; Refused with pointers for what does not hold."""
    asked = decode_body(_checkout, body)
    spends = asked.amount is not None or asked.points is not None or asked.reward is not None
    if asked.order is None and asked.customer is None and asked.session is None and not asked.metadata and not spends:
        return Asked(_short(asked, currency, decimals), (Wanted(normalise_code(code)),))
    spent = _spent(asked, decimals, "")
    return asked_of(asked, (Wanted(normalise_code(code), "", *spent),), currency, decimals)


def decode_stack(body: bytes, currency: str, decimals: int) -> Asked:
    """The body of validations and redemptions."""
    asked = decode_body(_stack, body)
    return asked_of(asked, _wanted(asked, decimals), currency, decimals)


def decode_reservation(body: bytes, currency: str, decimals: int) -> Asked:
    """The body of a reservation."""
    asked = decode_body(_reservation, body)
    stated = asked_of(asked, _wanted(asked, decimals), currency, decimals)
    order = stated.request.order
    session = stated.session or (order.id if order is not None else None)
    if session is None:
        raise invalid("/session", "is required, or else the order's id")
    return msgspec.structs.replace(stated, session=session, ttl_s=asked.ttl_s)


def without_identity(body: bytes) -> bytes:
    """The body of a request as it may be kept: without what tells a person apart."""
    stated = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    customer = msgspec.json.decode(stated["customer"], type=dict[str, msgspec.Raw])
    kept = {name: value for name, value in customer.items() if name not in ("email", "identity")}
    return msgspec.json.encode({**stated, "customer": kept})


def _wanted(asked: StackBody, decimals: int) -> tuple[Wanted, ...]:
    if not asked.redeemables:
        raise invalid("/redeemables", "is required")
    for name in ("amount", "points", "reward"):
        if getattr(asked, name) is not None:
            raise invalid(f"/{name}", "stands with the redeemable that it is of")
    wanted: dict[str, Wanted] = {}
    for number, each in enumerate(asked.redeemables):
        at = f"/redeemables/{number}"
        is_tier = each.object == "promotion_tier"
        name = each.id if is_tier else normalise_code(each.id)
        if not (is_id("tier", name) if is_tier else is_code(name)):
            raise invalid(
                f"{at}/id", "is not spelled like a promotion tier's id" if is_tier else "is not spelled like a code"
            )
        if name in wanted:
            raise invalid(f"{at}/id", "stands in the list already")
        # A voucher is what a code leads to where nothing else is said.
        wanted[name] = Wanted(name, "" if each.object == "voucher" else each.object, *_spent(each, decimals, at))
    return tuple(wanted.values())


def _spent(asked: CheckoutBody | RedeemableBody, decimals: int, at: str) -> tuple[int | None, int | None, str | None]:
    """What is to be spent of a card: an amount, points or a reward, one of them."""
    amount = None if asked.amount is None else _minor(asked.amount, decimals, f"{at}/amount")
    if amount == 0:
        raise invalid(f"{at}/amount", "must be greater than 0")
    named = [name for name in ("amount", "points", "reward") if getattr(asked, name) is not None]
    if len(named) > 1:
        raise invalid(f"{at}/{named[1]}", f"stands beside {named[0]}: one of the two")
    return amount, asked.points, asked.reward


def _short(asked: CheckoutBody, currency: str, decimals: int) -> Request:
    """The short form: an order's value, and perhaps who buys."""
    if asked.currency is not None:
        _check_currency(asked.currency, currency, "/currency")
    if asked.order_value is None:
        raise invalid("/order_value", "is required")
    customer_id = asked.customer_id
    if customer_id is not None:
        _no_nul(customer_id, "/customer_id")
    return Request(customer_id, _minor(asked.order_value, decimals, "/order_value"))


def asked_of(asked: CheckoutBody, wanted: tuple[Wanted, ...], currency: str, decimals: int) -> Asked:
    """What a body asks for, `wanted` of it; Refused with pointers for what does not hold."""
    _check_currency(asked.currency, currency, "/currency")
    customer_id = _no_nul(asked.customer_id, "/customer_id")
    stated = asked.customer
    if stated is not None:
        if customer_id is not None and stated.id != customer_id:
            raise invalid("/customer_id", "is not that of customer")
        customer_id = _no_nul(stated.id, "/customer/id")
    order = _order(asked, currency, decimals)
    says = stated is not None and (stated.segments is not None or stated.metadata is not None)
    customer = None
    if stated is not None and says:
        metadata = _metadata(stated.metadata or {}, "/customer/metadata")
        customer = Customer(stated.id, segments=tuple(stated.segments or ()), metadata=metadata)
    _no_nul(asked.session, "/session")
    metadata = _metadata(asked.metadata or {}, "/metadata")
    request = Request(customer_id, order.amount_minor, order, customer, metadata, wanted, _identity(stated))
    return Asked(request, wanted, asked.session, says)


def _identity(stated: CustomerBody | None) -> dict[str, str] | None:
    if stated is None or (stated.identity is None and stated.email is None):
        return None
    identity = dict(stated.identity or {})
    if stated.email is not None and identity.setdefault("email", stated.email) != stated.email:
        raise invalid("/customer/identity/email", "is not the customer's email")
    return identity


def _order(asked: CheckoutBody, currency: str, decimals: int) -> Order:
    body = asked.order or OrderBody()
    _no_nul(body.id, "/order/id")
    _check_currency(body.currency, currency, "/order/currency")
    items = tuple(_item(item, decimals, f"/order/items/{at}") for at, item in enumerate(body.items))
    amount: int | None = sum(item.amount_minor for item in items) if items else None
    said = ((asked.order_value, "/order_value"), (body.amount, "/order/amount"))
    for value, pointer in said:
        if value is None:
            continue
        minor = _minor(value, decimals, pointer)
        if amount is not None and minor != amount:
            raise invalid(pointer, "is not the sum of the items" if items else "differs from order_value")
        amount = minor
    if amount is None:
        pointer = "/order_value" if asked.order is None else "/order/items"
        raise invalid(pointer, "is required: an order has items or an amount")
    shipping = 0 if body.shipping is None else _minor(body.shipping, decimals, "/order/shipping")
    if amount + shipping > MAX_MINOR:
        raise invalid("/order/items", "the order's amount is out of range")
    return Order(amount, items, shipping, body.id, _metadata(body.metadata, "/order/metadata"))


def _item(item: ItemBody, decimals: int, pointer: str) -> Item:
    if item.product_id is None and item.sku is None:
        raise invalid(pointer, "has neither product_id nor sku")
    return Item(
        item.quantity,
        _minor(item.price, decimals, f"{pointer}/price"),
        _no_nul(item.product_id, f"{pointer}/product_id"),
        _no_nul(item.sku, f"{pointer}/sku"),
        tuple(item.categories),
        tuple(item.collections),
        _metadata(item.metadata, f"{pointer}/metadata"),
    )


def _metadata(metadata: dict[str, Any], pointer: str) -> dict[str, Any]:
    for name, value in metadata.items():
        if not _is_plain(value) and not (isinstance(value, list) and len(value) <= 50 and all(map(_is_plain, value))):
            raise invalid(f"{pointer}/{escape(name)}", "takes text, a number, true or false, or a list of them")
    return metadata


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MOST_TEXT
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53)


def _no_nul(text: str | None, pointer: str) -> str | None:
    """PostgreSQL's text holds every character but one."""
    if text is not None and "\x00" in text:
        raise invalid(pointer, "must not contain a NUL character")
    return text


def _check_currency(stated: str | None, currency: str, pointer: str) -> None:
    if stated is not None and stated != currency:
        raise Refused(
            "currency_mismatch",
            f"the project's currency is {currency}",
            (FieldError(f"must be {currency}", pointer=pointer),),
        )


def _minor(value: Decimal, decimals: int, pointer: str) -> int:
    try:
        return to_minor(value, decimals)
    except MoneyError as error:
        raise invalid(pointer, str(error)) from error
