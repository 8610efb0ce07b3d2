"""What the engine is asked: calls, and bodies decoded with a limit on everything.

Must never accept what it does not know: an unknown field may be a misspelt limit. What a body says of an order is
orders.py's.
"""

import re
from typing import Annotated, TypeVar

import msgspec

from domain.ids import fingerprint
from domain.problems import FieldError, Refused

T = TypeVar("T")

MAX_BODY_BYTES = 64 * 1024
"""An order of a hundred items has its room in it."""

MAX_PATH_CHARS = 1024
MAX_KEY_CHARS = 255
_OF_A_NAME = "key` in `"
"""What msgspec says before the path of an object, one of whose names does not hold."""
_MISNAMED = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)


class Call(msgspec.Struct, frozen=True, gc=False):
    """A request, whatever the transport. `client` is the address that guessing is counted by."""

    method: str
    path: str
    authorization: str | None
    idempotency_key: str | None
    client: str
    body: bytes


class ReturnedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units of one line of an order, by its number from 0, its sku or its product."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    product_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    line: Annotated[int, msgspec.Meta(ge=0, le=999)] | None = None


ReturnedItems = Annotated[list[ReturnedItem], msgspec.Meta(min_length=1, max_length=200)]
Names = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(max_length=30)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]


class RollbackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of rollback: the whole, some redeemables of a stack, or a part of the order; and a reason for people."""

    reason: Reason | None = None
    redeemables: Annotated[Names, msgspec.Meta(min_length=1)] | None = None
    items: ReturnedItems | None = None


class QuoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a return's quote."""

    redemption_id: Annotated[str, msgspec.Meta(max_length=64)]
    items: ReturnedItems


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that says nothing."""


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a reservation's extension: how long it holds from now on."""

    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)]


_rollback = msgspec.json.Decoder(RollbackBody)
_quote = msgspec.json.Decoder(QuoteBody)
_nothing = msgspec.json.Decoder(Nothing)
_extension = msgspec.json.Decoder(Extension)


def decode_rollback(body: bytes) -> RollbackBody:
    """The body of a rollback: redeemables or items, not both."""
    asked = decode_body(_rollback, body)
    if asked.redeemables is not None and asked.items is not None:
        raise invalid("/items", "stands beside redeemables: one of the two")
    return asked


def decode_quote(body: bytes) -> QuoteBody:
    """The body of a quote."""
    return decode_body(_quote, body)


def decode_nothing(body: bytes) -> Nothing:
    """A body that may be left out."""
    return decode_body(_nothing, body)


def decode_extension(body: bytes) -> Extension:
    """The body of an extension."""
    return decode_body(_extension, body)


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What the body says; Refused with a pointer where it does not hold."""
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        detail, _, at = str(error).partition(" - at `")
        raise invalid(*_named(_pointer(at.removeprefix(_OF_A_NAME).rstrip("`")), detail)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed_body", str(error)) from error


def _named(pointer: str, detail: str) -> tuple[str, str]:
    """Of a field that is unknown, or not there, msgspec says the object; the pointer says the field."""
    found = _MISNAMED.fullmatch(detail)
    if found is None:
        return pointer, detail
    said = "there is no such field here" if found[1] == "contains unknown" else "is required"
    return f"{pointer}/{escape(found[2])}", said


def escape(name: str) -> str:
    """A member's name as it stands in a JSON pointer."""
    return name[:100].replace("~", "~0").replace("/", "~1")


def _pointer(path: str) -> str:
    """A JSON pointer from msgspec's `$.order.items[3].sku` (whose [...] stands for the key of an object)."""
    return path.removeprefix("$").replace("[...]", "").replace("[", ".").replace("]", "").replace(".", "/")


def invalid(pointer: str, detail: str) -> Refused:
    """422 for one field."""
    return Refused("invalid_request", "", (FieldError(detail, pointer=pointer),))


def check_key(key: str | None) -> str | None:
    """The Idempotency-Key, if it is one: 1 to 255 visible characters."""
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        detail = f"takes 1 to {MAX_KEY_CHARS} printable ASCII characters"
        raise Refused("invalid_request", errors=(FieldError(detail, header="Idempotency-Key"),))
    return key


def request_fingerprint(call: Call) -> bytes:
    """Tells two requests with one key apart."""
    return fingerprint(call.path, call.body)
