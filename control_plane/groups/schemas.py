"""Groups on the wire: what segments and collections have in common."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId

MOST_AT_ONCE = 100

_Few = Annotated[list[ShopId], msgspec.Meta(max_length=MOST_AT_ONCE)]


class GroupUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes. `rule`: who is in it beside those who were put into it.
    Stated again, it is walked again."""

    name: Name | UnsetType | None = UNSET
    rule: dict[str, Any] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class MembersChange(msgspec.Struct, kw_only=True):
    """Body of a change of who is in a group: up to 100 ids to put into it, and as many to take out."""

    add: _Few | UnsetType = UNSET
    remove: _Few | UnsetType = UNSET


class MembersChanged(msgspec.Struct):
    """How many were put in and taken out by this: who was there already, or was not, is not counted."""

    added: int
    removed: int
    pending: bool | UnsetType = UNSET


class MemberView(msgspec.Struct):
    """One of a group: because the shop has put it there, because of the group's rule, or both."""

    id: str
    object: Literal["customer", "product"]
    stated: bool
    by_rule: bool
