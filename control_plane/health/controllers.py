"""Probes: /livez says that the process lives, /readyz that it can serve, /metrics what it has done."""

from typing import Any, cast

from litestar import Controller, Request, Response, get

from control_plane.context import Context
from control_plane.metrics import exposition
from control_plane.rights import PUBLIC, taking
from store.queries import query

_PING = query("control_ping")


class HealthController(Controller):
    """/livez, /readyz, /metrics; without a key."""

    opt = taking(PUBLIC)

    @get("/livez", operation_id="livez")
    async def livez(self) -> Response[bytes]:
        return Response(b"ok\n", media_type="text/plain")

    @get("/readyz", operation_id="readyz")
    async def readyz(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        # PostgreSQL alone: while Redis is away changes are taken and stay pending.
        context = cast(Context, request.app.state.context)
        async with context.database.anonymous_tx() as tx:
            await tx.fetchval(_PING)
        return Response(b"ready\n", media_type="text/plain")

    @get("/metrics", operation_id="metrics")
    async def metrics(self) -> Response[bytes]:
        return Response(exposition(), media_type="text/plain; version=0.0.4")
