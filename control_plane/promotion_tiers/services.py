"""What is done with promotion tiers: made, read, changed, disabled and enabled. Every change takes the three steps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UNSET

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.clock import new_id
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.listing import DATED, Filters, Listing, Text, Words, until
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.own_rules import check_change, keeps_discount, one_limit, require_discount, take_over_counter
from control_plane.promotion_tiers.schemas import PromotionTierCreate, PromotionTierUpdate, PromotionTierView
from control_plane.promotion_tiers.storing import StoredTier, limits_of, load_tier, show_tier, tier_from_row
from control_plane.queries import Page
from control_plane.rules.reading import RulesReader
from control_plane.rules.staging import counts_customers_since, stage
from control_plane.upserts import given_fields
from control_plane.validation_rules.storing import require_rules
from domain.lifecycle import ARCHIVED
from domain.problems import FieldError, Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

MOST_ACTIVE = 20_000
"""Of one project: each of its carts is held against all of them. Requests at the same time may go past it by as many
as they are."""

_INSERT = query("control_insert_promotion_tier")
_UPDATE = query("control_update_promotion_tier")
_COUNT_ACTIVE = query("control_count_active_promotion_tiers")
_LIST = query("control_promotion_tiers")
_LIST_SET_ASIDE = query("control_promotion_tiers_set_aside")
_LIST_OF_CAMPAIGN = query("control_promotion_tiers_of_campaign")

Changed = Callable[[StoredTier], StoredTier]


async def create_tier(call: Call) -> Response[bytes]:
    """POST /v1/promotion-tiers"""
    body = call.body(PromotionTierCreate)
    one_limit(body, call.errors)
    rules = RulesReader(call.tenant.decimals, "", call.errors).merge(Rules(), body)
    if body.campaign_id in (None, UNSET) and body.discount_value in (None, UNSET):
        call.errors.add("/discount_value", "is required where there is no campaign")
    fields = given_fields(call.errors, hierarchy=body.hierarchy, metadata=body.metadata)
    call.errors.raise_if_any()
    campaign_id = body.campaign_id if isinstance(body.campaign_id, str) else None
    return await perform(call, partial(_insert, call, str(body.name), campaign_id, rules, fields))


async def _insert(
    call: Call, name: str, campaign_id: str | None, rules: Rules, fields: dict[str, Any], tx: Transaction
) -> Outcome:
    tenant, tier_id = call.tenant, new_id("tier")
    await hold(tx, call, "promotion_tier", fields.get("metadata"))
    await require_discount(tx, call, campaign_id, "PROMOTION", rules)
    await require_rules(tx, tenant.project_id, rules.validation_rules, "/validation_rules", call.errors)
    await _require_room(tx, tenant.project_id)
    since = await counts_customers_since(call, Rules(), rules, 0)
    row = (tier_id, campaign_id, name, fields.get("hierarchy", 0), rules, fields.get("metadata", "{}"), since)
    await tx.execute(_INSERT, tenant.project_id, *row)
    tier = await load_tier(tx, tenant.project_id, tier_id)
    await stage(tx, call, "promotion_tier", tier_id, tier.version, limits_of(tier, tenant.project_id))
    await record(tx, call, "promotion_tier.create", tier_id, after=tier.audited())
    return Outcome(201, show_tier(tier, tenant), Change("promotion_tier", tier_id, created=True))


async def _require_room(tx: Transaction, project_id: str) -> None:
    if await tx.fetchval(_COUNT_ACTIVE, project_id) >= MOST_ACTIVE:
        detail = f"{MOST_ACTIVE} tiers of this project are active: disable another first"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer=""),))


async def update_tier(call: Call, tier_id: str) -> Response[bytes]:
    """PATCH /v1/promotion-tiers/{id}"""
    body, errors = call.body(PromotionTierUpdate), call.errors
    one_limit(body, errors)
    fields = given_fields(errors, name=body.name, hierarchy=body.hierarchy, metadata=body.metadata)

    def changed(before: StoredTier) -> StoredTier:
        rules = RulesReader(call.tenant.decimals, "", errors).merge(before.rules, body)
        check_change(before.campaign_id, before.rules, rules, errors)
        errors.raise_if_any()
        return msgspec.structs.replace(before, rules=rules, **fields)

    return await perform(call, partial(_change, call, tier_id, changed, "promotion_tier.update"))


async def set_tier_status(call: Call, tier_id: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/promotion-tiers/{id}/disable and /enable; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()

    def changed(before: StoredTier) -> StoredTier:
        return msgspec.structs.replace(before, status=status)

    return await perform(call, partial(_change, call, tier_id, changed, action))


async def archive_tier(call: Call, tier_id: str) -> Response[bytes]:
    """DELETE /v1/promotion-tiers/{id}: archived, for ever. For checkouts there is no such tier."""
    call.query().done()
    return await perform(call, partial(_archive, call, tier_id))


async def _archive(call: Call, tier_id: str, tx: Transaction) -> Outcome:
    def changed(before: StoredTier) -> StoredTier:
        return msgspec.structs.replace(before, status=ARCHIVED)

    done = await _change(call, tier_id, changed, "promotion_tier.archive", tx)
    return Outcome(204, None, done.change)


async def _change(call: Call, tier_id: str, changed: Changed, action: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await load_tier(tx, tenant.project_id, tier_id, lock=True)
    after = changed(before)
    await hold(tx, call, "promotion_tier", changed_metadata(before, after), is_new=False)
    await keeps_discount(tx, call, before.campaign_id, before.rules, after.rules)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("promotion_tier", tier_id)
    if after == before:
        return Outcome(200, show_tier(before, tenant), change)
    if before.status == ARCHIVED:
        raise Refused("archived")
    if after.status == "active" and before.status == "disabled":
        await _require_room(tx, tenant.project_id)
    await require_rules(tx, tenant.project_id, after.rules.validation_rules, "/validation_rules", call.errors)
    since = await counts_customers_since(call, before.rules, after.rules, before.counts_customers_since)
    version = before.version + 1
    row = (after.name, after.hierarchy, after.status, version, after.rules, after.metadata, since)
    await tx.execute(_UPDATE, tenant.project_id, tier_id, *row)
    stored = await load_tier(tx, tenant.project_id, tier_id)
    await take_over_counter(tx, call, tier_id, before.campaign_id, before.rules, stored.rules)
    limits, limits_before = limits_of(stored, tenant.project_id), limits_of(before, tenant.project_id)
    await stage(tx, call, "promotion_tier", tier_id, version, limits, limits_before)
    await record(tx, call, action, tier_id, before.audited(), stored.audited())
    return Outcome(200, show_tier(stored, tenant), change)


async def get_tier(call: Call, tier_id: str) -> Response[bytes]:
    """GET /v1/promotion-tiers/{id}"""
    call.query().done()
    async with call.open_tx() as tx:
        tier = await load_tier(tx, call.tenant.project_id, tier_id)
    return answer(200, show_tier(tier, call.tenant))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    shared = (project_id, filters["status"], page.after, page.after_id, page.rows, filters["created_from"])
    if filters["status"] not in (None, "active"):
        return (_LIST_SET_ASIDE, *shared, filters["campaign_id"])
    if filters["campaign_id"] is not None:
        return (_LIST_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_LIST, *shared)


PROMOTION_TIERS = Listing(
    PromotionTierView,
    lambda row, tenant: show_tier(tier_from_row(row), tenant),
    _statement,
    {"status": Words(("active", "disabled", "archived")), "campaign_id": Text(64), **DATED},
    searches=(query("control_search_promotion_tiers"),),
)
"""GET /v1/promotion-tiers"""
