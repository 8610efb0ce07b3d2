"""From a call to an answer: routes, keys, limits. Knows nothing of the transport.

Must never let an exception out: what is not a Refused or a store that is away is our fault, logged and answered 500.
"""

from collections.abc import Awaitable
from urllib.parse import unquote

from domain.ids import redemption_id
from domain.problems import Refused
from store import log
from store.database import UNAVAILABLE
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.shards import Recovering

from . import reservations, rollback
from .auth import Tenant
from .qualifying.qualify import qualify
from .redeem import ROUTE, STACK_ROUTE, redeem, redeem_stack
from .requests import MAX_BODY_BYTES, MAX_PATH_CHARS, Call, check_key
from .responses import JSON, NO_STORE, Response, problem
from .shard import ServedShard
from .validate import validate, validate_stack
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
    if len(parts) == 5 and parts[2] == "vouchers" and parts[4] in ("redeem", "validate"):
        _expect(call, "POST")
        tenant, served = await _enter(worker, call, publishable=parts[4] == "validate")
        verb = redeem if parts[4] == "redeem" else validate
        return await _on(worker, served, verb(worker, tenant, served, call, unquote(parts[3])))
    path = "/".join(parts[2:])
    if path in _STACKS:
        _expect(call, "POST")
        tenant, served = await _enter(worker, call, publishable=path in ("validations", "qualifications"))
        return await _on(worker, served, _STACKS[path](worker, tenant, served, call))
    if len(parts) in (4, 5) and parts[2] in ("redemptions", "reservations"):
        of_resource = _redemptions if parts[2] == "redemptions" else _reservations
        return await of_resource(worker, call, [unquote(part) for part in parts[3:]])
    raise Refused("not_found")


_STACKS = {
    "validations": validate_stack,
    "qualifications": qualify,
    "redemptions": redeem_stack,
    "returns/quote": rollback.quote,
    "reservations": reservations.reserve,
}


async def _redemptions(worker: Worker, call: Call, rest: list[str]) -> Response:
    if len(rest) == 2 and rest[1] == "rollback":
        _expect(call, "POST")
        tenant, served = await _enter(worker, call)
        return await _on(worker, served, rollback.roll_back(worker, tenant, served, call, rest[0]))
    if len(rest) == 2 and rest[0] == "by-key":
        _expect(call, "GET")
        tenant, served = await _enter(worker, call)
        key = check_key(rest[1])
        assert key is not None, "a path segment is not empty"
        wanted = [redemption_id(tenant.project_id, route, key) for route in (ROUTE, STACK_ROUTE)]
        return await _on(worker, served, rollback.look_up_first(worker, tenant, served, wanted))
    if len(rest) == 1:
        _expect(call, "GET")
        tenant, served = await _enter(worker, call)
        return await _on(worker, served, rollback.look_up(worker, tenant, served, rest[0]))
    raise Refused("not_found")


async def _reservations(worker: Worker, call: Call, rest: list[str]) -> Response:
    if len(rest) == 1:
        _expect(call, "GET")
        tenant, served = await _enter(worker, call)
        return await _on(worker, served, reservations.look_up(worker, tenant, served, rest[0]))
    verbs = {"capture": reservations.capture, "release": reservations.release, "extend": reservations.extend}
    if rest[1] not in verbs:
        raise Refused("not_found")
    _expect(call, "POST")
    tenant, served = await _enter(worker, call)
    return await _on(worker, served, verbs[rest[1]](worker, tenant, served, call, rest[0]))


async def _on(worker: Worker, served: ServedShard, work: Awaitable[Response]) -> Response:
    """Do it on this shard; what shows that its epoch is over, or its server away, closes it here at once."""
    try:
        return await work
    except (FencedOut, RedisUnavailable, Recovering, ScriptFailed) as error:
        worker.gate.fence(served)
        raise Refused("recovering") from error


def _expect(call: Call, method: str) -> None:
    if call.method != method:
        raise Refused("method_not_allowed", f"this path takes {method}", allow=method)


async def _enter(worker: Worker, call: Call, publishable: bool = False) -> tuple[Tenant, ServedShard]:
    tenant = await worker.keys.tenant(call.authorization)
    if tenant.publishable and not publishable:
        raise Refused("publishable_key")
    return tenant, await worker.gate.enter(tenant.shard)


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
