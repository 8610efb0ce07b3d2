"""What is done with validation rules: made, read, changed, deleted. Every change takes the three steps.

A rule that asks for a customer's first order needs the orders of all customers counted: that is in force before it.
"""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.in_force import open_epoch
from control_plane.listing import DATED, Filters, Listing, Text, until
from control_plane.metadata_schemas.holding import hold
from control_plane.queries import Page
from control_plane.stacking_rules.storing import count_orders
from control_plane.upserts import given_fields
from control_plane.validation_rules.schemas import (
    AssignmentView,
    ValidationRuleCreate,
    ValidationRuleUpdate,
    ValidationRuleView,
)
from control_plane.validation_rules.storing import (
    StoredRule,
    load_rule,
    read_rule,
    rule_from_row,
    show_assignment,
    show_rule,
)
from domain.conditions import compile_rule
from domain.problems import Refused
from domain.rules import rule_limits
from store.database import Transaction
from store.definitions import forget_changes, stage_change
from store.queries import query

_INSERT = query("control_insert_validation_rule")
_UPDATE = query("control_update_validation_rule")
_LIST = query("control_validation_rules")
_DELETE = query("control_delete_validation_rule")
_IS_NAMED = query("control_is_validation_rule_named")
_ASSIGNMENTS = query("control_assignments_of_rule")


async def create_rule(call: Call) -> Response[bytes]:
    """POST /v1/validation-rules"""
    body = call.body(ValidationRuleCreate)
    fields = _fields(call, body)
    call.errors.raise_if_any()
    return await perform(call, partial(_insert, call, fields["name"], fields["rule"], fields.get("metadata", "{}")))


def _fields(call: Call, body: ValidationRuleCreate | ValidationRuleUpdate) -> dict[str, Any]:
    fields = given_fields(call.errors, name=body.name, metadata=body.metadata)
    if not isinstance(body.rule, UnsetType):
        fields["rule"] = read_rule(body.rule, call.tenant.decimals, call.errors)
    return fields


async def _insert(call: Call, name: str, rule: dict[str, Any], metadata: str, tx: Transaction) -> Outcome:
    await hold(tx, call, "validation_rule", metadata)
    rule_id, since = new_id("rul"), await open_epoch(call.context, call.tenant.shard)
    stored = rule_from_row(await tx.fetchrow(_INSERT, call.tenant.project_id, rule_id, name, rule, metadata, since))
    first = await _stage(call, tx, stored)
    await record(tx, call, "validation_rule.create", rule_id, after=stored.audited())
    return Outcome(201, show_rule(stored, call.tenant.decimals), Change("rule", rule_id, created=True), first=first)


async def update_rule(call: Call, rule_id: str) -> Response[bytes]:
    """PATCH /v1/validation-rules/{id}"""
    fields = _fields(call, call.body(ValidationRuleUpdate))
    call.errors.raise_if_any()
    return await perform(call, partial(_change, call, rule_id, fields))


async def _change(call: Call, rule_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await load_rule(tx, tenant.project_id, rule_id, lock=True)
    after = msgspec.structs.replace(before, **fields)
    await hold(tx, call, "validation_rule", fields.get("metadata"), is_new=False)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("rule", rule_id)
    if after == before:
        first = Change("settings", tenant.project_id) if _asks_first_order(before) else None
        return Outcome(200, show_rule(before, tenant.decimals), change, first=first)
    row = await tx.fetchrow(
        _UPDATE, tenant.project_id, rule_id, after.name, before.version + 1, after.rule, after.metadata
    )
    stored = rule_from_row(row)
    first = await _stage(call, tx, stored)
    await record(tx, call, "validation_rule.update", rule_id, before.audited(), stored.audited())
    return Outcome(200, show_rule(stored, tenant.decimals), change, first=first)


async def _stage(call: Call, tx: Transaction, rule: StoredRule) -> Change | None:
    """Step (a); what must be in force before the rule."""
    tenant, limits = call.tenant, rule_limits(rule.definition)
    first = await count_orders(tx, call) if _asks_first_order(rule) else None
    await stage_change(tx, tenant.shard, tenant.project_id, "rule", rule.id, rule.version, limits)
    return first


def _asks_first_order(rule: StoredRule) -> bool:
    return compile_rule(rule.rule).asks_first_order


async def get_rule(call: Call, rule_id: str) -> Response[bytes]:
    """GET /v1/validation-rules/{id}"""
    call.query().done()
    async with call.open_tx() as tx:
        rule = await load_rule(tx, call.tenant.project_id, rule_id)
    return answer(200, show_rule(rule, call.tenant.decimals))


async def delete_rule(call: Call, rule_id: str) -> Response[bytes]:
    """DELETE /v1/validation-rules/{id}: gone, unless something names it."""
    call.query().done()
    return await perform(call, partial(_delete, call, rule_id))


async def _delete(call: Call, rule_id: str, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    before = await load_rule(tx, project_id, rule_id, lock=True)
    if await tx.fetchval(_IS_NAMED, project_id, rule_id):
        raise Refused("rule_in_use")
    await tx.execute(_DELETE, project_id, rule_id)
    # Redis may keep it, and is not asked for it: nothing names it.
    await forget_changes(tx, project_id, "rule", rule_id)
    await record(tx, call, "validation_rule.delete", rule_id, before=before.audited())
    return Outcome(204, None)


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    return (_LIST, project_id, page.after, page.after_id, page.rows, filters["created_from"])


VALIDATION_RULES = Listing(
    ValidationRuleView,
    lambda row, tenant: show_rule(rule_from_row(row), tenant.decimals),
    _statement,
    DATED,
    searches=(query("control_search_validation_rules"),),
)
"""GET /v1/validation-rules"""


def _assignments(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    return (_ASSIGNMENTS, project_id, filters["rule_id"], page.after, page.after_id, page.rows)


ASSIGNMENTS = Listing(AssignmentView, lambda row, _tenant: show_assignment(row), _assignments, {"rule_id": Text(64)})
"""GET /v1/validation-rules/{id}/assignments"""
