"""Who has referred whom in a program, and what became of the rewards: read, newest first."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.calls import Call
from control_plane.listing import Filters, Listing, Text, list_page
from control_plane.programs import load_program
from control_plane.queries import Page
from control_plane.referral_programs.schemas import AttributionView, GivenView
from control_plane.referral_programs.services import REFERRAL
from control_plane.rules.times import show_time
from domain.money import to_major
from store.queries import query

_LIST = query("control_referrals")
_LIST_ALL = query("control_all_referrals")
_LIST_OF_CUSTOMER = query("control_referrals_of_customer")


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    if filters["program_id"] is None:
        return (_LIST_ALL, project_id, page.after, page.after_id, page.rows)
    shared = (project_id, filters["program_id"], page.after, page.after_id, page.rows)
    if filters.get("customer_id") is not None:
        return (_LIST_OF_CUSTOMER, *shared, filters["customer_id"])
    return (_LIST, *shared)


REFERRALS = Listing(
    AttributionView, lambda row, tenant: _show(row, tenant.decimals), _statement, {"program_id": Text(64)}
)
"""Who has referred whom in a program, or in all of them."""


async def list_attributions(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/referral-programs/{id}/attributions"""
    require = partial(load_program, project_id=call.tenant.project_id, kind=REFERRAL, program_id=program_id)
    return await list_page(call, _OF_PROGRAM, {"program_id": program_id}, require)


_OF_PROGRAM = msgspec.structs.replace(REFERRALS, filters={"program_id": Text(64), "customer_id": Text()})


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
