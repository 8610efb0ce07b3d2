"""Campaigns and the programs that are campaigns too: loaded, inserted, changed by the three steps, from draft to
archived.

Must never know what a program's terms mean: its area brings them, and how it is shown.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.auth import Tenant
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.campaigns.schemas import CampaignRules, FirstStatus
from control_plane.campaigns.storing import StoredCampaign, campaign_from_row, limits_of
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from domain.ids import is_id
from domain.lifecycle import ARCHIVED, CampaignAction, after_action
from domain.problems import Refused
from domain.rules import Rules
from store.database import Transaction
from store.definitions import forget_changes
from store.queries import query

MOST_BYTES = 32_768
"""Of a program's terms, as PostgreSQL spells them."""

_INSERT = query("control_insert_campaign")
_UPDATE = query("control_update_campaign")
_GET = query("control_campaign")
_LOCK = query("control_lock_campaign")
_JOIN = query("control_join_campaign")
_IS_EMPTY = query("control_is_campaign_empty")
_DELETE = query("control_delete_campaign")
_RULES_AT = "/rules"
_NO_DISCOUNT = ("discount_type", "discount_value", "max_discount", "applies_to", "added_unit")

Show = Callable[[StoredCampaign, Tenant], msgspec.Struct]
Changed = Callable[[StoredCampaign], StoredCampaign]


class Kind(msgspec.Struct, frozen=True):
    """Which of them: the prefix of their ids, their object, the code where one is missing, how one is shown."""

    prefix: str
    object: Literal["campaign", "loyalty_program", "referral_program"]
    missing: str
    show: Show


class New(msgspec.Struct, frozen=True):
    """What a campaign or a program is made from."""

    name: str
    type: str
    status: FirstStatus
    rules: Rules
    program: dict[str, Any]
    metadata: str


def merge_rules(call: Call, before: Rules, wish: CampaignRules, has_discount: bool) -> Rules:
    """The program's rules with a body's wish; without `has_discount` it takes none."""
    given = [name for name in _NO_DISCOUNT if not isinstance(getattr(wish, name), msgspec.UnsetType)]
    if given and not has_discount:
        for name in given:
            call.errors.add(f"{_RULES_AT}/{name}", "a program of this kind has no discount of its own")
        return before
    return RulesReader(call.tenant.decimals, _RULES_AT, call.errors).merge(before, wish)


async def load_program(
    tx: Transaction, project_id: str, kind: Kind, program_id: str, lock: bool = False
) -> StoredCampaign:
    """The project's program; Refused where it has none of this id."""
    return await _load(tx, _LOCK if lock else _GET, project_id, kind, program_id)


async def hold_program(tx: Transaction, project_id: str, kind: Kind, program_id: str) -> StoredCampaign:
    """The project's program, which becomes nothing else until the transaction is over."""
    return await _load(tx, _JOIN, project_id, kind, program_id)


async def join_program(tx: Transaction, project_id: str, kind: Kind, program_id: str) -> StoredCampaign:
    """The project's program, for something new in it: held, and Refused where it is archived."""
    program = await hold_program(tx, project_id, kind, program_id)
    if program.status == ARCHIVED:
        raise Refused("archived")
    return program


async def _load(tx: Transaction, statement: str, project_id: str, kind: Kind, program_id: str) -> StoredCampaign:
    row = await tx.fetchrow(statement, project_id, program_id) if is_id(kind.prefix, program_id) else None
    if row is None:
        raise Refused(kind.missing)
    return campaign_from_row(row)


async def insert_program(call: Call, kind: Kind, new: New, tx: Transaction) -> Outcome:
    """A new one."""
    tenant, program_id = call.tenant, new_id(kind.prefix)
    await hold(tx, call, kind.object, new.metadata)
    await _require(tx, call, new.rules)
    since = await counts_customers_since(call, Rules(), new.rules, 0)
    row = (program_id, tenant.account_id, new.name, new.type, new.rules, new.metadata, since, new.program, new.status)
    await tx.execute(_INSERT, tenant.project_id, *row)
    stored = await load_program(tx, tenant.project_id, kind, program_id)
    await stage(tx, call, "campaign", program_id, stored.version, limits_of(stored, tenant.project_id))
    await record(tx, call, f"{kind.object}.create", program_id, after=stored.audited())
    return Outcome(201, kind.show(stored, tenant), Change("campaign", program_id, created=True))


async def change_program(
    call: Call, kind: Kind, program_id: str, changed: Changed, action: str, tx: Transaction
) -> Outcome:
    """What `changed` makes of it, or the same again."""
    before = await load_program(tx, call.tenant.project_id, kind, program_id, lock=True)
    stored = await _become(tx, call, kind, before, changed(before), action)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    return Outcome(200, kind.show(stored, call.tenant), Change("campaign", program_id))


async def _become(
    tx: Transaction, call: Call, kind: Kind, before: StoredCampaign, after: StoredCampaign, action: str
) -> StoredCampaign:
    if after == before:
        return before
    if before.status == after.status == ARCHIVED:
        raise Refused("archived")
    project_id = call.tenant.project_id
    await hold(tx, call, kind.object, changed_metadata(before, after), is_new=False)
    await _require(tx, call, after.rules)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    row = (after.name, after.status, version, after.rules, after.metadata, since, after.program)
    await tx.execute(_UPDATE, project_id, before.id, *row)
    stored = await load_program(tx, project_id, kind, before.id)
    limits, limits_before = limits_of(stored, project_id), limits_of(before, project_id)
    await stage(tx, call, "campaign", before.id, version, limits, limits_before)
    await record(tx, call, f"{kind.object}.{action}", before.id, before.audited(), stored.audited())
    return stored


async def act_on_program(call: Call, kind: Kind, program_id: str, action: CampaignAction) -> Response[bytes]:
    """POST .../activate, /pause, /resume, /end, /archive and /restore: 409 where that does not go with the status that
    it has, 200 also where it has that status already."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredCampaign) -> StoredCampaign:
        return msgspec.structs.replace(before, status=after_action(before.status, action))

    return await perform(call, partial(change_program, call, kind, program_id, changed, action))


async def remove_program(call: Call, kind: Kind, program_id: str) -> Response[bytes]:
    """DELETE: archived; but a draft that nothing has come into is gone."""
    call.query().done()
    return await perform(call, partial(_remove, call, kind, program_id))


async def _remove(call: Call, kind: Kind, program_id: str, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    before = await load_program(tx, project_id, kind, program_id, lock=True)
    if before.status == "draft" and await tx.fetchval(_IS_EMPTY, project_id, program_id):
        await tx.execute(_DELETE, project_id, program_id)
        await forget_changes(tx, project_id, "campaign", program_id)
        await record(tx, call, f"{kind.object}.delete", program_id, before=before.audited())
        return Outcome(204, None)
    after = msgspec.structs.replace(before, status=after_action(before.status, "archive"))
    await _become(tx, call, kind, before, after, "archive")
    return Outcome(204, None, Change("campaign", program_id))


async def get_one_program(call: Call, kind: Kind, program_id: str) -> Response[bytes]:
    """GET one."""
    call.query().done()
    async with call.open_tx() as tx:
        stored = await load_program(tx, call.tenant.project_id, kind, program_id)
    return answer(200, kind.show(stored, call.tenant))


async def _require(tx: Transaction, call: Call, rules: Rules) -> None:
    at = f"{_RULES_AT}/validation_rules"
    await require_rules(tx, call.tenant.project_id, rules.validation_rules, at, call.errors)
