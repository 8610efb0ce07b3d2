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

    @property
    def value_minor(self) -> int:
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
    items = [{"sku": sku, "quantity": units, "price": msgspec.Raw(b"%d.%02d" % divmod(price, 100))}
             for sku, units, price in ITEMS]  # fmt: skip
    return {"items": items} if order_id is None else {"id": order_id, "items": items}
