"""One UPDATE ... WHERE used < max_used and one INSERT for each request, on the same Granian with asyncpg.

Minimal, so that it costs no more than it must, and honest: the key is compared, the body decoded by the same structs,
the same Idempotency-Key has one effect, and it answers when PostgreSQL has committed. Settings by the environment.
"""

import asyncio
import os
import signal
from typing import Any

import asyncpg
import msgspec
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from bench.queries import query
from domain.ids import redemption_id
from engine.orders import CheckoutBody

# More would only queue for the one row's lock.
_CONNECTIONS = 16
_JSON = [("content-type", "application/json"), ("cache-control", "no-store")]
_REDEEM, _KNOWN = query("rival_redeem"), query("rival_known")

_decode = msgspec.json.Decoder(CheckoutBody).decode
_encode = msgspec.json.Encoder().encode


class Redemption(msgspec.Struct):
    """As much of an answer as a checkout needs."""

    id: str
    status: str
    code: str
    discount_applied: float
    total: float
    idempotency_key: str


class Application:
    """RSGI: every request is a redemption, but for /readyz."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", secret_key: str) -> None:
        self._pool = pool
        self._authorization = f"Bearer {secret_key}"

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path == "/readyz":
            protocol.response_bytes(200, _JSON, b"{}")
            return
        headers = scope.headers
        key = headers.get("idempotency-key")
        if headers.get("authorization") != self._authorization or not key:
            protocol.response_bytes(401, _JSON, b"{}")
            return
        status, body = await self._redeem(scope.path.split("/")[3], key, _decode(await protocol()))
        protocol.response_bytes(status, _JSON, body)

    async def _redeem(self, code: str, key: str, asked: CheckoutBody) -> tuple[int, bytes]:
        value = int((asked.order_value or 0) * 100)
        off = (value + 2) // 5
        wanted = redemption_id("rival", "redeem", key)
        try:
            found = await self._pool.fetchval(_REDEEM, code, wanted, asked.customer_id, value, off)
        except asyncpg.UniqueViolationError:
            found = await self._pool.fetchval(_KNOWN, wanted)
        if found is None:
            return 409, b'{"code":"limit_reached"}'
        return 200, _encode(Redemption(found, "redeemed", code, off / 100, (value - off) / 100, key))


async def main() -> None:
    """Serve until SIGTERM."""
    pool = await asyncpg.create_pool(os.environ["RIVAL_DATABASE_URL"], min_size=_CONNECTIONS, max_size=_CONNECTIONS)
    server: Any = Server(
        Application(pool, os.environ["RIVAL_SECRET_KEY"]),
        address=os.environ["RIVAL_HOST"],
        port=int(os.environ["RIVAL_PORT"]),
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main())
