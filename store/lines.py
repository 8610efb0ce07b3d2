"""Connections that are held ready for scripts: packed and parsed in C, without a pool's bookkeeping on each call.

Must never hand out a connection on which an answer may still be outstanding: whatever ends otherwise than with a
reply closes it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from hiredis import pack_command
from redis.exceptions import ResponseError


class Lines:
    """At most `most` connections, made by `connect`, which checks the server's identity."""

    def __init__(self, make: Callable[[], Any], most: int, timeout_s: float) -> None:
        self._make = make
        self._room = asyncio.Semaphore(most)
        self._timeout_s = timeout_s
        self._idle: list[Any] = []
        self._closed = False

    async def run(self, *command: Any) -> Any:
        """One command, once; raises what redis-py raises, and TimeoutError after `timeout_s`."""
        packed = pack_command(command)
        async with self._room, asyncio.timeout(self._timeout_s):
            line = self._idle.pop() if self._idle else await self._connect()
            try:
                await line.send_packed_command(packed, check_health=False)
                reply = await line.read_response()
            except ResponseError:
                self._idle.append(line)  # an answer like any other, as far as the connection goes
                raise
            except BaseException:
                await line.disconnect(nowait=True)
                raise
            if self._closed:
                await line.disconnect(nowait=True)
            else:
                self._idle.append(line)
            return reply

    async def close(self) -> None:
        """Close what is idle; what is in use closes when it is answered."""
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect()

    async def _connect(self) -> Any:
        line = self._make()
        try:
            await line.connect()
        except BaseException:
            await line.disconnect(nowait=True)
            raise
        return line
