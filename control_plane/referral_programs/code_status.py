"""Changing a referral code: one that is abused is shut off. Every change that a checkout sees takes the three steps."""

from functools import partial
from typing import Any

from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.referral_programs.coding import code_from_row, show_code
from control_plane.referral_programs.schemas import ReferralCodeUpdate
from control_plane.upserts import given_fields
from domain.ids import is_code, is_id, normalise_code
from domain.problems import Refused
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_FIND = query("control_find_referral_code")
_GET = query("control_referral_code")
_SET_METADATA = query("control_set_referral_code_metadata")
_SET_STATUS = query("control_set_referral_code_status")


async def find_code(tx: Transaction, project_id: str, program_id: str, reference: str, statement: str = _FIND) -> Any:
    """The id, customer, status and metadata of the program's code, locked; Refused where it has none."""
    spelled = normalise_code(reference)
    id_ = reference if is_id("rfc", reference) else None
    found = None
    if id_ or is_code(spelled):
        found = await tx.fetchrow(statement, project_id, program_id, id_, spelled)
    if found is None:
        raise Refused("referral_code_not_found")
    return found


async def update_code(call: Call, program_id: str, reference: str) -> Response[bytes]:
    """PATCH /v1/referral-programs/{id}/codes/{code or id}"""
    fields = given_fields(call.errors, metadata=call.body(ReferralCodeUpdate).metadata)
    call.errors.raise_if_any()
    return await perform(call, partial(_update, call, program_id, reference, fields))


async def _update(call: Call, program_id: str, reference: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    """No checkout reads metadata: there is nothing to put in force."""
    project_id = call.tenant.project_id
    found = await find_code(tx, project_id, program_id, reference)
    if fields.get("metadata", found["metadata"]) != found["metadata"]:
        await tx.execute(_SET_METADATA, project_id, found["id"], fields["metadata"])
        said = {"status": found["status"]}
        await record(tx, call, "referral_code.update", found["id"], said, said | {"changed": ["metadata"]})
    return Outcome(200, show_code(code_from_row(await tx.fetchrow(_GET, project_id, program_id, found["customer_id"]))))


async def set_code_status(call: Call, program_id: str, reference: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/referral-programs/{id}/codes/{code or id}/disable and /enable; either is 200 also when nothing
    changes."""
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_change, call, program_id, reference, status, action))


async def _change(call: Call, program_id: str, reference: str, status: str, action: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    found = await find_code(tx, tenant.project_id, program_id, reference)
    before = found["status"]
    if before != status:
        version = await tx.fetchval(_SET_STATUS, tenant.project_id, found["id"], status)
        await stage_change(tx, tenant.shard, tenant.project_id, "referral_code", found["id"], version, ())
        await record(tx, call, f"referral_code.{action}", found["id"], {"status": before}, {"status": status})
    code = code_from_row(await tx.fetchrow(_GET, tenant.project_id, program_id, found["customer_id"]))
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    return Outcome(200, show_code(code), Change("referral_code", code.id))
