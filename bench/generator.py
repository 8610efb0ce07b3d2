"""A load of raw sockets on asyncio, for where wrk is not installed: one request at a time on each connection.

Reads a Load as JSON from stdin, prints Answers as JSON. Must never pipeline: a checkout waits for its answer.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Callable
from typing import cast

import msgspec
import uvloop

from tools.dev.ports import HOST

from .answers import Answers, Checker, Load, percentile

_PATIENCE_S = 10.0


class Client(asyncio.Protocol):
    """One connection. `next_request` returns a key and its request, or None when the load is over."""

    def __init__(
        self,
        next_request: Callable[[], tuple[bytes, bytes] | None],
        checker: Checker,
        latencies_s: list[float],
        on_end: Callable[[bool], None],
    ) -> None:
        self._next = next_request
        self._checker = checker
        self._latencies_s = latencies_s
        self._on_end = on_end
        self._transport: asyncio.Transport | None = None
        self._key: bytes | None = None
        self._asked_s = 0.0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = split_answer(self._buffer)
        if answer is None or self._key is None:
            return
        status, body, self._buffer = answer
        self._latencies_s.append(time.perf_counter() - self._asked_s)
        self._checker.take(self._key, status, body)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio says why, the answers say what
        self._on_end(self._key is not None)

    def _ask(self) -> None:
        assert self._transport is not None
        wanted = self._next()
        if wanted is None:
            self._key = None
            self._transport.close()
            return
        self._key, request = wanted
        self._asked_s = time.perf_counter()
        self._transport.write(request)


def split_answer(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Status and body of the first answer, and what is behind it; None while it is not whole."""
    head, blank_line, rest = data.partition(b"\r\n\r\n")
    if not blank_line:
        return None
    _, found, length_on = head.lower().partition(b"\r\ncontent-length:")
    length = int(length_on.partition(b"\r\n")[0]) if found else 0
    if len(rest) < length:
        return None
    return int(head[9:12]), rest[:length], rest[length:]


def requests(load: Load, clock: Callable[[], float] = time.perf_counter) -> Callable[[], tuple[bytes, bytes] | None]:
    """Make the load's requests one by one, until its time or its number is over."""
    codes = load.codes.read_bytes().split()
    head = b" HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n" % (
        load.secret_key.encode()
    )
    lines = b",".join(b'{"sku":"SKU-%d","quantity":1,"price":1000.00}' % at for at in range(load.items))
    stack = b'{"customer_id":"c%%s","redeemables":[%%s],"order":{"items":[%s]}}' % lines
    numbers = itertools.count()
    ends_at = clock() + load.seconds

    def make() -> tuple[bytes, bytes] | None:
        if clock() >= ends_at:
            return None
        number = next(numbers)
        if number >= load.most_requests:
            return None
        key = f"{load.run}-{number}".encode()
        if load.redeemables:
            chosen = (codes[(number * load.redeemables + at) % len(codes)] for at in range(load.redeemables))
            body = stack % (key, b",".join(b'{"id":"%s"}' % code for code in chosen))
            path = b"POST /v1/redemptions"
        else:
            body = b'{"customer_id":"c%s","order_value":89.99}' % key
            path = b"POST /v1/vouchers/%s/redeem" % codes[number % len(codes)]
        return key, b"%s%sIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s" % (path, head, key, len(body), body)

    return make


async def run(load: Load) -> Answers:
    """Open all connections, ask until the load is over, and wait for the last answer."""
    loop = asyncio.get_running_loop()
    checker, latencies_s = Checker(), list[float]()
    ended, lost, sent = 0, 0, 0
    over = asyncio.Event()
    make = requests(load)

    def next_request() -> tuple[bytes, bytes] | None:
        nonlocal sent
        wanted = make()
        sent += wanted is not None
        return wanted

    def on_end(was_waiting: bool) -> None:
        nonlocal ended, lost
        ended += 1
        lost += was_waiting
        if ended == load.connections:
            over.set()

    began_s = time.perf_counter()
    for _ in range(load.connections):
        await loop.create_connection(lambda: Client(next_request, checker, latencies_s, on_end), HOST, load.port)
    try:
        async with asyncio.timeout(load.seconds + _PATIENCE_S):
            await over.wait()
    except TimeoutError:
        lost = sent - len(latencies_s)
    latencies_s.sort()
    return Answers(
        sent=sent,
        granted=checker.granted,
        refused=dict(checker.refused),
        wrong=checker.wrong,
        duplicates=checker.duplicates,
        lost=lost,
        seconds=time.perf_counter() - began_s,
        p50_ms=percentile(latencies_s, 0.50) * 1000,
        p99_ms=percentile(latencies_s, 0.99) * 1000,
        samples=tuple(checker.samples),
    )


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Load, dec_hook=lambda kind, value: kind(value))
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(told))))
