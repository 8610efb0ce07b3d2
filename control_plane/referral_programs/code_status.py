"""Whether a referral code can be redeemed: one that is abused is shut off. Every change takes the three steps."""

from functools import partial

from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.referral_programs.coding import code_from_row, show_code
from domain.ids import is_code, is_id, normalise_code
from domain.problems import Refused
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_FIND = query("control_find_referral_code")
_GET = query("control_referral_code")
_SET_STATUS = query("control_set_referral_code_status")


async def set_code_status(call: Call, program_id: str, reference: str, status: str, action: str) -> Response[bytes]:
    """POST /v1/referral-programs/{id}/codes/{code or id}/disable and /enable; either is 200 also when nothing
    changes."""
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_change, call, program_id, reference, status, action))


async def _change(call: Call, program_id: str, reference: str, status: str, action: str, tx: Transaction) -> Outcome:
    tenant, spelled = call.tenant, normalise_code(reference)
    id_ = reference if is_id("rfc", reference) else None
    found = None
    if id_ or is_code(spelled):
        found = await tx.fetchrow(_FIND, tenant.project_id, program_id, id_, spelled)
    if found is None:
        raise Refused("referral_code_not_found")
    before = found["status"]
    if before != status:
        version = await tx.fetchval(_SET_STATUS, tenant.project_id, found["id"], status)
        await stage_change(tx, tenant.shard, tenant.project_id, "referral_code", found["id"], version, ())
        await record(tx, call, f"referral_code.{action}", found["id"], {"status": before}, {"status": status})
    code = code_from_row(await tx.fetchrow(_GET, tenant.project_id, program_id, found["customer_id"]))
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    return Outcome(200, show_code(code), Change("referral_code", code.id))
