"""The engine's routes, in one table: the handler finds a call's verb here, and the OpenAPI document is read off it.

Must never know a transport, nor do what a verb does.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from domain.ids import redemption_id
from domain.redemption_views import RedemptionView, StackView
from domain.reservation_views import ReservationView
from domain.return_views import QuoteView, ReturnView

from . import reservations, rollback
from .auth import Tenant
from .orders import CheckoutBody, ReservationBody, StackBody
from .qualifying.answering import QualificationView
from .qualifying.asking import QualificationBody
from .qualifying.qualify import qualify
from .redeem import ROUTE, STACK_ROUTE, redeem, redeem_stack
from .requests import Call, Extension, Nothing, QuoteBody, RollbackBody, check_key
from .responses import Response, StackValidation, Validation
from .shard import ServedShard
from .validate import validate, validate_stack
from .worker import Worker

Verb = Callable[[Worker, Tenant, ServedShard, Call, str], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True, gc=False):
    """One route: `verb` is given what stands at the path's one {parameter}, or ''. `answer` is a struct, or a union of
    them. `publishable`: such a key may ask. `has_effect`: it takes an Idempotency-Key. `errors`: outcome codes that its
    code does not name, because definitions carry them."""

    method: Literal["GET", "POST"]
    path: str
    operation_id: str
    verb: Verb
    answer: Any
    body: type[msgspec.Struct] | None = None
    status: int = 200
    publishable: bool = False
    has_effect: bool = False
    errors: tuple[str, ...] = ()

    @property
    def right(self) -> str:
        """What a key that is confined to scopes needs, as the control plane's table of rights names it."""
        if self.publishable:
            return "validations:read"
        return "redemptions:write" if self.has_effect else "redemptions:read"


def _whole(verb: Callable[[Worker, Tenant, ServedShard, Call], Awaitable[Response]]) -> Verb:
    """A verb of a path without a parameter."""

    def of_path(worker: Worker, tenant: Tenant, served: ServedShard, call: Call, _: str) -> Awaitable[Response]:
        return verb(worker, tenant, served, call)

    of_path.__wrapped__ = verb  # type: ignore[attr-defined]
    return of_path


def _look_up(worker: Worker, tenant: Tenant, served: ServedShard, _: Call, id_: str) -> Awaitable[Response]:
    """One redemption, also right after it was granted."""
    return rollback.look_up(worker, tenant, served, id_)


def _by_key(worker: Worker, tenant: Tenant, served: ServedShard, _: Call, segment: str) -> Awaitable[Response]:
    """The redemption that was asked for with this Idempotency-Key: what a checkout reads after a timeout."""
    key = check_key(segment)
    assert key is not None, "a path segment is not empty"
    wanted = [redemption_id(tenant.project_id, route, key) for route in (ROUTE, STACK_ROUTE)]
    return rollback.look_up_first(worker, tenant, served, wanted)


def _held(worker: Worker, tenant: Tenant, served: ServedShard, _: Call, id_: str) -> Awaitable[Response]:
    """One reservation, and what became of it."""
    return reservations.look_up(worker, tenant, served, id_)


_Redemption = RedemptionView | StackView
_BARRED = ("campaign_not_active", "card_inactive", "card_blocked")
_HELD = "/v1/reservations/{reservation_id}"

ROUTES = (
    Route(
        "POST", "/v1/vouchers/{code}/redeem", "redeemCode", redeem, RedemptionView, CheckoutBody,
        has_effect=True, errors=_BARRED,
    ),
    Route(
        "POST", "/v1/vouchers/{code}/validate", "validateCode", validate, Validation, CheckoutBody,
        publishable=True,
    ),
    Route(
        "POST", "/v1/validations", "validateRedeemables", _whole(validate_stack), StackValidation, StackBody,
        publishable=True,
    ),
    Route(
        "POST", "/v1/qualifications", "findQualifying", _whole(qualify), QualificationView, QualificationBody,
        publishable=True,
    ),
    Route(
        "POST", "/v1/redemptions", "redeemStack", _whole(redeem_stack), StackView, StackBody,
        has_effect=True, errors=_BARRED,
    ),
    Route("GET", "/v1/redemptions/{redemption_id}", "getRedemption", _look_up, _Redemption),
    Route("GET", "/v1/redemptions/by-key/{key}", "getRedemptionByKey", _by_key, _Redemption),
    Route(
        "POST", "/v1/redemptions/{redemption_id}/rollback", "rollBackRedemption", rollback.roll_back,
        _Redemption | ReturnView, RollbackBody, has_effect=True,
    ),
    Route("POST", "/v1/returns/quote", "quoteReturn", _whole(rollback.quote), QuoteView, QuoteBody),
    Route(
        "POST", "/v1/reservations", "reserve", _whole(reservations.reserve), ReservationView, ReservationBody, 201,
        has_effect=True, errors=_BARRED,
    ),
    Route("GET", _HELD, "getReservation", _held, ReservationView),
    Route(
        "POST", f"{_HELD}/capture", "captureReservation", reservations.capture, StackView, Nothing,
        has_effect=True, errors=_BARRED,
    ),
    Route(
        "POST", f"{_HELD}/release", "releaseReservation", reservations.release, ReservationView, Nothing,
        has_effect=True,
    ),
    Route(
        "POST", f"{_HELD}/extend", "extendReservation", reservations.extend, ReservationView, Extension,
        has_effect=True,
    ),
)  # fmt: skip


class _Template(msgspec.Struct, frozen=True, gc=False):
    """The routes of one path by method, where among the path's parts its parameter stands (0: nowhere), and the method
    that the path takes."""

    by_method: dict[str, Route]
    parameter: int
    method: str


def _templates() -> dict[tuple[int, str, str, str], _Template]:
    found: dict[tuple[int, str, str, str], _Template] = {}
    for route in ROUTES:
        parts = route.path.split("/")
        at = next((number for number, part in enumerate(parts) if part.startswith("{")), 0)
        middle = "" if len(parts) < 5 or at == 3 else parts[3]
        end = "" if at == len(parts) - 1 else parts[-1]
        found.setdefault((len(parts), parts[2], middle, end), _Template({}, at, route.method)).by_method[
            route.method
        ] = route
    return found


_TEMPLATES = _templates()


def find_route(method: str, parts: Sequence[str]) -> tuple[Route | None, str, str]:
    """The route of a path, which is given in its parts ("", "v1", ...), what stands at its parameter, and the method
    that the path takes ('' where there is no such path)."""
    count = len(parts)
    if count < 3:
        return None, "", ""
    template = _TEMPLATES.get((count, parts[2], "", parts[-1]))
    if template is None:
        template = _TEMPLATES.get((count, parts[2], parts[3] if count == 5 else "", ""))
        if template is None:
            return None, "", ""
    at = template.parameter
    return template.by_method.get(method), unquote(parts[at]) if at else "", template.method
