"""Collections on the wire."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.groups.schemas import GroupUpdate
from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId


class CollectionUpsert(msgspec.Struct, kw_only=True):
    """Body of a collection: what is left out stays, null removes. `rule`: conditions on products, which are in it then,
    beside those that were put into it."""

    id: ShopId
    name: Name | UnsetType | None = UNSET
    rule: dict[str, Any] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CollectionUpdate(GroupUpdate, kw_only=True):
    """Body of a change of a collection: what is left out stays, null removes. A rule stated again is walked again."""


class CollectionView(msgspec.Struct):
    """A collection as the API shows it. `async_action_id`: the walk over the products after a change of its rule."""

    id: str
    object: Literal["collection"]
    name: str | None
    rule: dict[str, Any] | None
    metadata: msgspec.Raw
    created_at: str
    updated_at: str
    async_action_id: str | UnsetType = UNSET
