"""Vouchers read: one by its id or code, or a page of them."""

from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.listing import DATED, Filters, Listing, Text, Words, until
from control_plane.queries import Page
from control_plane.vouchers.schemas import VoucherView
from control_plane.vouchers.storing import load_voucher, show_voucher, voucher_from_row
from domain.ids import normalise_code
from store.queries import query

_LIST = query("control_vouchers")
_LIST_SET_ASIDE = query("control_vouchers_set_aside")
_LIST_OF_CAMPAIGN = query("control_vouchers_of_campaign")
_LIST_OF_CUSTOMER = query("control_vouchers_of_customer")


async def get_voucher(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/vouchers/{id or code}"""
    call.query().done()
    async with call.open_tx() as tx:
        voucher = await load_voucher(tx, call.tenant.project_id, reference)
    return answer(200, show_voucher(voucher, call.tenant))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    shared = (project_id, filters["status"], page.after, page.after_id, page.rows, filters["created_from"])
    if filters["customer_id"] is not None:
        return (_LIST_OF_CUSTOMER, *shared, filters["campaign_id"], filters["customer_id"])
    if filters["status"] not in (None, "active"):
        return (_LIST_SET_ASIDE, *shared, filters["campaign_id"])
    if filters["campaign_id"] is not None:
        return (_LIST_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_LIST, *shared)


VOUCHERS = Listing(
    VoucherView,
    lambda row, tenant: show_voucher(voucher_from_row(row), tenant),
    _statement,
    {"status": Words(("active", "disabled", "archived")), "campaign_id": Text(64), "customer_id": Text(), **DATED},
    searches=(query("control_search_vouchers"),),
    search_text=normalise_code,
)
"""GET /v1/vouchers"""
