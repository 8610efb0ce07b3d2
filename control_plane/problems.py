"""Refusals: every answer that is not a success is application/problem+json (RFC 9457), from the one catalogue.

Must never tell more than the catalogue and the caller's own fields: no error's text of a store, no stack.
"""

from typing import Any

import asyncpg
from litestar import Request, Response
from litestar.exceptions import HTTPException

from control_plane.shell import current_request_id
from domain.problems import MEDIA_TYPE, FieldError, Refused, problem_body
from store import log
from store.database import UNAVAILABLE
from store.link import FencedOut, RedisFull, RedisUnavailable
from store.log import where
from store.shards import Recovering

MOST_ERRORS = 100
_BY_STATUS = {400: "malformed_body", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_NOT_NOW: tuple[type[Exception], ...] = (Recovering, FencedOut, RedisUnavailable, RedisFull)


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


def handle_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to anything that was raised."""
    refused = _refusal(error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) and refused.status == 405 else {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(refused.retry_after_s)
    body = problem_body(refused, current_request_id())
    return Response(body, status_code=refused.status, media_type=MEDIA_TYPE, headers=headers)


def _refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        return Refused(_BY_STATUS[error.status_code])
    if isinstance(error, _NOT_NOW):
        return Refused("recovering")
    if isinstance(error, UNAVAILABLE) and not isinstance(error, asyncpg.DataError):
        log.warning("store unavailable", request_id=current_request_id(), error=type(error).__name__)
        return Refused("store_unavailable")
    log.error("internal error", request_id=current_request_id(), error=type(error).__name__, where=where(error))
    return Refused("internal_error")
