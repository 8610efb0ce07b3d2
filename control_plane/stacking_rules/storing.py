"""A project's settings: read, locked, written with the change that Redis is to be told.

Must never be written past stage(): a checkout decides by what Redis has.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.effects import Change
from control_plane.in_force import open_epoch
from domain.definitions import ProjectSettings, orders_family
from domain.rules import Limit
from store.database import Transaction
from store.definitions import settings_from, settings_row, stage_change
from store.queries import query

_ENSURE = query("control_ensure_settings")
_LOCK = query("control_lock_settings")
_GET = query("control_settings")
_UPDATE = query("control_update_settings")


class StoredSettings(msgspec.Struct, frozen=True):
    """A project's settings with the time of their last change, None where there was none."""

    settings: ProjectSettings
    updated_at: datetime | None


async def load_settings(tx: Transaction, project_id: str) -> StoredSettings:
    """The project's settings, or the defaults."""
    row = await tx.fetchrow(_GET, project_id)
    if row is None:
        return StoredSettings(ProjectSettings(project_id), None)
    return StoredSettings(settings_from(row), row["updated_at"])


async def lock_settings(tx: Transaction, project_id: str) -> tuple[StoredSettings, bool]:
    """The project's settings, locked; and whether their row was made by that."""
    made = await tx.execute(_ENSURE, project_id, settings_row(ProjectSettings(project_id))) != "INSERT 0 0"
    row = await tx.fetchrow(_LOCK, project_id)
    assert row is not None
    return StoredSettings(settings_from(row), row["updated_at"]), made


async def store_settings(
    tx: Transaction,
    call: Call,
    before: ProjectSettings,
    after: ProjectSettings,
    made: bool,
    limits: Sequence[Limit] = (),
) -> StoredSettings:
    """Write locked settings, and stage their change. A first change is version 2: the defaults are 1."""
    tenant, version = call.tenant, before.version if made else before.version + 1
    row = await tx.fetchrow(_UPDATE, tenant.project_id, version, settings_row(after))
    assert row is not None
    await stage_change(tx, tenant.shard, tenant.project_id, "settings", tenant.project_id, version, limits)
    shown_before = {} if made else settings_row(before)
    await record(tx, call, "stacking_rules.update", tenant.project_id, shown_before, settings_row(after))
    return StoredSettings(settings_from(row), row["updated_at"])


async def count_orders(tx: Transaction, call: Call) -> Change:
    """Have each customer's orders counted from now on, in the open epoch or the first one; the change that must be in
    force before anything relies on it. They stay counted for ever."""
    project_id = call.tenant.project_id
    stored, made = await lock_settings(tx, project_id)
    before = stored.settings
    if not before.orders_counted_since:
        since = max(1, await open_epoch(call.context, call.tenant.shard))
        after = msgspec.structs.replace(before, orders_counted_since=since)
        family = Limit(orders_family(project_id), "customer_family", None)
        await store_settings(tx, call, before, after, made, (family,))
    return Change("settings", project_id)
