"""What is done with distributions: ordered, read, listed."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.clock import new_id
from control_plane.distributions.distributing import ACTION_TYPE, DistributionParams
from control_plane.distributions.schemas import DistributionCreate, DistributionView
from control_plane.effects import Outcome, answer, perform
from control_plane.jobs.ordering import insert_action
from control_plane.listing import Filters, Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.publications.picking import load_giver, require_open
from control_plane.queries import Page
from control_plane.rules.times import show_time
from control_plane.upserts import given_fields
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_distribution")
_GET = query("control_distribution")
_LIST = query("control_distributions")
_OF_CAMPAIGN = query("control_distributions_of_campaign")


async def order_distribution(call: Call) -> Response[bytes]:
    """POST /v1/distributions"""
    body = call.body(DistributionCreate)
    fields = given_fields(call.errors, metadata=body.metadata)
    call.errors.raise_if_any()
    response = await perform(call, partial(_order, call, body, fields.get("metadata")))
    call.context.batches_due.set()
    return response


async def _order(call: Call, body: DistributionCreate, metadata: str | None, tx: Transaction) -> Outcome:
    project_id, distribution_id = call.tenant.project_id, new_id("dst")
    await hold(tx, call, "publication", metadata)
    campaign = await load_giver(tx, project_id, body.campaign_id)
    require_open(campaign)
    name, is_once = body.name if isinstance(body.name, str) else None, body.once is True
    params = DistributionParams(distribution_id, campaign.id, body.segment_id, is_once, metadata or "{}")
    action_id = await insert_action(tx, call, ACTION_TYPE, 0, params, is_open_ended=True)
    row = (distribution_id, campaign.id, body.segment_id, name, is_once, params.metadata, action_id)
    await tx.execute(_INSERT, project_id, *row)
    after = {"campaign_id": campaign.id, "segment_id": body.segment_id, "once": is_once}
    await record(tx, call, "distribution.create", distribution_id, after=after)
    return Outcome(202, _show(await tx.fetchrow(_GET, project_id, distribution_id)))


async def get_distribution(call: Call, distribution_id: str) -> Response[bytes]:
    """GET /v1/distributions/{id}"""
    call.query().done()
    row = None
    if is_id("dst", distribution_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, distribution_id)
    if row is None:
        raise Refused("distribution_not_found")
    return answer(200, _show(row))


def _show(row: Any) -> DistributionView:
    return DistributionView(
        id=row["id"],
        object="distribution",
        async_action_id=row["async_action_id"],
        name=row["name"],
        campaign_id=row["campaign_id"],
        segment_id=row["segment_id"],
        once=row["is_once"],
        status=row["status"],
        done_count=row["done_count"],
        failed_count=row["failed_count"],
        metadata=msgspec.Raw(row["metadata"].encode()),
        created_at=show_time(row["created_at"]),
    )


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, page.after, page.after_id, page.rows)
    if filters["campaign_id"] is not None:
        return (_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_LIST, *shared)


DISTRIBUTIONS = Listing(DistributionView, lambda row, _tenant: _show(row), _statement, {"campaign_id": Text(64)})
"""GET /v1/distributions"""
