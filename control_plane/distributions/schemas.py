"""Distributions on the wire."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId
from control_plane.vouchers.schemas import Reference


class DistributionCreate(msgspec.Struct, kw_only=True):
    """Body of a distribution: of which campaign or program, to the customers of which segment. The metadata are
    those of each publication."""

    campaign_id: Reference
    segment_id: ShopId
    once: bool | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class DistributionView(msgspec.Struct):
    """A distribution as the API shows it; its asynchronous action has the failures, and can be cancelled."""

    id: str
    object: Literal["distribution"]
    async_action_id: str
    name: str | None
    campaign_id: str
    segment_id: str
    once: bool
    status: str
    done_count: int
    failed_count: int
    metadata: msgspec.Raw
    created_at: str
