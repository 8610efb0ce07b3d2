"""What is done with publications: made, read, listed."""

from functools import partial
from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.effects import Outcome, answer, perform
from control_plane.listing import Filters, Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.programs import load_program
from control_plane.publications.giving import Wish, give, publication_from_row, show_publication
from control_plane.publications.picking import load_giver, pass_over_spent
from control_plane.publications.schemas import PublicationCreate, PublicationView
from control_plane.queries import Page
from control_plane.upserts import given_fields
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_GET = query("control_publication")
_LIST = query("control_publications")
_OF_CAMPAIGN = query("control_publications_of_campaign")
_OF_DISTRIBUTION = query("control_publications_of_distribution")
_OF_CUSTOMER = query("control_publications_of_customer")
_OF_REDEEMABLE = query("control_publications_of_redeemable")


async def publish(call: Call) -> Response[bytes]:
    """POST /v1/publications: 200 where the customer was given one before, and one is all that is asked for."""
    body = call.body(PublicationCreate)
    metadata = given_fields(call.errors, metadata=body.metadata).get("metadata")
    call.errors.raise_if_any()
    try:
        return await perform(call, partial(_publish, call, body, metadata))
    except Refused as refused:
        if refused.code == "no_code_left":
            # The next one that asks need not walk past what can never be given.
            async with call.open_tx() as tx:
                campaign = await load_giver(tx, call.tenant.project_id, body.campaign_id, load_program)
                await pass_over_spent(tx, call.tenant.project_id, campaign, None)
        raise


async def _publish(call: Call, body: PublicationCreate, metadata: str | None, tx: Transaction) -> Outcome:
    await hold(tx, call, "publication", metadata)
    campaign = await load_giver(tx, call.tenant.project_id, body.campaign_id)
    given = await give(tx, call, Wish(campaign, body.once is True, metadata or "{}"), body.customer_id)
    return Outcome(201 if given.is_new else 200, show_publication(given.publication), given.change)


async def get_publication(call: Call, publication_id: str) -> Response[bytes]:
    """GET /v1/publications/{id}"""
    call.query().done()
    row = None
    if is_id("pub", publication_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, publication_id)
    if row is None:
        raise Refused("publication_not_found")
    return answer(200, show_publication(publication_from_row(row)))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, page.after, page.after_id, page.rows)
    campaign, distribution = filters["campaign_id"], filters["distribution_id"]
    if filters["redeemable_id"] is not None:
        return (_OF_REDEEMABLE, *shared, campaign, distribution, filters["customer_id"], filters["redeemable_id"])
    if filters["customer_id"] is not None:
        return (_OF_CUSTOMER, *shared, campaign, distribution, filters["customer_id"])
    if distribution is not None:
        return (_OF_DISTRIBUTION, *shared, campaign, distribution)
    if campaign is not None:
        return (_OF_CAMPAIGN, *shared, campaign)
    return (_LIST, *shared)


PUBLICATIONS = Listing(
    PublicationView,
    lambda row, _tenant: show_publication(publication_from_row(row)),
    _statement,
    {"campaign_id": Text(64), "customer_id": Text(), "redeemable_id": Text(64), "distribution_id": Text(64)},
)
"""GET /v1/publications"""
