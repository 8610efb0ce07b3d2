"""Puts a change in force in Redis before it is answered, or leaves it to the projector. Must never lose one: it
stands in the outbox from the transaction that made it."""

from functools import partial

from control_plane.auth import Tenant
from control_plane.context import Context
from control_plane.logs import log
from control_plane.metrics import PENDING_CHANGES
from control_plane.shell import current_request_id
from store.database import UNAVAILABLE
from store.definitions import Object, project_change
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.shards import Recovering, Shards, current_epoch

_LEFT_TO_PROJECTOR: tuple[type[Exception], ...] = (
    Recovering,
    RedisUnavailable,
    RedisFull,
    ScriptFailed,
    *UNAVAILABLE,
)


async def put_in_force(
    context: Context, tenant: Tenant, object_: Object, object_id: str, created: bool = False
) -> bool:
    """Whether the newest version is in force now."""
    try:
        done = await _twice(context, tenant, object_, object_id, created)
        error = "fenced"
    except _LEFT_TO_PROJECTOR as failure:
        done, error = False, type(failure).__name__
    if not done:
        PENDING_CHANGES.inc()
        log(
            "change_pending",
            request_id=current_request_id(),
            shard=tenant.shard,
            object=object_,
            object_id=object_id,
            error=error,
        )
    return done


async def _twice(context: Context, tenant: Tenant, object_: Object, object_id: str, created: bool) -> bool:
    """Once more with the epoch read anew, if the one that this process knew is over."""
    open_tx = partial(context.database.tenant_tx, tenant.project_id)
    shards: Shards = context.shards
    shard = await shards.get(tenant.shard)
    for attempt in range(2):
        try:
            if await project_change(open_tx, shard.scripts, tenant.project_id, object_, object_id, created):
                return True
        except FencedOut:
            log("fenced_out", shard=tenant.shard, epoch=shard.epoch.number, attempt=attempt)
        if attempt == 0:
            shard = await shards.refresh(tenant.shard)
    return False


async def open_epoch(context: Context, shard: int) -> int:
    """The number of the shard's open epoch, 0 where there is none: then counters are hydrated, which is right."""
    async with context.database.shard_tx(shard) as tx:
        epoch = await current_epoch(tx, shard)
    return 0 if epoch is None else epoch.number
