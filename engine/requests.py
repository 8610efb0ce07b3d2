"""What the engine is asked: calls, and bodies decoded with a limit on everything.

Must never accept what it does not know: an unknown field may be a misspelt limit.
"""

from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec

from domain.decisions import Request
from domain.ids import fingerprint
from domain.money import MoneyError, to_minor
from domain.problems import FieldError, Refused

T = TypeVar("T")

MAX_BODY_BYTES = 16 * 1024
MAX_PATH_CHARS = 1024
MAX_KEY_CHARS = 255


class Call(msgspec.Struct, frozen=True):
    """A request, whatever the transport. `client` is the address that guessing is counted by."""

    method: str
    path: str
    authorization: str | None
    idempotency_key: str | None
    client: str
    body: bytes


class RedeemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of validate and redeem."""

    customer_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    order_value: Decimal | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None


class RollbackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of rollback: a reason for people."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None


_redeem = msgspec.json.Decoder(RedeemBody)
_rollback = msgspec.json.Decoder(RollbackBody)


def decode_order(body: bytes, currency: str, decimals: int) -> Request:
    """The order of a validate or redeem body; Refused with pointers for what does not hold."""
    asked = _decode(_redeem, body)
    if asked.customer_id is not None and "\x00" in asked.customer_id:
        raise invalid("/customer_id", "must not contain a NUL character")
    if asked.currency is not None and asked.currency != currency:
        raise Refused(
            "currency_mismatch",
            f"the project's currency is {currency}",
            (FieldError(f"must be {currency}", pointer="/currency"),),
        )
    if asked.order_value is None:
        raise invalid("/order_value", "is required")
    try:
        return Request(asked.customer_id, to_minor(asked.order_value, decimals))
    except MoneyError as error:
        raise invalid("/order_value", str(error)) from error


def decode_rollback(body: bytes) -> RollbackBody:
    """The body of a rollback."""
    return _decode(_rollback, body)


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        detail, _, at = str(error).partition(" - at `$")
        raise invalid(at.rstrip("`").replace(".", "/"), detail) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed_body", str(error)) from error


def invalid(pointer: str, detail: str) -> Refused:
    """422 for one field."""
    return Refused("invalid_request", "", (FieldError(detail, pointer=pointer),))


def check_key(key: str | None) -> str | None:
    """The Idempotency-Key, if it is one: 1 to 255 visible characters."""
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise Refused("invalid_request", "the Idempotency-Key takes 1 to 255 printable ASCII characters")
    return key


def request_fingerprint(call: Call) -> bytes:
    """Tells two requests with one key apart."""
    return fingerprint(call.path, call.body)
