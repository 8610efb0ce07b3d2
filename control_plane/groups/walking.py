"""The walk after a rule was changed, or a group has gone: every member's groups by rule are written into its row again,
a chunk at a time, and each row that changes goes the three steps.

A chunk judges by the rules as they are when it runs, and they stand still until it has committed. So walks may overlap:
the last one that passes a row has the last word. Must never say who a member is but in the rows themselves.
"""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.calls import Call
from control_plane.effects import Change
from control_plane.groups.belonging import member_of, rules_in_force
from control_plane.groups.kinds import KINDS, GroupKind
from control_plane.imports.records import breathe
from control_plane.jobs.kinds import Run, Step
from control_plane.jobs.ordering import insert_action
from store.database import Transaction
from store.definitions import stage_change

ACTION_TYPE = "group_change"
MEMBERS_A_CHUNK = 200


class WalkParams(msgspec.Struct, frozen=True):
    """Which kind of groups is walked. `is_gone`: the group was deleted; its members alone are walked, and lose it."""

    kind: str
    group: str
    is_gone: bool = False


class WalkPlace(msgspec.Struct, frozen=True):
    """The last member that was passed."""

    after: str = ""
    made_at: datetime | None = None


class Regrouped(msgspec.Struct, frozen=True):
    """A member and the groups that it is in from now on."""

    id: str
    stated: tuple[str, ...]
    by_rule: tuple[str, ...]


async def order_walk(tx: Transaction, call: Call, kind: GroupKind, group: str, is_gone: bool = False) -> str:
    """Take on a walk; the action's id."""
    params = WalkParams(kind.object, group, is_gone)
    return await insert_action(tx, call, ACTION_TYPE, 0, params, is_open_ended=True)


async def walk(tx: Transaction, run: Run) -> Step:
    """The next members."""
    params, place = msgspec.convert(run.params, WalkParams), msgspec.convert(run.position, WalkPlace)
    kind, project_id = KINDS[params.kind], run.action.project_id
    rules = await rules_in_force(tx, kind, project_id)
    if params.is_gone:
        asked: tuple[Any, ...] = (kind.lock_members, project_id, params.group, place.made_at, place.after)
    else:
        asked = (kind.lock_behind, project_id, place.after)
    statement, *arguments = asked
    rows = await tx.fetch(statement, *arguments, MEMBERS_A_CHUNK)
    changed: list[Regrouped] = []
    for number, row in enumerate(rows):
        await breathe(number)
        before = tuple(row["stated"])
        stated = tuple(each for each in before if not (params.is_gone and each == params.group))
        by_rule = kind.judge(rules, member_of(row, stated))
        if stated != before or by_rule != tuple(row["by_rule"]):
            changed.append(Regrouped(row["id"], stated, by_rule))
    changes = await regroup(tx, run.tenant.shard, project_id, kind, changed)
    last = WalkPlace(rows[-1]["id"], rows[-1]["created_at"]) if rows else place
    return Step(done=len(rows), position=last, is_over=len(rows) < MEMBERS_A_CHUNK, changes=changes)


async def regroup(
    tx: Transaction, shard: int, project_id: str, kind: GroupKind, changed: list[Regrouped]
) -> tuple[Change, ...]:
    """Write the groups of these members, and stage that; what is to be put in force."""
    if not changed:
        return ()
    ids = [each.id for each in changed]
    columns = ([_json(each.stated) for each in changed], [_json(each.by_rule) for each in changed])
    for row in await tx.fetch(kind.regroup, project_id, ids, *columns):
        await stage_change(tx, shard, project_id, kind.member, row["id"], row["version"], ())
    return tuple(Change(kind.member, each) for each in ids)


def _json(labels: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(labels))
