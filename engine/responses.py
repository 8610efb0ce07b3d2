"""What the engine answers: representations and problems, encoded once, as bytes.

Must never look anything up: an answer is a pure function of an event and its time, so that a replay is equal to the
first answer byte for byte.
"""

import os
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from domain.events import Redeemed
from domain.money import to_major
from domain.outcomes import PROBLEMS

Headers = list[tuple[str, str]]

JSON = ("content-type", "application/json")
PROBLEM = ("content-type", "application/problem+json")
NO_STORE = ("cache-control", "no-store")
_RETRY_AFTER_S = {"recovering": "1", "ledger_lagging": "1", "overloaded": "1", "rate_limited": "10"}

encode = msgspec.json.Encoder(decimal_format="number").encode


class Response(msgspec.Struct, frozen=True):
    """An answer, whatever the transport."""

    status: int
    headers: Headers
    body: bytes


class FieldError(msgspec.Struct, frozen=True):
    """One field that does not hold, by JSON pointer."""

    pointer: str
    detail: str


class Refused(Exception):
    """A refusal on its way out; `code` is one of PROBLEMS."""

    def __init__(self, code: str, detail: str = "", errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors


class Redemption(msgspec.Struct):
    """A redemption as the API shows it."""

    id: str
    status: str
    code: str
    voucher_id: str
    campaign_id: str | None
    customer_id: str | None
    currency: str
    order_value: Decimal
    discount_applied: Decimal
    total: Decimal
    idempotency_key: str | None
    created_at: str
    rolled_back_at: str | None
    object: str = "redemption"


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


class _Problem(msgspec.Struct, omit_defaults=True):
    type: str
    title: str
    status: int
    code: str
    request_id: str
    retryable: bool | None
    detail: str = ""
    errors: tuple[FieldError, ...] = ()


def iso_time(time_ms: int) -> str:
    """2026-11-21T20:35:09.123Z"""
    second, ms = divmod(time_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=16)  # in a flash sale a second is asked for thousands of times
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def redemption_body(event: Redeemed, time_ms: int, rolled_back_ms: int | None = None) -> bytes:
    """The representation of a redemption, from its event and the time at which it was granted."""
    line = event.lines[0]
    return encode(
        Redemption(
            id=event.id,
            status="redeemed" if rolled_back_ms is None else "rolled_back",
            code=line.code,
            voucher_id=line.redeemable_id,
            campaign_id=line.campaign_id,
            customer_id=event.customer_id,
            currency=event.currency,
            order_value=to_major(event.order_value_minor, event.decimals),
            discount_applied=to_major(event.discount_minor, event.decimals),
            total=to_major(event.total_minor, event.decimals),
            idempotency_key=event.idempotency_key,
            created_at=iso_time(time_ms),
            rolled_back_at=None if rolled_back_ms is None else iso_time(rolled_back_ms),
        )
    )


def json_response(body: bytes, *extra: tuple[str, str]) -> Response:
    """200 with a JSON body."""
    return Response(200, [JSON, NO_STORE, *extra], body)


def problem(refused: Refused) -> Response:
    """A refusal as application/problem+json (RFC 9457)."""
    known = PROBLEMS[refused.code]
    request_id = f"req_{os.urandom(10).hex()}"
    body = encode(
        _Problem(
            type=f"urn:vauchflow:problem:{refused.code}",
            title=known.title,
            status=known.status,
            code=refused.code,
            request_id=request_id,
            retryable=known.retryable,
            detail=refused.detail,
            errors=refused.errors,
        )
    )
    headers = [PROBLEM, NO_STORE, ("x-request-id", request_id)]
    if refused.code in _RETRY_AFTER_S or known.status == 503:
        headers.append(("retry-after", _RETRY_AFTER_S.get(refused.code, "1")))
    return Response(known.status, headers, body)
