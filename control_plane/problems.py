"""Refusals: every answer that is not a success is application/problem+json (RFC 9457), from the one catalogue.

Must never tell more than the catalogue and the caller's own fields: no error's text of a store, no stack.
"""

from typing import Any

import asyncpg
import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from control_plane.logs import log, where
from control_plane.shell import current_request_id
from domain.outcomes import PROBLEMS
from store.database import UNAVAILABLE
from store.link import FencedOut, RedisFull, RedisUnavailable
from store.shards import Recovering

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100
_RETRY_AFTER_S = {"rate_limited": "10", "idempotency_in_progress": "1"}
_BY_STATUS = {400: "malformed_body", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_NOT_NOW: tuple[type[Exception], ...] = (Recovering, FencedOut, RedisUnavailable, RedisFull)


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place of the request that does not hold: a JSON pointer into the body, a query parameter or a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Refused(Exception):
    """A refusal on its way out; `code` is one of PROBLEMS."""

    def __init__(self, code: str, detail: str = "", errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors


class Errors:
    """Collects what is wrong with a request, so that one answer names every bad field."""

    def __init__(self) -> None:
        self._found: list[FieldError] = []

    def add(self, pointer: str, detail: str) -> None:
        """A field of the body."""
        if len(self._found) < MOST_ERRORS:
            self._found.append(FieldError(detail, pointer=pointer))

    def add_parameter(self, name: str, detail: str) -> None:
        """A query parameter."""
        if len(self._found) < MOST_ERRORS:
            self._found.append(FieldError(detail, parameter=name))

    def raise_if_any(self) -> None:
        """Refuse the request if anything was found."""
        if self._found:
            raise Refused("invalid_request", errors=tuple(self._found))


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """The body of a refusal."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    retryable: bool | None
    detail: str = ""
    errors: tuple[FieldError, ...] = ()


def problem_body(refused: Refused) -> bytes:
    """A refusal as the API says it."""
    known = PROBLEMS[refused.code]
    return msgspec.json.encode(
        ProblemBody(
            type=f"urn:vauchflow:problem:{refused.code}",
            title=known.title,
            status=known.status,
            code=refused.code,
            request_id=current_request_id(),
            retryable=known.retryable,
            detail=refused.detail,
            errors=refused.errors,
        )
    )


def handle_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to anything that was raised."""
    refused = _refusal(error)
    status = PROBLEMS[refused.code].status
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) and status == 405 else {}
    if status == 503 or refused.code in _RETRY_AFTER_S:
        headers["Retry-After"] = _RETRY_AFTER_S.get(refused.code, "1")
    return Response(problem_body(refused), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        return Refused(_BY_STATUS[error.status_code])
    if isinstance(error, _NOT_NOW):
        return Refused("recovering")
    if isinstance(error, UNAVAILABLE) and not isinstance(error, asyncpg.DataError):
        log("store_unavailable", request_id=current_request_id(), error=type(error).__name__)
        return Refused("store_unavailable")
    log("internal_error", request_id=current_request_id(), error=type(error).__name__, where=where(error))
    return Refused("internal_error")
