"""What the engine answers: representations and problems, encoded once, as bytes.

Must never look anything up: an answer is a pure function of an event and its time, so that a replay is equal to the
first answer byte for byte.
"""

import os
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from domain.events import Redeemed, RolledBack
from domain.problems import MEDIA_TYPE, Refused, problem_body
from domain.redemption_views import Balances, view_redemption
from domain.views import ConditionView, OrderView, RedeemableView, encode

Headers = list[tuple[str, str]]

JSON = ("content-type", "application/json")
PROBLEM = ("content-type", MEDIA_TYPE)
NO_STORE = ("cache-control", "no-store")


class Response(msgspec.Struct, frozen=True, gc=False):
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
    conditions: tuple[ConditionView, ...] = ()
    order: OrderView | None = None
    redeemable_object: str | None = None
    redeemable_id: str | None = None
    amount_applied: Decimal | None = None
    points: int | None = None


class StackValidation(msgspec.Struct):
    """The answer to validations: each redeemable's part, and the order as it would be."""

    valid: bool
    redeemables: list[RedeemableView]
    order: OrderView
    code: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


def redemption_body(
    event: Redeemed,
    time_ms: int,
    rollbacks: Sequence[RolledBack] = (),
    rolled_back_ms: int | None = None,
    balances: Balances | None = None,
) -> bytes:
    """The representation of a redemption, from its events and the time at which it was granted; with what its cards
    had left then, which only the ledger knows."""
    return encode(view_redemption(event, time_ms, rollbacks, rolled_back_ms, balances))


def json_response(body: bytes, *extra: tuple[str, str], status: int = 200) -> Response:
    """A JSON body, 200 unless it says otherwise."""
    return Response(status, [JSON, NO_STORE, *extra], body)


def problem(refused: Refused) -> Response:
    """A refusal as application/problem+json."""
    request_id = f"req_{os.urandom(10).hex()}"
    headers = [PROBLEM, NO_STORE, ("x-request-id", request_id)]
    if refused.retry_after_s is not None:
        headers.append(("retry-after", str(refused.retry_after_s)))
    if refused.allow:
        headers.append(("allow", refused.allow))
    return Response(refused.status, headers, problem_body(refused, request_id))
