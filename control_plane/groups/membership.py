"""Who is in a group: put into it, taken out of it, listed. Every member that changes goes the three steps.

Must never touch who is in it by rule: that follows from the member.
"""

from functools import partial
from typing import Any

from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.groups.belonging import member_of, rules_in_force
from control_plane.groups.kinds import GroupKind
from control_plane.groups.schemas import MembersChange, MembersChanged, MemberView
from control_plane.groups.walking import Regrouped, regroup
from control_plane.listing import Listing, list_page
from control_plane.shop_ids import MOST_LABELS, is_shop_id
from domain.problems import Refused
from store.database import Transaction


async def change_members(call: Call, kind: GroupKind, group_id: str) -> Response[bytes]:
    """POST the members: `add` are put into the group, and made where a customer is not known yet; `remove` are taken
    out."""
    body, errors = call.body(MembersChange), call.errors
    add = () if isinstance(body.add, UnsetType) else tuple(dict.fromkeys(body.add))
    remove = () if isinstance(body.remove, UnsetType) else tuple(dict.fromkeys(body.remove))
    for place, one in enumerate(remove):
        if one in add:
            errors.add(f"/remove/{place}", "is to be added as well")
    errors.raise_if_any()
    return await perform(call, partial(_change, call, kind, group_id, add, remove))


async def _change(
    call: Call, kind: GroupKind, group_id: str, add: tuple[str, ...], remove: tuple[str, ...], tx: Transaction
) -> Outcome:
    tenant = call.tenant
    rules = await rules_in_force(tx, kind, tenant.project_id)
    if not is_shop_id(group_id) or await tx.fetchrow(kind.get, tenant.project_id, group_id) is None:
        raise Refused(kind.missing)
    rows = await _lock(tx, kind, tenant.project_id, add, remove)
    for place, one in enumerate(add):
        if one not in rows:
            call.errors.add(f"/add/{place}", f"there is no such {kind.member}")
        elif group_id not in rows[one]["stated"] and len(rows[one]["stated"]) >= MOST_LABELS:
            call.errors.add(f"/add/{place}", f"is in {MOST_LABELS} {kind.object}s already")
    call.errors.raise_if_any()
    changed: list[Regrouped] = []
    for one, row in rows.items():
        before = tuple(row["stated"])
        kept = tuple(each for each in before if each != group_id)
        stated = (before if group_id in before else (*before, group_id)) if one in add else kept
        if stated != before:
            changed.append(Regrouped(one, stated, kind.judge(rules, member_of(row, stated))))
    await regroup(tx, tenant.shard, tenant.project_id, kind, changed)
    added = sum(each.id in add for each in changed)
    answered = MembersChanged(added, len(changed) - added)
    if changed:
        after = {"added": answered.added, "removed": answered.removed}
        await record(tx, call, f"{kind.object}.members", group_id, after=after)
    # Redis is told of all that were named: an earlier change may be pending, and 200 says that they are in force.
    changes = [Change(kind.member, one) for one in rows]
    if not changes:
        return Outcome(200, answered)
    return Outcome(200, answered, changes[-1], more=tuple(changes[:-1]))


async def _lock(
    tx: Transaction, kind: GroupKind, project_id: str, add: tuple[str, ...], remove: tuple[str, ...]
) -> dict[str, Any]:
    """The rows of those who are there, by their ids. Whoever buys may not have been told of yet, and is made; a product
    without anything is no product."""
    while True:
        if not kind.of_products:
            for one in sorted(add):
                await tx.execute(kind.ensure_member, project_id, one)
        rows = {row["id"]: row for row in await tx.fetch(kind.lock_named, project_id, [*add, *remove])}
        if kind.of_products or rows.keys() >= set(add):
            return rows  # else one was deleted in between


async def list_members(call: Call, kind: GroupKind, group_id: str) -> Response[bytes]:
    """GET the members: the newest first."""
    return await list_page(call, members_of(kind, group_id))


def members_of(kind: GroupKind, group_id: str) -> Listing:
    """The list of a group's members. One that is not there has none."""
    known = group_id if is_shop_id(group_id) else ""
    return Listing(
        MemberView,
        lambda row, _tenant: MemberView(row["id"], kind.member, row["stated"], row["by_rule"]),  # type: ignore[arg-type]
        lambda project_id, _filters, page: (
            *(kind.list_members, project_id, page.after, page.after_id, page.rows),
            known,
        ),
    )
