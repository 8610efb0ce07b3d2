"""Changing a gift card: whether and until when it can be spent, whose it is. Every change takes the three steps.

Must never change what is on a card: see funding.py.
"""

from collections.abc import Callable
from functools import partial

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import Change, Outcome, perform
from control_plane.gift_cards.schemas import GiftCardUpdate
from control_plane.gift_cards.storing import StoredCard, limits_of, load_card, show_card
from control_plane.gift_cards.terms import check_span, read_time
from control_plane.metadata_schemas.holding import changed_metadata, hold
from control_plane.rules.staging import stage
from control_plane.upserts import given_fields
from domain.lifecycle import ARCHIVED
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_UPDATE = query("control_update_gift_card")

Changed = Callable[[StoredCard], StoredCard]


async def update_card(call: Call, reference: str) -> Response[bytes]:
    """PATCH /v1/gift-cards/{id or code}"""
    body, errors = call.body(GiftCardUpdate), call.errors
    fields = given_fields(errors, customer_id=body.customer_id, category=body.category, metadata=body.metadata)
    if not isinstance(body.starts_at, UnsetType):
        fields["starts_ms"] = read_time(body.starts_at, "/starts_at", errors)
    if not isinstance(body.expires_at, UnsetType):
        fields["expires_ms"] = read_time(body.expires_at, "/expires_at", errors)
    named = "/starts_at" if body.expires_at is UNSET else "/expires_at"

    def changed(before: StoredCard) -> StoredCard:
        after = msgspec.structs.replace(before, **fields)
        if "starts_ms" in fields or "expires_ms" in fields:
            check_span(after.starts_ms, after.expires_ms, named, errors)
        errors.raise_if_any()
        return after

    return await perform(call, partial(_change, call, reference, changed, "gift_card.update"))


async def activate_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/gift-cards/{id or code}/activate"""
    return await _without_body(call, reference, activated, "gift_card.activate")


async def block_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/gift-cards/{id or code}/block"""
    return await _without_body(call, reference, blocked, "gift_card.block")


async def unblock_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/gift-cards/{id or code}/unblock"""
    return await _without_body(call, reference, unblocked, "gift_card.unblock")


async def expire_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/gift-cards/{id or code}/expire"""
    return await _without_body(call, reference, expired, "gift_card.expire")


def activated(before: StoredCard) -> StoredCard:
    """Active; a blocked card was that already, and stays blocked."""
    if before.status == "blocked":
        raise Refused("card_blocked")
    return msgspec.structs.replace(before, status="active")


def blocked(before: StoredCard) -> StoredCard:
    """Blocked. One that has not been activated cannot be: unblocking would activate it, unpaid. It can expire."""
    if before.status == "inactive":
        raise Refused("card_inactive")
    return msgspec.structs.replace(before, status="blocked")


def unblocked(before: StoredCard) -> StoredCard:
    """Active again, where it was blocked; else as it was."""
    return msgspec.structs.replace(before, status="active") if before.status == "blocked" else before


def expired(before: StoredCard) -> StoredCard:
    """Expired from now on, whatever its status; one that has expired stays as it is."""
    time_ms = now_ms()
    if before.expires_ms is not None and before.expires_ms <= time_ms:
        return before
    return msgspec.structs.replace(before, expires_ms=time_ms)


def archived(before: StoredCard) -> StoredCard:
    """Archived, for ever: not while money is on it that can still be spent."""
    if before.balance_minor and before.status_at(now_ms()) in ("active", "inactive"):
        raise Refused("card_not_empty")
    return msgspec.structs.replace(before, status=ARCHIVED)


async def archive_card(call: Call, reference: str) -> Response[bytes]:
    """DELETE /v1/gift-cards/{id or code}: archived. For checkouts there is no such card; its code stays taken."""
    call.query().done()
    return await perform(call, partial(_archive, call, reference))


async def _archive(call: Call, reference: str, tx: Transaction) -> Outcome:
    done = await _change(call, reference, archived, "gift_card.archive", tx)
    return Outcome(204, None, done.change)


async def _without_body(call: Call, reference: str, changed: Changed, action: str) -> Response[bytes]:
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_change, call, reference, changed, action))


async def _change(call: Call, reference: str, changed: Changed, action: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await load_card(tx, tenant.project_id, reference, lock=True)
    if before.status == ARCHIVED and changed is not archived:
        raise Refused("archived")
    after = changed(before)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    change = Change("gift_card", before.id)
    if after == before:
        return Outcome(200, show_card(before, tenant), change)
    await hold(tx, call, "gift_card", changed_metadata(before, after), is_new=False)
    version = before.version + 1
    row = (after.status, version, after.customer_id, after.starts_ms, after.expires_ms, after.category, after.metadata)
    await tx.execute(_UPDATE, tenant.project_id, before.id, *row)
    stored = await load_card(tx, tenant.project_id, before.id)
    await stage(tx, call, "gift_card", before.id, version, limits_of(stored, tenant.project_id))
    await record(tx, call, action, before.id, before.audited(), stored.audited())
    return Outcome(200, show_card(stored, tenant), change)
