"""The transport: Granian's RSGI, embedded in this process's own loop. One process is one worker.

Must never look into a body: it reads at most so many bytes and hands them on.
"""

import asyncio
import resource
import signal
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined] # exported, but not by name
from granian.server.embed import Server

from domain.problems import Refused
from store import log

from .handler import handle
from .requests import MAX_BODY_BYTES, Call
from .responses import problem
from .worker import Worker

CONNECTIONS_PER_REQUEST = 4
"""Granian's backpressure counts connections, idle ones too, and hears no more than so many. With one for each request
in flight a worker went deaf, to /livez as well, before it could answer that it has too many."""

SPARE_FILES = 256
"""For what is no client's connection: stores, logs, modules."""


class Application:
    """RSGI: one method, called for every request."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(403)
            return
        headers = scope.headers
        body = b""
        if scope.method != "GET":
            length = headers.get("content-length", "0")
            # What is too large is read all the same, as far as it may go, and then refused: an answer that comes before
            # the body has been sent leaves a gateway with the rest of it, and what becomes of that is a race.
            is_short = length.isdecimal() and 0 < int(length) <= MAX_BODY_BYTES
            try:
                body = await protocol() if is_short else await _read(protocol)
            except (ProtocolClosed, ProtocolError):
                response = problem(Refused("incomplete_body"))
                protocol.response_bytes(response.status, response.headers, response.body)
                return
        forwarded = headers.get("x-forwarded-for")
        call = Call(
            scope.method,
            scope.path,
            headers.get("authorization"),
            headers.get("idempotency-key"),
            forwarded.rpartition(",")[2].strip() if forwarded else scope.client.rpartition(":")[0],
            body,
        )
        response = await handle(self._worker, call)
        protocol.response_bytes(response.status, response.headers, response.body)


async def _read(protocol: Any) -> bytes:
    """A body of unknown length, up to one byte more than is allowed, so that the handler refuses it."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in protocol:
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            break
    return b"".join(chunks)[: MAX_BODY_BYTES + 1]


def _allow_files(connections: int) -> None:
    """A connection is an open file, and many a system allows 1,024 until it is asked for more."""
    wanted = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        log.warning("fewer files may be open than connections are taken", files=hard, connections=connections)
        wanted = hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(worker: Worker) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    connections = CONNECTIONS_PER_REQUEST * worker.settings.max_in_flight
    _allow_files(connections)
    server: Any = Server(
        Application(worker),
        address=worker.settings.host,
        port=worker.settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=connections,
        log_enabled=False,
        log_level=LogLevels.warning,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(ended.wait())
    log.info("serving", host=worker.settings.host, port=worker.settings.port, worker=worker.id)
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    worker.draining = True
    server.stop()
    waiting.cancel()
    await asyncio.gather(serving, waiting, return_exceptions=True)
    await worker.stop()
    log.info("stopped", worker=worker.id)
