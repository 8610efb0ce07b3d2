"""Where a request comes from: which client, over what, from whose page; and requests of those who have no session yet.

Must never believe a forwarded address from the open network: only the gateway, a neighbour, is asked whom it serves.
"""

import ipaddress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from litestar import Request

from control_plane.bodies import parse
from control_plane.context import Context
from control_plane.problems import Errors
from domain.problems import Refused

T = TypeVar("T", bound=msgspec.Struct)
AnyRequest = Request[Any, Any, Any]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Visit:
    """A request by nobody in particular: what it says is all that is known."""

    def __init__(self, context: Context, request: AnyRequest, raw_body: bytes) -> None:
        self.context = context
        self.client = client_of(request)
        self.is_secure = not is_plain_loopback(request)
        self.errors = Errors()
        self._raw_body = raw_body

    def body(self, schema: type[T]) -> T:
        """The body; what is wrong with it is noted in `errors`."""
        return parse(self._raw_body, schema, self.errors)


def client_of(request: AnyRequest) -> str:
    """The address of whoever asks: the one that our gateway names, if it is a neighbour that says so."""
    peer = request.scope["client"][0] if request.scope.get("client") else ""  # type: ignore[index]
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        if not ipaddress.ip_address(peer).is_private:
            return peer
        return str(ipaddress.ip_address(named)) if named else peer
    except ValueError:
        return peer


def is_plain_loopback(request: AnyRequest) -> bool:
    """Whether this is plain HTTP within the machine, where a browser would not give a Secure cookie back."""
    if request.headers.get("X-Forwarded-Proto", request.url.scheme) == "https":
        return False
    return (urlsplit(f"//{request.headers.get('Host', '')}").hostname or "") in _LOOPBACK_NAMES


def require_own_origin(context: Context, request: AnyRequest) -> None:
    """Refuse a change that another site's page asks for. Browsers say whose page it is, other clients need not."""
    origin = request.headers.get("Origin")
    if origin is None or request.method in SAFE_METHODS:
        return
    ours = {request.headers.get("Host", ""), urlsplit(context.people.public_url).netloc}
    if origin == "null" or urlsplit(origin).netloc not in ours:
        raise Refused("csrf_failed", "The page that asks is not ours.")
