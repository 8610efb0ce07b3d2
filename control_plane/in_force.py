"""Puts a change in force in Redis before it is answered, or leaves it to the projector. Must never lose one: it
stands in the outbox from the transaction that made it."""

from collections.abc import Awaitable, Callable
from functools import partial

from control_plane.context import Context
from control_plane.metrics import PENDING_CHANGES
from control_plane.shell import current_request_id
from store import log
from store.database import UNAVAILABLE
from store.definitions import Object, project_change
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed
from store.scripts import Scripts
from store.shards import Recovering, current_epoch

NOT_TOLD: tuple[type[Exception], ...] = (
    Recovering,
    RedisUnavailable,
    RedisFull,
    ScriptFailed,
    *UNAVAILABLE,
)
"""What is raised where a shard's Redis cannot be told now. The projector goes on with changes."""


async def put_in_force(
    context: Context, shard: int, project_id: str, object_: Object, object_id: str, created: bool = False
) -> bool:
    """Whether the newest version is in force now."""
    open_tx = partial(context.database.tenant_tx, project_id)

    async def project(scripts: Scripts) -> bool:
        return await project_change(open_tx, scripts, project_id, object_, object_id, created)

    try:
        done = await on_shard(context, shard, project)
        error = "fenced"
    except NOT_TOLD as failure:
        done, error = False, type(failure).__name__
    if not done:
        PENDING_CHANGES.inc()
        log.info(
            "change pending",
            request_id=current_request_id(),
            shard=shard,
            object=object_,
            object_id=None if object_ == "customer" else object_id,  # logs know nobody by name
            error=error,
        )
    return done


async def on_shard(context: Context, shard: int, work: Callable[[Scripts], Awaitable[bool]]) -> bool:
    """Do it, and once more with the epoch read anew if the one that this process knew is over. Raises what neither
    helps against."""
    bound = await context.shards.get(shard)
    for attempt in range(2):
        try:
            if await work(bound.scripts):
                return True
        except FencedOut:
            log.warning("fenced out", shard=shard, epoch=bound.epoch.number, attempt=attempt)
        if attempt == 0:
            bound = await context.shards.refresh(shard)
    return False


async def open_epoch(context: Context, shard: int) -> int:
    """The number of the shard's open epoch, 0 where there is none: then counters are hydrated, which is right."""
    async with context.database.shard_tx(shard) as tx:
        epoch = await current_epoch(tx, shard)
    return 0 if epoch is None else epoch.number
