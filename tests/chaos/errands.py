"""What a shop sends for stacks, returns and reservations: bodies and paths. Pure.

Must never draw anything: what is asked for is baskets.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from tests.chaos.client import Request
from tests.chaos.history import Verb

ITEMS = (("TEE", 3, 1999), ("MUG", 2, 750))
"""What every order is of: sku, units, price."""

_AMOUNT_MINOR = sum(units * price for _, units, price in ITEMS)


@dataclass(frozen=True)
class Errand:
    """One thing to be done, however often it is sent. `target` and `order_id` as a Call has them."""

    verb: Verb
    tenant: int
    path: str
    target: str
    body: bytes = b""
    key: str = ""
    customer_id: str = ""
    order_id: str = ""
    amount_minor: int = 0
    is_spending: bool = False

    @property
    def is_for_the_shop(self) -> bool:
        """Whether it is the control plane that is asked."""
        return self.verb in ("top_up", "earn", "unearn")

    @property
    def value_minor(self) -> int:
        if self.is_for_the_shop:
            return self.amount_minor
        return _AMOUNT_MINOR if self.verb in ("stack", "reserve") else 0

    @property
    def may_be_sent_again(self) -> bool:
        """Whether a second attempt is the same errand: without a key, a return is another return."""
        return self.verb != "return" or bool(self.key)

    def request(self, token: str) -> Request:
        return Request("GET" if self.verb == "foreign" else "POST", self.path, token, self.key, self.body)

    def with_key(self, key: str) -> "Errand":
        """The same, as somebody would send it who does not know of the first."""
        return replace(self, key=key)


def stack(tenant: int, codes: Sequence[str], customer_id: str, order_id: str, key: str) -> Errand:
    """Redeem these codes on an order."""
    body = msgspec.json.encode({**_wish(codes, customer_id), "order": _order(order_id)})
    return Errand("stack", tenant, "/v1/redemptions", "+".join(codes), body, key, customer_id, order_id)


def spend(
    tenant: int, wishes: Sequence[dict[str, object]], customer_id: str, order_id: str, key: str
) -> Errand:  # fmt: skip
    """Redeem these, some of which are cards, on an order."""
    wish = {"redeemables": wishes, "customer": {"id": customer_id}, "order": _order(order_id)}
    target = "+".join(str(each["id"]) for each in wishes)
    body = msgspec.json.encode(wish)
    return Errand("stack", tenant, "/v1/redemptions", target, body, key, customer_id, order_id, is_spending=True)


def top_up(tenant: int, code: str, amount_minor: int, key: str) -> Errand:
    """Put more money on a gift card. The reason is the key, so that its entry is known again."""
    body = msgspec.json.encode({"amount": money(amount_minor), "reason": key})
    return Errand("top_up", tenant, f"/v1/gift-cards/{code}/top-up", code, body, key, amount_minor=amount_minor)


def paid(tenant: int, code: str, customer_id: str, order_id: str, amount_minor: int, key: str) -> Errand:
    """Report that the customer of this loyalty card has paid for an order."""
    order = {"id": order_id, "amount": money(amount_minor)}
    event = {"id": f"paid-{order_id}", "type": "order.paid", "customer_id": customer_id, "order": order}
    body = msgspec.json.encode(event)
    return Errand("earn", tenant, "/v1/events", code, body, key, customer_id, order_id, amount_minor)


def refunded(paid: Errand, key: str) -> Errand:
    """Report that all of that order was refunded."""
    event = {"id": f"back-{paid.order_id}", "type": "order.refunded", "order": {"id": paid.order_id}}
    return replace(paid, verb="unearn", body=msgspec.json.encode(event), key=key)


def money(amount_minor: int) -> msgspec.Raw:
    """As it stands in a body."""
    return msgspec.Raw(b"%d.%02d" % divmod(amount_minor, 100))


def reserve(tenant: int, codes: Sequence[str], customer_id: str, session: str, key: str, ttl_s: int) -> Errand:
    """Hold these codes for a session."""
    wish = {**_wish(codes, customer_id), "order": _order(None), "session": session, "ttl_s": ttl_s}
    return Errand(
        "reserve", tenant, "/v1/reservations", "+".join(codes), msgspec.json.encode(wish), key, customer_id, session
    )


def of_reservation(verb: Verb, tenant: int, id_: str, key: str, ttl_s: int = 0) -> Errand:
    """Extend, capture or release it."""
    body = msgspec.json.encode({"ttl_s": ttl_s}) if verb == "extend" else b""
    return Errand(verb, tenant, f"/v1/reservations/{id_}/{verb}", id_, body, key)


def give_back(tenant: int, id_: str, what: dict[str, object], key: str) -> Errand:
    """Roll a stack back, or redeemables or items of it."""
    return Errand("return", tenant, f"/v1/redemptions/{id_}/rollback", id_, msgspec.json.encode(what), key)


def look(tenant: int, path: str, id_: str) -> Errand:
    """Ask for what is another tenant's."""
    return Errand("foreign", tenant, f"{path}/{id_}", id_)


def _wish(codes: Sequence[str], customer_id: str) -> dict[str, object]:
    redeemables = [{"object": "voucher", "id": code} for code in codes]
    return {"redeemables": redeemables, "customer": {"id": customer_id}}


def _order(order_id: str | None) -> dict[str, object]:
    items = [{"sku": sku, "quantity": units, "price": money(price)}
             for sku, units, price in ITEMS]  # fmt: skip
    return {"items": items} if order_id is None else {"id": order_id, "items": items}
