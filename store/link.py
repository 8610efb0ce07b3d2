"""The connection to one Redis server, bound to one identity of it.

Every new connection reads the server's run_id and replication id before its first command. If another identity is
expected the connection is refused, so that no script ever runs on a server that was restarted, replaced or failed
over since the epoch was opened. Must never retry a command: only the caller knows whether that is safe.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import redis.asyncio as aioredis
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from .lines import Lines
from .lua import Script

COMMAND_TIMEOUT_S = 5.0

_CLOSED = "the transport was closed"
_CUT: tuple[type[Exception], ...] = (RuntimeError, AttributeError)
"""What comes out of redis-py where something is written to a connection that has just been cut: uvloop's RuntimeError
as it is, and an AttributeError where the connection was closed here, by whoever found the epoch over."""


class RedisUnavailable(Exception):
    """Redis is away or did not answer: whether a script that was under way has run is not known."""


class RedisFull(Exception):
    """The server is out of memory and refused the script before it started."""


class FencedOut(Exception):
    """This server is not the one that the epoch is bound to: nothing ran."""


class ScriptFailed(Exception):
    """A script raised, which none may: the epoch must be closed."""


class Identity(msgspec.Struct, frozen=True):
    """What tells a server from its restarted or failed-over self."""

    run_id: str
    replication_id: str


class _WrongServer(exceptions.ConnectionError):
    pass


class Link:
    """A small pool to one server. `expected` None accepts any identity and takes it as the expected one."""

    def __init__(self, url: str, expected: Identity | None = None, max_connections: int = 4) -> None:
        self.expected = expected
        pool = aioredis.BlockingConnectionPool.from_url(
            url,
            max_connections=max_connections,
            timeout=COMMAND_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            # Else redis-py writes within asyncio.wait_for, which up to Python 3.11 loses a cancellation that comes as
            # the write ends: whoever waits for the cancelled task then waits for ever. Each call has a timeout here.
            socket_timeout=None,
            socket_connect_timeout=2.0,
            protocol=2,
            redis_connect_func=self._greet,
        )
        self._lines = Lines(pool.make_connection, max_connections, COMMAND_TIMEOUT_S)
        self.client: Any = aioredis.Redis(connection_pool=pool)  # redis-py leaves most of its methods untyped

    async def close(self) -> None:
        await self._lines.close()
        await self.client.aclose()
        await self.client.connection_pool.disconnect()

    async def _greet(self, connection: Any) -> None:
        try:
            await connection.on_connect()
            found = await _identity(connection)
        except _CUT as error:
            raise exceptions.ConnectionError(_CLOSED) from error
        if self.expected is None:
            self.expected = found
        elif found != self.expected:
            raise _WrongServer("another server answers at this address")

    async def identity(self) -> Identity:
        """Who the server is now, asked anew; also when that is not who is expected."""
        self.expected = None
        await self.client.connection_pool.disconnect(inuse_connections=False)
        await self.command("PING")
        return cast(Identity, self.expected)

    async def command(self, *args: Any) -> Any:
        """One plain command; raises what `call` raises."""
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return await self.client.execute_command(*args)
        except TimeoutError as error:
            raise RedisUnavailable("TimeoutError") from error
        except RedisError as error:
            raise _translated(error) from error
        except _CUT as error:
            raise RedisUnavailable(_CLOSED) from error

    async def call(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> list[Any]:
        """Run a script once; on NOSCRIPT, which means that it did not run, check the identity and load it."""
        try:
            return cast(list[Any], await self._lines.run("EVALSHA", script.sha, len(keys), *keys, *args))
        except NoScriptError:
            await self.check_identity()
            return cast(list[Any], await self.command("EVAL", script.source, len(keys), *keys, *args))
        except TimeoutError as error:
            raise RedisUnavailable("TimeoutError") from error
        except RedisError as error:
            raise _translated(error) from error
        except _CUT as error:
            raise RedisUnavailable(_CLOSED) from error

    async def check_identity(self) -> None:
        """FencedOut where the server is not who is expected any more: one that is connected may have changed, too.
        The first replica that attaches, and a demotion and promotion, give it another replication id."""
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                found = await self._ask_identity()
        except TimeoutError as error:
            raise RedisUnavailable("TimeoutError") from error
        except RedisError as error:
            raise _translated(error) from error
        except _CUT as error:
            raise RedisUnavailable(_CLOSED) from error
        if found != self.expected:
            raise FencedOut("another server answers at this address")

    async def _ask_identity(self) -> Identity:
        pool = self.client.connection_pool
        connection = await pool.get_connection()
        try:
            return await _identity(connection)
        except BaseException:
            await connection.disconnect(nowait=True)  # an answer may still be outstanding on it
            raise
        finally:
            await pool.release(connection)


async def _identity(connection: Any) -> Identity:
    facts: dict[str, str] = {}
    for section in ("server", "replication"):
        await connection.send_command("INFO", section)
        for line in (await connection.read_response()).decode().splitlines():
            name, _, value = line.partition(":")
            facts[name] = value
    return Identity(facts["run_id"], facts["master_replid"])


def _translated(error: RedisError) -> Exception:
    if isinstance(error, _WrongServer | ReadOnlyError):
        return FencedOut(str(error))
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return RedisUnavailable(type(error).__name__)
    if isinstance(error, ResponseError):
        text = str(error)
        if "OOM" in text or "maxmemory" in text:
            return RedisFull(text)
        if text.startswith(("BUSY", "LOADING", "MASTERDOWN", "NOREPLICAS", "MISCONF", "TRYAGAIN", "CLUSTERDOWN")):
            return RedisUnavailable(text)
        return ScriptFailed(text)
    return RedisUnavailable(type(error).__name__)
