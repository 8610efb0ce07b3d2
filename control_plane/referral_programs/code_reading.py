"""Referral codes read: one by its id or code, and pages of them."""

from functools import partial
from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.listing import DATED, Filters, Listing, Text, Words, list_page, until
from control_plane.programs import load_program
from control_plane.queries import Page
from control_plane.referral_programs.code_status import find_code
from control_plane.referral_programs.coding import code_from_row, show_code
from control_plane.referral_programs.schemas import ReferralCodeView
from control_plane.referral_programs.services import REFERRAL
from domain.ids import normalise_code
from store.queries import query

_LOOK_UP = query("control_look_up_referral_code")
_LIST = query("control_referral_codes")
_LIST_OF_PROGRAM = query("control_referral_codes_of_program")
_LIST_OF_CUSTOMER = query("control_referral_codes_of_customer")


async def get_code(call: Call, program_id: str, reference: str) -> Response[bytes]:
    """GET /v1/referral-programs/{id}/codes/{code or id}"""
    call.query().done()
    async with call.open_tx() as tx:
        row = await find_code(tx, call.tenant.project_id, program_id, reference, _LOOK_UP)
    return answer(200, show_code(code_from_row(row)))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    shared = (project_id, filters["status"], page.after, page.after_id, page.rows, filters["created_from"])
    if filters["customer_id"] is not None:
        return (_LIST_OF_CUSTOMER, *shared, filters["program_id"], filters["customer_id"])
    if filters["program_id"] is not None:
        return (_LIST_OF_PROGRAM, *shared, filters["program_id"])
    return (_LIST, *shared)


REFERRAL_CODES = Listing(
    ReferralCodeView,
    lambda row, _tenant: show_code(code_from_row(row)),
    _statement,
    {"program_id": Text(64), "status": Words(("active", "disabled")), "customer_id": Text(), **DATED},
    searches=(query("control_search_referral_codes"),),
    search_text=normalise_code,
)
"""GET /v1/referral-programs/{id}/codes"""


async def list_codes(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/referral-programs/{id}/codes"""
    require = partial(load_program, project_id=call.tenant.project_id, kind=REFERRAL, program_id=program_id)
    return await list_page(call, REFERRAL_CODES, {"program_id": program_id}, require)
