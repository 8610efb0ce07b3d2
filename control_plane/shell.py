"""The outermost layer of the server: request ids, the headers of every answer, and what is counted of it.

Must never read a body, and never know a route.
"""

import asyncio
import os
import time
from contextlib import suppress
from contextvars import ContextVar

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from control_plane.metrics import DURATION, REQUESTS

_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REPLACED = frozenset({b"cache-control", b"x-request-id"})

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request that is being answered; '' outside of one."""
    return _request_id.get()


class Shell:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def drained(self, timeout_s: float) -> None:
        """Wait until no request is being answered, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        request_id = f"req_{os.urandom(10).hex()}"
        token = _request_id.set(request_id)
        started = time.perf_counter()
        status = 500
        self._in_flight += 1
        self._idle.clear()

        async def dress(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                kept = [pair for pair in message["headers"] if pair[0].lower() not in _REPLACED]
                message["headers"] = [
                    *kept,
                    (b"cache-control", b"no-store"),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, dress)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
            _request_id.reset(token)
            method = scope["method"] if scope["method"] in _KNOWN_METHODS else "other"
            route = scope.get("path_template") or "none"
            REQUESTS.labels(method, route, str(status)).inc()
            DURATION.labels(method, route).observe(time.perf_counter() - started)
