"""Calls: a request as services see it, whatever the framework. Handlers get one by asking for `call` or `account`."""

from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from control_plane.auth import PROJECT_HEADER, Principal, Tenant, authenticate, require, tenant_of
from control_plane.bodies import parse
from control_plane.context import Context
from control_plane.problems import Errors
from control_plane.queries import Query
from control_plane.rights import right_of
from control_plane.visits import Visit, client_of, is_plain_loopback, require_own_origin
from domain.ids import fingerprint
from domain.metadata_schemas import MetadataSchema
from domain.problems import FieldError, Refused
from store.database import Transaction

T = TypeVar("T", bound=msgspec.Struct)
AnyRequest = Request[Any, Any, Any]

_MOST_KEY_CHARS = 255
_MOST_URI_CHARS = 4096


class AccountCall:
    """A request that needs no project: an admin key's or a member's works on the account, a secret key's on its
    project alone."""

    def __init__(self, context: Context, principal: Principal, request: AnyRequest, raw_body: bytes) -> None:
        self.context = context
        self.principal = principal
        self.account_id = principal.account_id
        self.actor = principal.actor
        self.raw_body = raw_body
        self.operation = cast(str, request.route_handler.operation_id)
        self.errors = Errors()
        self.client = client_of(request)
        self.is_secure = not is_plain_loopback(request)
        self.named_project = request.headers.get(PROJECT_HEADER)
        self.idempotency_key = _idempotency_key(request.headers.get("Idempotency-Key"))
        self.fingerprint = fingerprint(f"{request.method} {request.url.path}", raw_body)
        self._query_string = request.scope["query_string"]

    @property
    def project_id(self) -> str | None:
        """The project whose rows the call works on; None for the account's own."""
        return self.principal.project_id

    def open_tx(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees what the call may see."""
        if self.project_id is None:
            return self.context.database.account_tx(self.account_id)
        return self.context.database.tenant_tx(self.project_id, self.account_id)

    def body(self, schema: type[T]) -> T:
        """The body; what is wrong with it is noted in `errors`."""
        return parse(self.raw_body, schema, self.errors)

    def query(self) -> Query:
        """The query's parameters; ask for all, then call done()."""
        return Query(self._query_string, self.errors)


class Call(AccountCall):
    """A request of one project."""

    def __init__(
        self,
        context: Context,
        principal: Principal,
        tenant: Tenant,
        request: AnyRequest,
        raw_body: bytes,
    ) -> None:
        super().__init__(context, principal, request, raw_body)
        self.tenant = tenant
        self.metadata_schemas: dict[str, MetadataSchema | None] = {}
        """Those that the call has looked up: see metadata_schemas/holding.py."""

    @property
    def project_id(self) -> str:
        return self.tenant.project_id


async def provide_account(request: AnyRequest) -> AccountCall:
    """The dependency `account`: any key but a publishable one, or a member."""
    context, principal = await _enter(request)
    return AccountCall(context, principal, request, await _body(request))


async def provide_call(request: AnyRequest) -> Call:
    """The dependency `call`: a project's secret key, or an admin key or a member that names one."""
    context, principal = await _enter(request)
    tenant = await tenant_of(context, principal, request.headers.get(PROJECT_HEADER))
    return Call(context, principal, tenant, request, await _body(request))


async def provide_visit(request: AnyRequest) -> Visit:
    """The dependency `visit`: anybody, who proves in the body who they are."""
    context = _context(request)
    require_own_origin(context, request)
    return Visit(context, request, await _body(request))


async def _enter(request: AnyRequest) -> tuple[Context, Principal]:
    context = _context(request)
    principal = await authenticate(context, request)
    require(principal, right_of(request.method, request.route_handler.opt))
    return context, principal


def _context(request: AnyRequest) -> Context:
    if len(request.scope["path"]) + len(request.scope["query_string"]) > _MOST_URI_CHARS:
        raise Refused("uri_too_long")
    return cast(Context, request.app.state.context)


async def _body(request: AnyRequest) -> bytes:
    if request.route_handler.opt.get("is_streamed"):
        return b""  # a file: the service reads it, piece by piece
    try:
        return await request.body()
    except InternalServerException as error:  # so Litestar calls a client that has gone, and nothing else, in here
        raise Refused("incomplete_body") from error


def _idempotency_key(key: str | None) -> str | None:
    if key is None or (1 <= len(key) <= _MOST_KEY_CHARS and key.isascii() and key.isprintable()):
        return key
    detail = f"takes 1 to {_MOST_KEY_CHARS} printable ASCII characters"
    raise Refused("invalid_request", errors=(FieldError(detail, header="Idempotency-Key"),))
