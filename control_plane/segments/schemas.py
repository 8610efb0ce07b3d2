"""Segments on the wire."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId


class SegmentUpsert(msgspec.Struct, kw_only=True):
    """Body of a segment: what is left out stays, null removes."""

    id: ShopId
    name: Name | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SegmentView(msgspec.Struct):
    """A segment as the API shows it."""

    id: str
    object: Literal["segment"]
    name: str | None
    metadata: msgspec.Raw
    created_at: str
    updated_at: str
