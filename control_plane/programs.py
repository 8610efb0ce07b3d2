"""Loyalty and referral programs as the campaigns they are: loaded, listed, inserted, changed by the three steps.

Must never know what a program's terms mean: its area brings them, and how it is shown.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.campaigns.schemas import CampaignRules
from control_plane.campaigns.storing import StoredCampaign, campaign_from_row, limits_of
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.queries import list_body
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.validation_rules.storing import require_rules
from domain.ids import is_id
from domain.problems import Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

MOST_BYTES = 32_768
"""Of a program's terms, as PostgreSQL spells them."""

_INSERT = query("control_insert_campaign")
_UPDATE = query("control_update_campaign")
_GET = query("control_campaign")
_LOCK = query("control_lock_campaign")
_LIST = query("control_campaigns")
_RULES_AT = "/rules"
_NO_DISCOUNT = ("discount_type", "discount_value", "max_discount", "applies_to", "added_unit")


class Kind(msgspec.Struct, frozen=True):
    """Which programs: their type as campaigns, the prefix of their ids, their object, the code where one is missing."""

    type: str
    prefix: str
    object: Literal["loyalty_program", "referral_program"]
    missing: str


Show = Callable[[StoredCampaign], msgspec.Struct]
Changed = Callable[[StoredCampaign], StoredCampaign]


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
    row = None
    if is_id(kind.prefix, program_id):
        row = await tx.fetchrow(_LOCK if lock else _GET, project_id, program_id)
    if row is None:
        raise Refused(kind.missing)
    return campaign_from_row(row)


async def insert_program(
    call: Call,
    kind: Kind,
    name: str,
    rules: Rules,
    program: dict[str, Any],
    metadata: str,
    show: Show,
    tx: Transaction,
) -> Outcome:
    """A new program."""
    tenant, program_id = call.tenant, new_id(kind.prefix)
    await hold(tx, call, kind.object, metadata)
    await _require(tx, call, rules)
    since = await counts_customers_since(call, Rules(), rules, 0)
    row = (program_id, tenant.account_id, name, kind.type, rules, metadata, since, program)
    await tx.execute(_INSERT, tenant.project_id, *row)
    stored = await load_program(tx, tenant.project_id, kind, program_id)
    await stage(tx, call, "campaign", program_id, stored.version, limits_of(stored, tenant.project_id))
    await record(tx, call, f"{kind.object}.create", program_id, after=stored.audited())
    return Outcome(201, show(stored), Change("campaign", program_id, created=True))


async def change_program(
    call: Call, kind: Kind, program_id: str, changed: Changed, action: str, show: Show, tx: Transaction
) -> Outcome:
    """What `changed` makes of the program, or the same again."""
    tenant = call.tenant
    before = await load_program(tx, tenant.project_id, kind, program_id, lock=True)
    after = changed(before)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("campaign", program_id)
    if after == before:
        return Outcome(200, show(before), change)
    await hold(tx, call, kind.object, changed_metadata(before, after), is_new=False)
    await _require(tx, call, after.rules)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    row = (after.name, after.status, version, after.rules, after.metadata, since, after.program)
    await tx.execute(_UPDATE, tenant.project_id, program_id, *row)
    stored = await load_program(tx, tenant.project_id, kind, program_id)
    limits, limits_before = limits_of(stored, tenant.project_id), limits_of(before, tenant.project_id)
    await stage(tx, call, "campaign", program_id, version, limits, limits_before)
    await record(tx, call, f"{kind.object}.{action}", program_id, before.audited(), stored.audited())
    return Outcome(200, show(stored), change)


async def set_program_status(
    call: Call, kind: Kind, program_id: str, status: str, action: str, show: Show
) -> Response[bytes]:
    """POST .../pause and /resume; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredCampaign) -> StoredCampaign:
        return msgspec.structs.replace(before, status=status)

    return await perform(call, partial(change_program, call, kind, program_id, changed, action, show))


async def get_one_program(call: Call, kind: Kind, program_id: str, show: Show) -> Response[bytes]:
    """GET one program."""
    call.query().done()
    async with call.open_tx() as tx:
        stored = await load_program(tx, call.tenant.project_id, kind, program_id)
    return answer(200, show(stored))


async def list_all_programs(call: Call, kind: Kind, show: Show) -> Response[bytes]:
    """GET a page of them."""
    asked = call.query()
    status, page = asked.choice("status", ("active", "paused")), asked.page()
    asked.done()
    arguments = (call.tenant.project_id, status, page.after, page.after_id, page.rows, (kind.type,))
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, *arguments)
    return answer(200, list_body(rows, page, lambda row: show(campaign_from_row(row))))


async def _require(tx: Transaction, call: Call, rules: Rules) -> None:
    at = f"{_RULES_AT}/validation_rules"
    await require_rules(tx, call.tenant.project_id, rules.validation_rules, at, call.errors)
