"""Segments on the wire."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.groups.schemas import GroupUpdate
from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId


class SegmentUpsert(msgspec.Struct, kw_only=True):
    """Body of a segment: what is left out stays, null removes. `rule`: conditions on customers, who are in it then,
    beside those that were put into it."""

    id: ShopId
    name: Name | UnsetType | None = UNSET
    rule: dict[str, Any] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SegmentUpdate(GroupUpdate, kw_only=True):
    """Body of a change of a segment: what is left out stays, null removes. A rule stated again is walked again."""


class SegmentView(msgspec.Struct):
    """A segment as the API shows it. `async_action_id`: the walk over the customers after a change of its rule."""

    id: str
    object: Literal["segment"]
    name: str | None
    rule: dict[str, Any] | None
    metadata: msgspec.Raw
    created_at: str
    updated_at: str
    async_action_id: str | UnsetType = UNSET
