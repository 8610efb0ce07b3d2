"""The one door to PostgreSQL: every connection is opened here, every transaction says whose rows it is for.

Row-Level Security does the separating; this module only sets what the policies read, for the length of one
transaction. Must never hand out a connection outside a transaction, and never hold SQL of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

import asyncpg
import msgspec

from store.queries import query

_SET_SCOPE = query("set_scope")

UNAVAILABLE: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
)
"""What an await on a transaction raises where PostgreSQL is away, ending, overloaded or too slow: a 503.
A commit that fails with one of these may still have happened."""


class Timeouts(msgspec.Struct, frozen=True):
    """How long the server may take before it gives up by itself; 0 would be for ever, and is not used."""

    statement_ms: int = 5_000
    lock_ms: int = 2_000
    idle_in_transaction_ms: int = 10_000
    acquire_s: float = 5.0
    connect_s: float = 5.0


class Transaction(Protocol):
    """What may be done inside a transaction. It ends with the block that opened it."""

    async def execute(self, query: str, *args: object) -> str: ...
    async def executemany(self, command: str, args: Iterable[Sequence[object]]) -> None: ...
    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]: ...
    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...


class Database:
    """A pool of connections of one role. All rows are reached through one of its transactions."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", timeouts: Timeouts) -> None:
        self._pool = pool
        self._timeouts = timeouts

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        application_name: str,
        min_size: int = 1,
        max_size: int = 8,
        timeouts: Timeouts | None = None,
        plans_anew: bool = False,
    ) -> "Database":
        """Open the pool; raises one of UNAVAILABLE where there is no server. With `plans_anew` each statement is
        planned for its arguments, whenever it is sent: for those with filters of which most are left out."""
        limits = timeouts or Timeouts()
        pool = await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=limits.connect_s,
            # The server ends a statement first; this one is for a server that has fallen silent.
            command_timeout=limits.statement_ms / 1000 + 5,
            server_settings=_server_settings(application_name, limits)
            | {"plan_cache_mode": "force_custom_plan" if plans_anew else "auto"},
            init=_prepare,
            reset=_keep,
        )
        return cls(pool, limits)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Wait for the open transactions, at most so long, then cut the rest off."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def tenant_tx(self, project_id: str, account_id: str | None = None) -> AsyncIterator[Transaction]:
        """Rows of one project. With its account also the account's own row; never its other projects."""
        if not project_id:
            raise ValueError("tenant_tx() without a project")
        async with self._scoped(project_id=project_id, account_id=account_id or "") as tx:
            yield tx

    @asynccontextmanager
    async def account_tx(self, account_id: str) -> AsyncIterator[Transaction]:
        """Rows of one account: its projects, keys, usage and audit log; no project's data."""
        if not account_id:
            raise ValueError("account_tx() without an account")
        async with self._scoped(account_id=account_id) as tx:
            yield tx

    @asynccontextmanager
    async def person_tx(self, person_id: str, account_id: str = "") -> AsyncIterator[Transaction]:
        """A person's own row, sessions and memberships; with an account also its rows, as account_tx() has them."""
        if not person_id:
            raise ValueError("person_tx() without a person")
        async with self._scoped(person_id=person_id, account_id=account_id) as tx:
            yield tx

    @asynccontextmanager
    async def shard_tx(self, shard: int, worker_id: str = "") -> AsyncIterator[Transaction]:
        """A shard's epochs and positions, a worker's own lease and ring; as the reconciler, its ledger."""
        async with self._scoped(shard=str(shard), worker_id=worker_id) as tx:
            yield tx

    @asynccontextmanager
    async def hydration_tx(self, project_id: str, shard: int) -> AsyncIterator[Transaction]:
        """Rows of one project, and how far its shard is settled."""
        if not project_id:
            raise ValueError("hydration_tx() without a project")
        async with self._scoped(project_id=project_id, shard=str(shard)) as tx:
            yield tx

    @asynccontextmanager
    async def anonymous_tx(self) -> AsyncIterator[Transaction]:
        """No rows at all: for the functions that are asked before a tenant is known."""
        async with self._scoped() as tx:
            yield tx

    @asynccontextmanager
    async def _scoped(
        self,
        *,
        project_id: str = "",
        account_id: str = "",
        shard: str = "",
        worker_id: str = "",
        person_id: str = "",
    ) -> AsyncIterator[Transaction]:
        async with self._pool.acquire(timeout=self._timeouts.acquire_s) as connection:
            try:
                async with _unbroken(connection):
                    await connection.execute(_SET_SCOPE, project_id, account_id, shard, worker_id, person_id)
                    yield cast(Transaction, connection)
            except asyncpg.InternalClientError:
                # The server died in the middle of an exchange, and the client has lost its place in the protocol:
                # this connection must not go back to the pool.
                connection.terminate()
                raise


@asynccontextmanager
async def _unbroken(connection: Any) -> AsyncIterator[None]:
    """A transaction; on a connection that broke there is nothing to roll back, and trying would hide the error."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await transaction.rollback()
        raise
    await transaction.commit()


@asynccontextmanager
async def owner_connection(url: str, application_name: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """The owner's connection, past Row-Level Security: for migrations and the operator's CLI, no server."""
    limits = Timeouts(statement_ms=600_000, lock_ms=30_000, idle_in_transaction_ms=60_000)
    connection = await asyncpg.connect(
        url, timeout=limits.connect_s, server_settings=_server_settings(application_name, limits)
    )
    try:
        await _prepare(connection)
        yield connection
    finally:
        await connection.close()


def _server_settings(application_name: str, limits: Timeouts) -> dict[str, str]:
    return {
        "application_name": application_name,
        "statement_timeout": str(limits.statement_ms),
        "lock_timeout": str(limits.lock_ms),
        "idle_in_transaction_session_timeout": str(limits.idle_in_transaction_ms),
        "timezone": "UTC",
        # Short statements only: compiling one takes longer than running it.
        "jit": "off",
    }


async def _prepare(connection: Any) -> None:
    """jsonb as Python values both ways; what is encoded already travels as msgspec.Raw.

    In an array of jsonb a list must be encoded by the caller: asyncpg takes it for another dimension."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )


async def _keep(_connection: Any) -> None:
    """Spares asyncpg's RESET round trip: settings end with their transaction, and each sets all of them."""


_JSONB_FORMAT = b"\x01"


def _encode_jsonb(value: object) -> bytes:
    return _JSONB_FORMAT + msgspec.json.encode(value)


def _decode_jsonb(data: bytes) -> Any:
    return msgspec.json.decode(data[1:])
