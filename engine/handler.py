"""From a call to an answer: keys, limits, what goes wrong. Knows nothing of the transport.

Must never let an exception out: what is not a Refused or a store that is away is our fault, logged and answered 500.
"""

from collections.abc import Awaitable

from domain.problems import Refused
from store import log
from store.database import UNAVAILABLE
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.shards import Recovering

from .requests import MAX_BODY_BYTES, MAX_PATH_CHARS, Call
from .responses import JSON, NO_STORE, Response, problem
from .routes import find_route
from .shard import ServedShard
from .worker import Worker

_TEXT = ("content-type", "text/plain; version=0.0.4; charset=utf-8")


async def handle(worker: Worker, call: Call) -> Response:
    """Answer one call."""
    metrics = worker.metrics
    if metrics.in_flight >= worker.settings.max_in_flight and call.path[:4] == "/v1/":
        metrics.refused["overloaded"] += 1
        return problem(Refused("overloaded"))
    metrics.in_flight += 1
    try:
        return await _dispatch(worker, call)
    except Refused as refused:
        return _refuse(worker, refused)
    except RedisFull:
        return _refuse(worker, Refused("store_unavailable", "Redis is full"))
    except UNAVAILABLE as error:
        log.warning("PostgreSQL is away", error=type(error).__name__)
        return _refuse(worker, Refused("store_unavailable", "PostgreSQL is away"))
    except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may take the worker down
        response = _refuse(worker, Refused("internal_error"))
        log.error(
            "unexpected",
            error=type(error).__name__,
            where=log.where(error),
            request_id=dict(response.headers)["x-request-id"],
        )
        return response
    finally:
        metrics.in_flight -= 1


def _refuse(worker: Worker, refused: Refused) -> Response:
    worker.metrics.refused[refused.code] += 1
    return problem(refused)


async def _dispatch(worker: Worker, call: Call) -> Response:
    parts = call.path.split("/")
    if parts[1] != "v1":
        return await _of_the_process(worker, call)
    if len(call.path) > MAX_PATH_CHARS:
        raise Refused("uri_too_long")
    if len(call.body) > MAX_BODY_BYTES:
        raise Refused("body_too_large", f"at most {MAX_BODY_BYTES} bytes")
    route, segment, allowed = find_route(call.method, parts)
    if route is None:
        if not allowed:
            raise Refused("not_found")
        raise Refused("method_not_allowed", f"this path takes {allowed}", allow=allowed)
    tenant = await worker.keys.tenant(call.authorization)
    if tenant.publishable and not route.publishable:
        raise Refused("publishable_key")
    if tenant.scopes is not None and route.right not in tenant.scopes:
        raise Refused("right_missing", f"It takes the right {route.right}.")
    served = await worker.gate.enter(tenant.shard)
    return await _on(worker, served, route.verb(worker, tenant, served, call, segment))


async def _on(worker: Worker, served: ServedShard, work: Awaitable[Response]) -> Response:
    """Do it on this shard; what shows that its epoch is over, or its server away, closes it here at once."""
    try:
        return await work
    except (FencedOut, RedisUnavailable, Recovering, ScriptFailed) as error:
        worker.gate.fence(served)
        raise Refused("recovering") from error


async def _of_the_process(worker: Worker, call: Call) -> Response:
    if call.path == "/livez":
        return Response(200, [JSON, NO_STORE], b'{"status":"alive"}')
    if call.path == "/readyz":
        if await worker.is_ready():
            return Response(200, [JSON, NO_STORE], b'{"status":"ready"}')
        return problem(Refused("store_unavailable"))
    if call.path == "/metrics":
        return Response(200, [_TEXT, NO_STORE], worker.metrics.render())
    raise Refused("not_found")
