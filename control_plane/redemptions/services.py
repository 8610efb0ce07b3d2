"""Lists of redemptions, from the ledger: what was redeemed a moment ago may take as long as the ledger is behind."""

from typing import Any

import asyncpg
from litestar import Response
from msgspec import UNSET

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.queries import list_body
from control_plane.redemptions.schemas import ListedRedemption, StackedView
from control_plane.rules.times import show_time
from domain.ids import is_code, normalise_code
from domain.money import currency_decimals, to_major
from store.database import Transaction
from store.queries import query

_LIST = query("control_redemptions")
_OF_CUSTOMER = query("control_redemptions_of_customer")
_OF_VOUCHER = query("control_redemptions_of_voucher")
_VOUCHER = query("control_voucher")


async def list_redemptions(call: Call) -> Response[bytes]:
    """GET /v1/redemptions"""
    asked = call.query()
    code, voucher_id = asked.text("code", 200), asked.text("voucher_id", 64)
    customer_id, campaign_id = asked.text("customer_id"), asked.text("campaign_id", 64)
    status = asked.choice("status", ("redeemed", "partially_rolled_back", "rolled_back"))
    since, until = asked.time("created_from"), asked.time("created_before")
    page = asked.page()
    asked.done()
    shared = (
        call.tenant.project_id, status, campaign_id, since, until, page.after, page.after_id, page.rows
    )  # fmt: skip
    rows: list[asyncpg.Record] = []
    async with call.open_tx() as tx:
        if code is not None:
            found = await _voucher_of_code(tx, call.tenant.project_id, code)
            if found is None or voucher_id not in (None, found):
                return answer(200, list_body(rows, page, show_redemption))
            voucher_id = found
        if voucher_id is not None:
            rows = await tx.fetch(_OF_VOUCHER, *shared, voucher_id, customer_id)
        elif customer_id is not None:
            rows = await tx.fetch(_OF_CUSTOMER, *shared, customer_id)
        else:
            rows = await tx.fetch(_LIST, *shared)
    return answer(200, list_body(rows, page, show_redemption))


async def _voucher_of_code(tx: Transaction, project_id: str, code: str) -> str | None:
    """A code is its voucher's for ever, and vouchers have an index."""
    normalised = normalise_code(code)
    row = await tx.fetchrow(_VOUCHER, project_id, None, normalised) if is_code(normalised) else None
    return None if row is None else row["id"]


def show_redemption(row: Any) -> ListedRedemption:
    """The redemption of a row as lists show it."""
    decimals, lines = currency_decimals(row["currency"]), row["lines"]
    rolled_back_at = row["rolled_back_at"]
    return ListedRedemption(
        id=row["id"],
        status=row["status"],
        code=row["code"],
        voucher_id=row["redeemable_id"],
        campaign_id=row["campaign_id"],
        customer_id=row["customer_id"],
        currency=row["currency"],
        order_value=to_major(row["order_value_minor"], decimals),
        discount_applied=to_major(row["discount_minor"], decimals),
        total=to_major(row["total_minor"], decimals),
        idempotency_key=row["idempotency_key"],
        created_at=show_time(row["created_at"]),
        rolled_back_at=None if rolled_back_at is None else show_time(rolled_back_at),
        redemptions=[_show_line(line, decimals) for line in lines] if len(lines) > 1 else UNSET,
    )


def _show_line(line: list[Any], decimals: int) -> StackedView:
    code, voucher_id, campaign_id, discount_minor = line
    return StackedView(code, voucher_id, campaign_id, to_major(discount_minor, decimals))
