"""Orders that events name: kept, so that they are found among the others."""

from control_plane.calls import Call
from store.database import Transaction
from store.queries import query

_NOTE = query("control_note_order")


async def note_order(tx: Transaction, call: Call, order_id: str, customer_id: str | None, is_paid: bool) -> None:
    """Keep it; locked until the transaction ends, and before what was paid of it: whoever changes an order does so."""
    await tx.execute(_NOTE, call.tenant.project_id, order_id, customer_id, is_paid)
