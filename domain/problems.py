"""Refusals as both planes say them: application/problem+json (RFC 9457), from the one catalogue.

Must never tell more than the catalogue and the caller's own fields: no error's text of a store, no stack.
"""

import msgspec

from .outcomes import PROBLEMS
from .views import RedeemableView, encode

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = {"rate_limited": 10, "idempotency_in_progress": 1}


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place of the request that does not hold: a JSON pointer into the body, a query parameter or a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Refused(Exception):
    """A refusal on its way out; `code` is one of PROBLEMS, `allow` the method that a 405 says the path takes."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        errors: tuple[FieldError, ...] = (),
        redeemables: tuple[RedeemableView, ...] = (),
        allow: str = "",
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.redeemables = redeemables
        self.allow = allow

    @property
    def status(self) -> int:
        return PROBLEMS[self.code].status

    @property
    def retry_after_s(self) -> int | None:
        """What Retry-After says; None where it is not sent."""
        return _RETRY_AFTER_S.get(self.code, 1 if self.status == 503 else None)


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """The body of a refusal."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    retryable: bool
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    redeemables: tuple[RedeemableView, ...] = ()


def problem_body(refused: Refused, request_id: str) -> bytes:
    """A refusal as the API says it."""
    known = PROBLEMS[refused.code]
    return encode(
        ProblemBody(
            type=f"urn:vauchflow:problem:{refused.code}",
            title=known.title,
            status=known.status,
            code=refused.code,
            request_id=request_id,
            retryable=known.retryable,
            detail=refused.detail,
            errors=refused.errors,
            redeemables=refused.redeemables,
        )
    )
