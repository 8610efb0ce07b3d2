"""Step (a) of a change: which limits go into the ledger with it, and from when on customers are counted."""

from collections.abc import Sequence

from control_plane.calls import Call
from control_plane.in_force import open_epoch
from domain.rules import Limit, Rules
from store.database import Transaction
from store.definitions import Object, stage_change


async def counts_customers_since(call: Call, before: Rules, after: Rules, since: int) -> int:
    """The epoch in which a limit per customer is first set: there, a customer without a counter has used nothing.

    It stays what it is once it is set; a limit that was removed and set again is hydrated in every later epoch.
    """
    limited_before, limited_after = before.max_redemptions_per_customer, after.max_redemptions_per_customer
    if since or limited_before is not None or limited_after is None:
        return since
    return await open_epoch(call.context, call.tenant.shard)


async def stage(
    tx: Transaction,
    call: Call,
    object_: Object,
    object_id: str,
    version: int,
    limits: Sequence[Limit],
    limits_before: Sequence[Limit] = (),
) -> None:
    """Raise the ceilings and enqueue the change.

    A limit per customer that has never been set is left out: its template would say 'has been unlimited' for ever,
    and no customer is counted under it.
    """
    set_before = {limit.counter for limit in limits_before if limit.value is not None}
    staged = [
        limit
        for limit in limits
        if limit.kind != "customer_family" or limit.value is not None or limit.counter in set_before
    ]
    tenant = call.tenant
    await stage_change(tx, tenant.shard, tenant.project_id, object_, object_id, version, staged)
