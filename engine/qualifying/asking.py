"""What a call for qualifications asks: a checkout's body, how much of the answer, and where it goes on.

Must never take a cursor for more than a place in an order: whoever made one up gets another page of his own.
"""

import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec

from domain.best_stack import MOST_SEARCHED
from domain.definitions import MOST_REDEEMABLES
from engine.orders import Asked, CheckoutBody, asked_of
from engine.requests import decode_body, invalid

PAGE = 20
TIME_MS = 50

Card = Literal["gift_card", "loyalty_card"]


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where something stands among all that qualifies: what pays after what makes cheaper, then the best deal first."""

    pays: int
    less_minor: Annotated[int, msgspec.Meta(ge=-(2**53), le=0)]
    hierarchy: int
    name: Annotated[str, msgspec.Meta(max_length=200)]


class BestStackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the best stack is sought, and which of the customer's cards pay with it."""

    time_ms: Annotated[int, msgspec.Meta(ge=1, le=1000)] = TIME_MS
    include: Annotated[list[Card], msgspec.Meta(max_length=2)] = []


class QualificationBody(CheckoutBody, frozen=True, forbid_unknown_fields=True):
    """Body of qualifications. The best stack comes with the first page, unless it is asked for or not."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = PAGE
    cursor: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    best_stack: BestStackBody | bool | None = None


class Question(msgspec.Struct, frozen=True):
    """It, decoded. `best_stack` None: it is not wanted."""

    asked: Asked
    limit: int
    after: Place | None
    best_stack: BestStackBody | None


_body = msgspec.json.Decoder(QualificationBody)
_place = msgspec.json.Decoder(Place)

assert MOST_SEARCHED >= MOST_REDEEMABLES, "what can be redeemed together can be searched"


def decode_question(body: bytes, currency: str, decimals: int) -> Question:
    """The body of qualifications; Refused with pointers for what does not hold."""
    said = decode_body(_body, body)
    for name in ("amount", "points", "reward"):
        if getattr(said, name) is not None:
            raise invalid(f"/{name}", "is of one redeemable, and here none is named")
    after = None if said.cursor is None else _read_cursor(said.cursor)
    wished: Any = said.best_stack if said.best_stack is not None else after is None
    best_stack = (BestStackBody() if wished else None) if isinstance(wished, bool) else wished
    return Question(asked_of(said, (), currency, decimals), said.limit, after, best_stack)


def cursor_of(place: Place) -> str:
    """The cursor that goes on behind a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> Place:
    try:
        return _place.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise invalid("/cursor", "is not one that a page has named") from error
