"""A checkout as a careful shop writes it: keep-alive connections, one Idempotency-Key for an order, retried with the
same key after a timeout, a lost connection or a 503."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

LOST = 0


class Answer(msgspec.Struct, frozen=True):
    """What came back; status LOST where nothing did. Times are the client's monotonic clock."""

    status: int
    body: bytes
    asked_at: float
    answered_at: float
    retry_after: str = ""

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return "" if self.status in (LOST, 200, 201, 202) else str(self.json()["code"])


Buy = Callable[[], Awaitable[Answer]]


class Checkout:
    """A pool of connections to one address, used by as many tasks as there are connections."""

    def __init__(self, url: str, token: str, connections: int = 64, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.token = token
        self._timeout_s = timeout_s
        self.connections = connections
        self._idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        for _ in range(connections):
            self._idle.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        while not self._idle.empty():
            held = self._idle.get_nowait()
            if held is not None:
                held[1].close()

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, token: str | None = None
    ) -> Answer:
        """One request on one connection."""
        raw = b"" if body is None else msgspec.json.encode(body)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token or self.token}\r\n"
            f"Content-Length: {len(raw)}\r\n" + (f"Idempotency-Key: {key}\r\n" if key else "") + "\r\n"
        )
        held = await self._idle.get()
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                held = held or await asyncio.open_connection(self._host, self._port)
                held[1].write(head.encode() + raw)
                status, answer, retry_after = await _read(held[0])
        except (OSError, TimeoutError, EOFError):
            if held is not None:
                held[1].close()
            held = None
            status, answer, retry_after = LOST, b"", ""
        finally:
            self._idle.put_nowait(held)
        return Answer(status, answer, asked_at, time.monotonic(), retry_after)

    async def redeem(self, code: str, key: str | None = None, **body: Any) -> Answer:
        """One attempt."""
        return await self.call("POST", f"/v1/vouchers/{code}/redeem", {"order_value": 89.99, **body}, key=key)

    async def insist(self, code: str, key: str, within_s: float = 30.0, **body: Any) -> Answer:
        """Redeem until the outcome is known: 200 or a final refusal."""
        deadline = time.monotonic() + within_s
        while True:
            answer = await self.redeem(code, key, **body)
            if answer.status not in (LOST, 502, 503, 504) or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(0.02)

    async def all(self, work: Iterable[Buy]) -> list[Answer]:
        """Do all of it, with as many in flight as there are connections."""
        waiting = iter(list(enumerate(work)))
        answers: dict[int, Answer] = {}

        async def buyer() -> None:
            for number, buy in waiting:
                answers[number] = await buy()

        await asyncio.gather(*(buyer() for _ in range(self.connections)))
        return [answers[number] for number in sorted(answers)]


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes, str]:
    """Status, body and what Retry-After says."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    body = await reader.readexactly(int(headers.get(b"content-length", 0)))
    return int(lines[0][9:12]), body, headers.get(b"retry-after", b"").decode()
