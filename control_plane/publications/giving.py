"""Giving a customer something of a campaign, and keeping that it was given. The customer need not be known.

All that is given to one customer is given one after another: the customer's row is locked first, what is given last.
"""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import StoredCampaign
from control_plane.clock import new_id
from control_plane.effects import Change
from control_plane.publications.picking import pick
from control_plane.publications.schemas import Given, PublicationView, PublishedView
from control_plane.rules.times import show_time
from control_plane.upserts import change_if_pending
from store.database import Transaction
from store.queries import query

_ENSURE_CUSTOMER = query("control_ensure_customer")
_LOCK_CUSTOMER = query("control_lock_customer")
_FIRST = query("control_publication_of_customer")
_INSERT = query("control_insert_publication")


class Wish(msgspec.Struct, frozen=True):
    """What is to be given: of which campaign, whether once, and what is kept beside it."""

    campaign: StoredCampaign
    is_once: bool
    metadata: str
    distribution_id: str | None = None


class StoredPublication(msgspec.Struct, frozen=True):
    """A publication's row."""

    id: str
    campaign_id: str
    customer_id: str | None
    object: Given
    redeemable_id: str
    code: str
    is_once: bool
    distribution_id: str | None
    metadata: str
    created_at: datetime


class Giving(msgspec.Struct, frozen=True):
    """What came of it: the publication, whether it is new, and what is to be put in force."""

    publication: StoredPublication
    is_new: bool
    change: Change | None


async def give(tx: Transaction, call: Call, wish: Wish, customer_id: str, may_wait: bool = True) -> Giving:
    """Give it, inside the transaction; Refused before anything is given. Of a program a customer has one, and so once
    and again come to the same."""
    project_id, campaign = call.tenant.project_id, wish.campaign
    await tx.execute(_ENSURE_CUSTOMER, project_id, customer_id)
    await tx.fetchrow(_LOCK_CUSTOMER, project_id, customer_id)
    is_once = wish.is_once or campaign.type in ("LOYALTY", "REFERRAL")
    if is_once:
        row = await tx.fetchrow(_FIRST, project_id, campaign.id, customer_id)
        if row is not None:
            first = publication_from_row(row)
            return Giving(first, False, await change_if_pending(tx, call, first.object, first.redeemable_id))
    picked = await pick(tx, call, campaign, customer_id, may_wait)
    stated = (customer_id, picked.object, picked.id, picked.code, is_once, wish.distribution_id, wish.metadata)
    row = await tx.fetchrow(_INSERT, project_id, new_id("pub"), campaign.id, *stated)
    publication = publication_from_row(row)
    after = {"campaign_id": campaign.id, picked.object: picked.id, "once": is_once}
    if wish.distribution_id is not None:
        after["distribution_id"] = wish.distribution_id
    await record(tx, call, "publication.create", publication.id, after=after)
    return Giving(publication, True, picked.change)


def publication_from_row(row: Any) -> StoredPublication:
    """The publication of a row."""
    return msgspec.convert(dict(row), StoredPublication)


def show_publication(publication: StoredPublication) -> PublicationView:
    """The publication as the API shows it."""
    return PublicationView(
        id=publication.id,
        object="publication",
        campaign_id=publication.campaign_id,
        customer_id=publication.customer_id,
        code=publication.code,
        voucher_id=publication.redeemable_id if publication.object == "voucher" else None,
        redeemable=PublishedView(publication.object, publication.redeemable_id),
        once=publication.is_once,
        distribution_id=publication.distribution_id,
        metadata=msgspec.Raw(publication.metadata.encode()),
        created_at=show_time(publication.created_at),
    )
