"""HTTP as the chaos shop speaks it: keep-alive connections that any fault may cut, and bursts whose requests arrive
together. Every time is the monotonic clock of this process. Must never retry by itself.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 4.0
"""A little more than the engine gives itself."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Request(msgspec.Struct, frozen=True):
    """What is asked."""

    method: str
    path: str
    token: str
    key: str = ""
    body: bytes = b""

    def encode(self) -> bytes:
        key = f"Idempotency-Key: {self.key}\r\n" if self.key else ""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Length: {len(self.body)}\r\n{key}\r\n"
        )
        return head.encode() + self.body


class Answer(msgspec.Struct, frozen=True):
    """What came back; status 0 where nothing did."""

    status: int
    body: bytes
    replayed: bool
    asked_at: float
    answered_at: float


class Client:
    """Connections to one address; as many as are needed at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[Connection] = []

    def close(self) -> None:
        """Close what is idle."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def ask(self, request: Request) -> Answer:
        """One request."""
        asked_at = time.monotonic()
        held: Connection | None = None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                held = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
                held[1].write(request.encode())
                return await self._read(held, asked_at)
        except (OSError, TimeoutError, EOFError, ValueError):
            if held is not None:
                held[1].close()
            return Answer(0, b"", replayed=False, asked_at=asked_at, answered_at=time.monotonic())

    async def burst(self, requests: Sequence[Request]) -> list[Answer]:
        """All at once: the last byte of each goes out when all the others have arrived."""
        return list(await asyncio.gather(*self._poised(requests)))

    def _poised(self, requests: Sequence[Request]) -> list["asyncio.Task[Answer]"]:
        barrier = asyncio.Barrier(len(requests))
        return [asyncio.create_task(self._together(request, barrier)) for request in requests]

    async def _together(self, request: Request, barrier: asyncio.Barrier) -> Answer:
        raw, held = request.encode(), None
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                with suppress(OSError):
                    held = await asyncio.open_connection(self._host, self._port)
                    held[1].write(raw[:-1])
                await barrier.wait()
                if held is None:
                    raise ConnectionError("nobody listens")
                held[1].write(raw[-1:])
                return await self._read(held, asked_at)
        except (OSError, TimeoutError, EOFError, ValueError, asyncio.BrokenBarrierError):
            if held is not None:
                held[1].close()
            return Answer(0, b"", replayed=False, asked_at=asked_at, answered_at=time.monotonic())

    async def _read(self, held: Connection, asked_at: float) -> Answer:
        head = await held[0].readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        body = await held[0].readexactly(length)
        answered_at = time.monotonic()
        self._idle.append(held)
        replayed = any(line.startswith(b"idempotency-replayed: true") for line in lines)
        return Answer(int(lines[0][9:12]), body, replayed, asked_at, answered_at)
