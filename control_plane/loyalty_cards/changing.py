"""Changing a card by hand: points adjusted with a reason, blocked and unblocked. Every change takes the three steps."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import Change, Outcome, perform
from control_plane.loyalty_cards.posting import Cause, add_points, stage_card, take_back_points
from control_plane.loyalty_cards.schemas import Adjustment, LoyaltyCardUpdate
from control_plane.loyalty_cards.storing import StoredCard, load_card, show_card
from control_plane.upserts import given_fields
from domain.loyalty import lot_of
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_SET_METADATA = query("control_set_loyalty_card_metadata")
_SET_STATUS = query("control_set_loyalty_card_status")


async def adjust_card(call: Call, reference: str) -> Response[bytes]:
    """POST /v1/loyalty-cards/{id or code}/adjust"""
    body = call.body(Adjustment)
    if body.points == 0:
        call.errors.add("/points", "nothing to adjust")
    call.errors.raise_if_any()
    return await perform(call, partial(_adjust, call, reference, body))


async def _adjust(call: Call, reference: str, body: Adjustment, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    before = await load_card(tx, project_id, reference, lock=True)
    cause = Cause(reason=body.reason, actor=call.actor, is_manual=True)
    if body.points > 0:
        at_once = lot_of(msgspec.structs.replace(before.terms, pending_days=0), now_ms())
        version = (await add_points(tx, project_id, before.id, at_once, body.points, cause)).version
    else:
        taken = await take_back_points(tx, project_id, before.id, -body.points, None, cause)
        if taken.taken < -body.points:
            raise Refused("insufficient_points", f"The card has {taken.taken} points to spend.")
        version = taken.version
    return await _changed(call, tx, before, version, "loyalty_card.adjust")


async def update_card(call: Call, reference: str) -> Response[bytes]:
    """PATCH /v1/loyalty-cards/{id or code}"""
    fields = given_fields(call.errors, metadata=call.body(LoyaltyCardUpdate).metadata)
    call.errors.raise_if_any()
    return await perform(call, partial(_update, call, reference, fields))


async def _update(call: Call, reference: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    """No checkout reads metadata: there is nothing to put in force."""
    project_id = call.tenant.project_id
    before = await load_card(tx, project_id, reference, lock=True)
    if msgspec.structs.replace(before, **fields) == before:
        return Outcome(200, show_card(before, now_ms()))
    await tx.execute(_SET_METADATA, project_id, before.id, fields["metadata"])
    after = await load_card(tx, project_id, before.id)
    changed = {"changed": ["metadata"]}
    await record(tx, call, "loyalty_card.update", before.id, before.audited(), after.audited() | changed)
    return Outcome(200, show_card(after, now_ms()))


async def set_card_status(call: Call, reference: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/loyalty-cards/{id or code}/block and /unblock; either is 200 also when nothing changes."""
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_set_status, call, reference, status, action))


async def _set_status(call: Call, reference: str, status: str, action: str, tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    before = await load_card(tx, project_id, reference, lock=True)
    if before.status == status:
        # Redis is told all the same: an earlier change may be pending, and 200 says that it is in force.
        return Outcome(200, show_card(before, now_ms()), Change("loyalty_card", before.id))
    await tx.execute(_SET_STATUS, project_id, before.id, status)
    return await _changed(call, tx, before, before.version + 1, action)


async def _changed(call: Call, tx: Transaction, before: StoredCard, version: int, action: str) -> Outcome:
    tenant = call.tenant
    await stage_card(tx, tenant.shard, tenant.project_id, before.id, version)
    after = await load_card(tx, tenant.project_id, before.id)
    await record(tx, call, action, before.id, before.audited(), after.audited())
    return Outcome(200, show_card(after, now_ms()), Change("loyalty_card", before.id))
