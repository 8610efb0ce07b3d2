"""The two kinds of groups, and what tells them apart: names, statements, and how a rule is judged.

Must never do anything: services, membership and the walk after a change do.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from domain.groups import Member, Rule, collections_of, segments_of
from store.definitions import Object
from store.queries import query


class GroupKind(msgspec.Struct, frozen=True):
    """Segments or collections. `missing` is the code where one is not there; `judge` says which of the project's rules
    a member meets."""

    object: Literal["segment", "collection"]
    members: str
    member: Object
    of_products: bool
    missing: str
    judge: Callable[[Sequence[Rule], Member], tuple[str, ...]]
    ensure: str
    lock: str
    update: str
    delete: str
    get: str
    list: str
    searches: tuple[str, ...]
    rules: str
    share_rules: str
    hold_rules: str
    list_members: str
    is_empty: str
    lock_members: str
    lock_behind: str
    lock_named: str
    regroup: str
    ensure_member: str


SEGMENTS = GroupKind(
    object="segment",
    members="customers",
    member="customer",
    of_products=False,
    missing="segment_not_found",
    judge=segments_of,
    ensure=query("control_ensure_segment"),
    lock=query("control_lock_segment"),
    update=query("control_update_segment"),
    delete=query("control_delete_segment"),
    get=query("control_segment"),
    list=query("control_segments"),
    searches=(query("control_search_segments_by_id"), query("control_search_segments_by_name")),
    rules=query("control_segment_rules"),
    share_rules=query("control_share_segment_rules"),
    hold_rules=query("control_hold_segment_rules"),
    list_members=query("control_members_of_segment"),
    is_empty=query("control_is_segment_empty"),
    lock_members=query("control_lock_members_of_segment"),
    lock_behind=query("control_lock_customers_behind"),
    lock_named=query("control_lock_customers_named"),
    regroup=query("control_regroup_customers"),
    ensure_member=query("control_ensure_customer"),
)
COLLECTIONS = GroupKind(
    object="collection",
    members="products",
    member="product",
    of_products=True,
    missing="collection_not_found",
    judge=collections_of,
    ensure=query("control_ensure_collection"),
    lock=query("control_lock_collection"),
    update=query("control_update_collection"),
    delete=query("control_delete_collection"),
    get=query("control_collection"),
    list=query("control_collections"),
    searches=(query("control_search_collections_by_id"), query("control_search_collections_by_name")),
    rules=query("control_collection_rules"),
    share_rules=query("control_share_collection_rules"),
    hold_rules=query("control_hold_collection_rules"),
    list_members=query("control_members_of_collection"),
    is_empty=query("control_is_collection_empty"),
    lock_members=query("control_lock_members_of_collection"),
    lock_behind=query("control_lock_products_behind"),
    lock_named=query("control_lock_products_named"),
    regroup=query("control_regroup_products"),
    ensure_member=query("control_ensure_product"),
)
KINDS: dict[str, GroupKind] = {kind.object: kind for kind in (SEGMENTS, COLLECTIONS)}


class StoredGroup(msgspec.Struct, frozen=True):
    """A group's row; `rule` is the canonical form, None where only who was put into it is in it."""

    id: str
    name: str | None
    rule: dict[str, Any] | None
    metadata: str
    created_at: datetime
    updated_at: datetime

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return {"name": self.name, "rule": self.rule}


def group_from_row(row: Any) -> StoredGroup:
    """The group of a row."""
    return msgspec.convert(dict(row), StoredGroup)
