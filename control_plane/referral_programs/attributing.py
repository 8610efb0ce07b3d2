"""Who has referred whom in a program, and what became of the rewards: read, newest first."""

from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.programs import load_program
from control_plane.queries import list_body
from control_plane.referral_programs.schemas import AttributionView, GivenView
from control_plane.referral_programs.services import REFERRAL
from control_plane.rules.times import show_time
from domain.money import to_major
from store.queries import query

_LIST = query("control_referrals")
_LIST_OF_CUSTOMER = query("control_referrals_of_customer")


async def list_attributions(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/referral-programs/{id}/attributions"""
    asked = call.query()
    customer_id, page = asked.text("customer_id"), asked.page()
    asked.done()
    arguments = (call.tenant.project_id, program_id, page.after, page.after_id, page.rows)
    async with call.open_tx() as tx:
        await load_program(tx, call.tenant.project_id, REFERRAL, program_id)
        if customer_id is None:
            rows = await tx.fetch(_LIST, *arguments)
        else:
            rows = await tx.fetch(_LIST_OF_CUSTOMER, *arguments, customer_id)
    return answer(200, list_body(rows, page, lambda row: _show(row, call.tenant.decimals)))


def _show(row: Any, decimals: int) -> AttributionView:
    rolled_back_at = row["rolled_back_at"]
    return AttributionView(
        object="referral",
        program_id=row["program_id"],
        redemption_id=row["id"],
        code=row["code"],
        referrer_id=row["referrer_id"],
        customer_id=row["referee_id"],
        status=row["status"],
        created_at=show_time(row["created_at"]),
        rolled_back_at=None if rolled_back_at is None else show_time(rolled_back_at),
        rewards=[_given(reward, decimals) for reward in row["rewards"]],
    )


def _given(reward: dict[str, Any], decimals: int) -> GivenView:
    """A voucher is owed for what it took off, as the ledger has it now: it may have been on its way when it was
    disabled, and what it was spent on may be returned."""
    type_, status = reward["type"], reward["status"]
    is_points = type_ == "points"
    owed = reward["owed"]
    if type_ == "voucher" and status == "taken_back":
        owed = reward["taken_off_minor"]
        status = "owed" if reward["used"] else status
    return GivenView(
        side=reward["side"],
        customer_id=reward["customer_id"],
        type=type_,
        status=status,
        reference=reward["reference"],
        amount=to_major(reward["amount_minor"], decimals) if type_ == "gift_card" else None,
        points=reward["points"] if is_points else None,
        owed=owed if is_points else to_major(owed, decimals),
        failure=reward["failure"],
    )
