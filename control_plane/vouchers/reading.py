"""Vouchers read: one by its id or code, or a page of them."""

from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.queries import list_body
from control_plane.vouchers.storing import load_voucher, show_voucher, voucher_from_row
from store.queries import query

_LIST = query("control_vouchers")
_LIST_OF_CAMPAIGN = query("control_vouchers_of_campaign")
_LIST_OF_CUSTOMER = query("control_vouchers_of_customer")


async def get_voucher(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/vouchers/{id or code}"""
    call.query().done()
    async with call.open_tx() as tx:
        voucher = await load_voucher(tx, call.tenant.project_id, reference)
    return answer(200, show_voucher(voucher, call.tenant))


async def list_vouchers(call: Call) -> Response[bytes]:
    """GET /v1/vouchers"""
    asked = call.query()
    campaign_id, status = asked.text("campaign_id", 64), asked.choice("status", ("active", "disabled"))
    customer_id, page = asked.text("customer_id"), asked.page()
    asked.done()
    arguments = (call.tenant.project_id, status, page.after, page.after_id, page.rows)
    async with call.open_tx() as tx:
        if customer_id is not None:
            rows = await tx.fetch(_LIST_OF_CUSTOMER, *arguments, campaign_id, customer_id)
        elif campaign_id is None:
            rows = await tx.fetch(_LIST, *arguments)
        else:
            rows = await tx.fetch(_LIST_OF_CAMPAIGN, *arguments, campaign_id)
    return answer(200, list_body(rows, page, lambda row: show_voucher(voucher_from_row(row), call.tenant)))
