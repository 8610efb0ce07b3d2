"""Lists of redemptions, from the ledger: what was redeemed a moment ago may take as long as the ledger is behind."""

from typing import Any

from msgspec import UNSET

from control_plane.listing import Filters, Listing, Text, Time, Words
from control_plane.queries import Page
from control_plane.redemptions.schemas import ListedRedemption, StackedView
from control_plane.rules.times import show_time
from domain.ids import normalise_code
from domain.money import currency_decimals, to_major
from store.queries import query

_LIST = query("control_redemptions")
_OF_CAMPAIGN = query("control_redemptions_of_campaign")
_OF_CUSTOMER = query("control_redemptions_of_customer")
_OF_VOUCHER = query("control_redemptions_of_voucher")
_OF_CODE = query("control_redemptions_of_code")


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


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (
        *(project_id, filters["status"], filters["campaign_id"], filters["created_from"], filters["created_before"]),
        *(page.after, page.after_id, page.rows),
    )
    if filters["code"] is not None:
        return (_OF_CODE, *shared, filters["voucher_id"], filters["customer_id"], normalise_code(filters["code"]))
    if filters["voucher_id"] is not None:
        return (_OF_VOUCHER, *shared, filters["voucher_id"], filters["customer_id"])
    if filters["customer_id"] is not None:
        return (_OF_CUSTOMER, *shared, filters["customer_id"])
    # The few that were given back are walked as such.
    if filters["campaign_id"] is not None and filters["status"] in (None, "redeemed"):
        return (_OF_CAMPAIGN, *shared)
    return (_LIST, *shared)


REDEMPTIONS = Listing(
    ListedRedemption,
    lambda row, _tenant: show_redemption(row),
    _statement,
    {
        "code": Text(200),
        "voucher_id": Text(64),
        "customer_id": Text(),
        "campaign_id": Text(64),
        "status": Words(("redeemed", "partially_rolled_back", "rolled_back")),
        "created_from": Time(),
        "created_before": Time(),
    },
)
"""GET /v1/redemptions"""
