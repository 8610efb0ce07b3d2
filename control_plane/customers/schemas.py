"""Customers on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import Labels, ShopId

MOST_EMAIL_CHARS = 320
Email = Annotated[str, msgspec.Meta(min_length=3, max_length=MOST_EMAIL_CHARS, pattern="^[^@\\s]+@[^@\\s]+$")]


class CustomerUpsert(msgspec.Struct, kw_only=True):
    """Body of a customer: what is left out stays, null removes. Segments are those that the customer is in."""

    id: ShopId
    name: Name | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    segments: Labels | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CustomerUpdate(msgspec.Struct, kw_only=True):
    """Body of a change of a customer: what is left out stays, null removes."""

    name: Name | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    segments: Labels | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CustomerView(msgspec.Struct):
    """A customer as the API shows it. `segments` are those that the shop has put them into, `rule_segments` those whose
    rule they meet: they are in both. `updated_at` null: known from redemptions alone."""

    id: str
    object: Literal["customer"]
    name: str | None
    email: str | None
    segments: list[str]
    rule_segments: list[str]
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str | None
    pending: bool | UnsetType = UNSET


class ErasureAccepted(msgspec.Struct):
    """An erasure has been taken on, or was under way."""

    async_action_id: str
    pending: bool | UnsetType = UNSET
