"""/livez, /readyz and /metrics over RSGI. Must never answer anything else, and never wait for a store."""

from collections.abc import Callable
from typing import Any

Headers = list[tuple[str, str]]
_TEXT: Headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")]
_METRICS: Headers = [("content-type", "text/plain; version=0.0.4; charset=utf-8"), ("cache-control", "no-store")]


class Health:
    """The RSGI application."""

    def __init__(self, is_ready: Callable[[], bool], render: Callable[[], bytes]) -> None:
        self._is_ready = is_ready
        self._render = render

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close()
            return
        status, headers, body = self.answer(scope.method, scope.path)
        protocol.response_bytes(status, headers, body)

    def answer(self, method: str, path: str) -> tuple[int, Headers, bytes]:
        """Status, headers and body."""
        if method not in ("GET", "HEAD"):
            return 405, _TEXT, b"method not allowed\n"
        if path == "/livez":
            return 200, _TEXT, b"alive\n"
        if path == "/readyz":
            return (200, _TEXT, b"ready\n") if self._is_ready() else (503, _TEXT, b"not ready\n")
        if path == "/metrics":
            return 200, _METRICS, self._render()
        return 404, _TEXT, b"not found\n"
