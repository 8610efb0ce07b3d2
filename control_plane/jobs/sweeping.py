"""Sweeps what was kept and nobody will read any more: inputs of what is over, old results, broken-off uploads, and
answers that no Idempotency-Key gets again."""

from control_plane.context import Context
from control_plane.jobs.spool import delete_chunks
from store.queries import query

KEEP_RESULTS_S = 7 * 86_400.0
KEEP_UPLOADS_S = 3_600.0
"""Longer than any upload takes: the gateway ends one before."""
MOST_AT_ONCE = 100
MOST_ANSWERS = 1_000

_ANSWERS = query("control_sweep_answers")
_SPENT = query("control_spent_actions")
_DROP = query("control_drop_received_action")


async def sweep(context: Context) -> int:
    """Sweep what is spent; how many actions it was of."""
    async with context.database.anonymous_tx() as tx:
        await tx.fetchval(_ANSWERS, MOST_ANSWERS)
        rows = await tx.fetch(_SPENT, MOST_AT_ONCE, KEEP_RESULTS_S, KEEP_UPLOADS_S)
    for row in rows:
        async with context.database.tenant_tx(row["project_id"]) as tx:
            if await tx.execute(_DROP, row["project_id"], row["id"]) == "DELETE 0":
                await delete_chunks(tx, row["project_id"], row["id"])
    return len(rows)
