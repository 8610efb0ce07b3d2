"""What is done with segments: all that is done with groups, of customers."""

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.groups.kinds import SEGMENTS as KIND
from control_plane.groups.kinds import StoredGroup
from control_plane.groups.membership import change_members, list_members
from control_plane.groups.services import delete_group, get_group, listing_of, update_group, upsert_group
from control_plane.rules.times import show_time
from control_plane.segments.schemas import SegmentUpdate, SegmentUpsert, SegmentView
from domain.conditions import to_wire


async def upsert_segment(call: Call) -> Response[bytes]:
    """POST /v1/segments: 202 where its rule changes, with the action that walks the customers."""
    return await upsert_group(call, KIND, call.body(SegmentUpsert), _show)


async def update_segment(call: Call, segment_id: str) -> Response[bytes]:
    """PATCH /v1/segments/{id}: 202 where its rule is stated, with the action that walks the customers."""
    return await update_group(call, KIND, segment_id, call.body(SegmentUpdate), _show)


async def delete_segment(call: Call, segment_id: str) -> Response[bytes]:
    """DELETE /v1/segments/{id}: 204 where it had no customers, else 202 with the action that takes them out."""
    return await delete_group(call, KIND, segment_id)


async def get_segment(call: Call, segment_id: str) -> Response[bytes]:
    """GET /v1/segments/{id}"""
    return await get_group(call, KIND, segment_id, _show)


async def change_customers(call: Call, segment_id: str) -> Response[bytes]:
    """POST /v1/segments/{id}/customers: `add` are put into it, `remove` are taken out."""
    return await change_members(call, KIND, segment_id)


async def list_customers(call: Call, segment_id: str) -> Response[bytes]:
    """GET /v1/segments/{id}/customers: the newest first."""
    return await list_members(call, KIND, segment_id)


def _show(tenant: Tenant, group: StoredGroup, action_id: str | UnsetType) -> SegmentView:
    return SegmentView(
        id=group.id,
        object="segment",
        name=group.name,
        rule=None if group.rule is None else to_wire(group.rule, tenant.decimals, of_item=KIND.of_products),
        metadata=msgspec.Raw(group.metadata.encode()),
        created_at=show_time(group.created_at),
        updated_at=show_time(group.updated_at),
        async_action_id=action_id,
    )


SEGMENTS = listing_of(KIND, SegmentView, _show)
"""GET /v1/segments"""
