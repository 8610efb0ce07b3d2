"""What is done with collections: all that is done with groups, of products."""

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.collections.schemas import CollectionUpdate, CollectionUpsert, CollectionView
from control_plane.groups.kinds import COLLECTIONS as KIND
from control_plane.groups.kinds import StoredGroup
from control_plane.groups.membership import change_members, list_members
from control_plane.groups.services import delete_group, get_group, listing_of, update_group, upsert_group
from control_plane.rules.times import show_time
from domain.conditions import to_wire


async def upsert_collection(call: Call) -> Response[bytes]:
    """POST /v1/collections: 202 where its rule changes, with the action that walks the products."""
    return await upsert_group(call, KIND, call.body(CollectionUpsert), _show)


async def update_collection(call: Call, collection_id: str) -> Response[bytes]:
    """PATCH /v1/collections/{id}: 202 where its rule is stated, with the action that walks the products."""
    return await update_group(call, KIND, collection_id, call.body(CollectionUpdate), _show)


async def delete_collection(call: Call, collection_id: str) -> Response[bytes]:
    """DELETE /v1/collections/{id}: 204 where it had no products, else 202 with the action that takes them out."""
    return await delete_group(call, KIND, collection_id)


async def get_collection(call: Call, collection_id: str) -> Response[bytes]:
    """GET /v1/collections/{id}"""
    return await get_group(call, KIND, collection_id, _show)


async def change_products(call: Call, collection_id: str) -> Response[bytes]:
    """POST /v1/collections/{id}/products: `add` are put into it, `remove` are taken out."""
    return await change_members(call, KIND, collection_id)


async def list_products(call: Call, collection_id: str) -> Response[bytes]:
    """GET /v1/collections/{id}/products: the newest first."""
    return await list_members(call, KIND, collection_id)


def _show(tenant: Tenant, group: StoredGroup, action_id: str | UnsetType) -> CollectionView:
    return CollectionView(
        id=group.id,
        object="collection",
        name=group.name,
        rule=None if group.rule is None else to_wire(group.rule, tenant.decimals, of_item=KIND.of_products),
        metadata=msgspec.Raw(group.metadata.encode()),
        created_at=show_time(group.created_at),
        updated_at=show_time(group.updated_at),
        async_action_id=action_id,
    )


COLLECTIONS = listing_of(KIND, CollectionView, _show)
"""GET /v1/collections"""
