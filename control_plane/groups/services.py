"""What is done with groups: upserted, changed, deleted, read, listed. No decision reads one: a member's groups stand in
its own row. So a rule that changes is followed by a walk over the members, which the answer names."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from control_plane.audit import record
from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.collections.schemas import CollectionUpdate, CollectionUpsert
from control_plane.effects import Outcome, perform
from control_plane.groups.kinds import GroupKind, StoredGroup, group_from_row
from control_plane.groups.walking import order_walk
from control_plane.listing import Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.problems import Errors
from control_plane.segments.schemas import SegmentUpdate, SegmentUpsert
from control_plane.shop_ids import is_shop_id
from control_plane.shop_reading import by_id_or, get_one, plain
from control_plane.upserts import ensure_locked, given_fields
from control_plane.vouchers.schemas import BatchAccepted
from domain.conditions import check_membership
from domain.problems import Refused
from store.database import Transaction

MOST_RULES = 100
"""Of one project's groups of a kind: each is judged whenever a member is written."""
MOST_BYTES = 32_768
"""Of a rule's canonical form, as PostgreSQL spells it."""

Show = Callable[[Tenant, StoredGroup, str | UnsetType], msgspec.Struct]
Upsert = SegmentUpsert | CollectionUpsert
Update = SegmentUpdate | CollectionUpdate


async def upsert_group(call: Call, kind: GroupKind, body: Upsert, show: Show) -> Response[bytes]:
    """POST one."""
    fields = _fields(call, kind, body)
    return await perform(call, partial(_upsert, call, kind, body.id, fields, show))


async def update_group(call: Call, kind: GroupKind, group_id: str, body: Update, show: Show) -> Response[bytes]:
    """PATCH one."""
    fields = _fields(call, kind, body)
    return await perform(call, partial(_update, call, kind, group_id, fields, show))


async def delete_group(call: Call, kind: GroupKind, group_id: str) -> Response[bytes]:
    """DELETE one."""
    call.query().done()
    return await perform(call, partial(_delete, call, kind, group_id))


def _fields(call: Call, kind: GroupKind, body: Upsert | Update) -> dict[str, Any]:
    fields = given_fields(call.errors, name=body.name, metadata=body.metadata)
    if body.rule is None:
        fields["rule"] = None
    elif not isinstance(body.rule, UnsetType):
        fields["rule"] = _read_rule(body.rule, kind, call.tenant.decimals, call.errors)
    call.errors.raise_if_any()
    return fields


def _read_rule(given: dict[str, Any], kind: GroupKind, decimals: int, errors: Errors) -> dict[str, Any] | None:
    canonical, faults = check_membership(given, decimals, kind.of_products)
    for fault in faults:
        errors.add(f"/rule{fault.pointer}", fault.detail)
    text = json.dumps(canonical, ensure_ascii=False)
    if "\\u0000" in text.replace("\\\\", ""):  # the character, not somebody's spelling of it
        errors.add("/rule", "must not contain a NUL character")
    if len(text.encode()) > MOST_BYTES:
        errors.add("/rule", f"is longer than {MOST_BYTES} bytes")
    return canonical


async def _upsert(
    call: Call, kind: GroupKind, group_id: str, fields: dict[str, Any], show: Show, tx: Transaction
) -> Outcome:
    project_id = call.tenant.project_id
    if "rule" in fields:
        await tx.execute(kind.hold_rules, project_id)
    before, made = await ensure_locked(tx, kind.ensure, kind.lock, group_from_row, project_id, group_id)
    await hold(tx, call, kind.object, fields.get("metadata"), is_new=made)
    after = msgspec.structs.replace(before, **fields)
    if after == before and not made:
        return Outcome(200, show(call.tenant, before, UNSET))
    return await _write(tx, call, kind, None if made else before, after, after.rule != before.rule, show)


async def _update(
    call: Call, kind: GroupKind, group_id: str, fields: dict[str, Any], show: Show, tx: Transaction
) -> Outcome:
    if "rule" in fields:
        await tx.execute(kind.hold_rules, call.tenant.project_id)
    before = await _load(tx, call, kind, group_id)
    await hold(tx, call, kind.object, fields.get("metadata"), is_new=False)
    after = msgspec.structs.replace(before, **fields)
    walks = "rule" in fields and (before.rule, after.rule) != (None, None)
    if after == before and not walks:
        return Outcome(200, show(call.tenant, before, UNSET))
    return await _write(tx, call, kind, before, after, walks, show)


async def _write(
    tx: Transaction,
    call: Call,
    kind: GroupKind,
    before: StoredGroup | None,
    after: StoredGroup,
    walks: bool,
    show: Show,
) -> Outcome:
    project_id = call.tenant.project_id
    row = await tx.fetchrow(kind.update, project_id, after.id, after.name, after.rule, after.metadata)
    stored = group_from_row(row)
    if stored.rule is not None and len(await tx.fetch(kind.rules, project_id)) > MOST_RULES:
        call.errors.add("/rule", f"would be one of more than {MOST_RULES} of the project")
        call.errors.raise_if_any()
    verb = "upsert" if before is None else "update"
    await record(
        tx, call, f"{kind.object}.{verb}", after.id, None if before is None else before.audited(), stored.audited()
    )
    if not walks:
        return Outcome(200, show(call.tenant, stored, UNSET))
    return Outcome(202, show(call.tenant, stored, await order_walk(tx, call, kind, after.id)))


async def _delete(call: Call, kind: GroupKind, group_id: str, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    await tx.execute(kind.hold_rules, project_id)
    before = await _load(tx, call, kind, group_id)
    await tx.execute(kind.delete, project_id, group_id)
    await record(tx, call, f"{kind.object}.delete", group_id, before=before.audited())
    if await tx.fetchval(kind.is_empty, project_id, group_id):
        return Outcome(204, None)
    return Outcome(202, BatchAccepted(await order_walk(tx, call, kind, group_id, is_gone=True)))


async def _load(tx: Transaction, call: Call, kind: GroupKind, group_id: str) -> StoredGroup:
    """The group, locked; Refused where there is none."""
    row = await tx.fetchrow(kind.lock, call.tenant.project_id, group_id) if is_shop_id(group_id) else None
    if row is None:
        raise Refused(kind.missing)
    return group_from_row(row)


async def get_group(call: Call, kind: GroupKind, group_id: str, show: Show) -> Response[bytes]:
    """GET one."""
    return await get_one(
        call, kind.get, group_id, kind.missing, lambda row: show(call.tenant, group_from_row(row), UNSET)
    )


def listing_of(kind: GroupKind, view: type[msgspec.Struct], show: Show) -> Listing:
    """The list of them."""
    return Listing(
        view,
        lambda row, tenant: show(tenant, group_from_row(row), UNSET),
        by_id_or(kind.get, plain(kind.list)),
        {"id": Text()},
        searches=kind.searches,
    )
