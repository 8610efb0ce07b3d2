"""Upserts: what a shop keeps here under its own ids. What a body leaves out stays, null removes.

Shops send whole catalogues again and again: where nothing changes, nothing is written, and Redis is told only if it
has not been told yet.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import UNSET

from control_plane.calls import Call
from control_plane.effects import Change
from control_plane.metadata import to_text
from control_plane.problems import Errors
from store.database import Transaction
from store.definitions import Object
from store.queries import query

T = TypeVar("T")

_IS_PENDING = query("control_is_change_pending")


def given_fields(errors: Errors, **given: Any) -> dict[str, Any]:
    """The fields that a body gives; metadata as text."""
    fields = {name: value for name, value in given.items() if value is not UNSET}
    if "metadata" in fields:
        fields["metadata"] = to_text(fields["metadata"] or {}, "/metadata", errors)
    return fields


async def ensure_locked(
    tx: Transaction, ensure: str, lock: str, read: Callable[[Any], T], *name: str
) -> tuple[T, bool]:
    """The row, made blank where there was none, and whether it was made; locked until the transaction ends."""
    while True:
        made = await tx.execute(ensure, *name) != "INSERT 0 0"
        row = await tx.fetchrow(lock, *name)
        if row is not None:  # else it was deleted in between
            return read(row), made


async def change_if_pending(tx: Transaction, call: Call, object_: Object, object_id: str) -> Change | None:
    """The change to put in force where nothing was changed now: an earlier one that Redis has not been told."""
    tenant = call.tenant
    pending = await tx.fetchval(_IS_PENDING, tenant.project_id, tenant.shard, object_, object_id)
    return Change(object_, object_id) if pending else None
