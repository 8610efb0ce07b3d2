"""What the engine answers: representations and problems, encoded once, as bytes.

Must never look anything up: an answer is a pure function of an event and its time, so that a replay is equal to the
first answer byte for byte.
"""

import os
from decimal import Decimal

import msgspec

from domain.events import Redeemed
from domain.problems import MEDIA_TYPE, Refused, problem_body
from domain.views import encode, view_redemption

Headers = list[tuple[str, str]]

JSON = ("content-type", "application/json")
PROBLEM = ("content-type", MEDIA_TYPE)
NO_STORE = ("cache-control", "no-store")


class Response(msgspec.Struct, frozen=True):
    """An answer, whatever the transport."""

    status: int
    headers: Headers
    body: bytes


class Validation(msgspec.Struct, omit_defaults=True):
    """The answer to validate: what a redemption would take off now, or the code that refuses it."""

    valid: bool
    voucher: str
    code: str | None = None
    detail: str | None = None
    currency: str | None = None
    order_value: Decimal | None = None
    discount_applied: Decimal | None = None
    total: Decimal | None = None
    campaign_id: str | None = None
    voucher_id: str | None = None


def redemption_body(event: Redeemed, time_ms: int, rolled_back_ms: int | None = None) -> bytes:
    """The representation of a redemption, from its event and the time at which it was granted."""
    return encode(view_redemption(event, time_ms, rolled_back_ms))


def json_response(body: bytes, *extra: tuple[str, str]) -> Response:
    """200 with a JSON body."""
    return Response(200, [JSON, NO_STORE, *extra], body)


def problem(refused: Refused) -> Response:
    """A refusal as application/problem+json."""
    request_id = f"req_{os.urandom(10).hex()}"
    headers = [PROBLEM, NO_STORE, ("x-request-id", request_id)]
    if refused.retry_after_s is not None:
        headers.append(("retry-after", str(refused.retry_after_s)))
    return Response(refused.status, headers, problem_body(refused, request_id))
