"""What can be exported: the lists, walked page by page with the statements that answer them, shown as they show it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.campaigns.schemas import CampaignView
from control_plane.campaigns.services import OWN_TYPES
from control_plane.campaigns.storing import campaign_from_row, show_campaign
from control_plane.clock import now_ms
from control_plane.customers.schemas import CustomerView
from control_plane.customers.services import show_row as show_customer_row
from control_plane.gift_cards.schemas import GiftCardView
from control_plane.gift_cards.storing import card_from_row, show_card
from control_plane.problems import Errors
from control_plane.products.schemas import ProductView
from control_plane.products.services import show_row as show_product_row
from control_plane.queries import Page
from control_plane.redemptions.schemas import ListedRedemption
from control_plane.redemptions.services import show_redemption
from control_plane.vouchers.schemas import VoucherView
from control_plane.vouchers.storing import show_voucher, voucher_from_row
from store.queries import query

MOST_FILTER_CHARS = 128

Filters = dict[str, str]
Statement = Callable[[str, Filters, Page], tuple[Any, ...]]
"""The SQL of a page and its arguments, of this project."""


class Exported(msgspec.Struct, frozen=True):
    """One list. Filters: the words that one takes, or None for any text; a time's name begins with `created_`."""

    view: type[msgspec.Struct]
    filters: dict[str, tuple[str, ...] | None]
    statement: Statement
    show: Callable[[Any, Tenant], msgspec.Struct]


def read_filters(given: dict[str, Any], exported: Exported, errors: Errors) -> Filters:
    """The filters of a body; what does not hold is noted."""
    filters: Filters = {}
    for name, value in given.items():
        at = f"/filters/{name[:100]}"
        if name not in exported.filters:
            errors.add(at, "there is no such filter here")
        elif not isinstance(value, str) or not 1 <= len(value) <= MOST_FILTER_CHARS or "\x00" in value:
            errors.add(at, f"takes 1 to {MOST_FILTER_CHARS} characters")
        elif (words := exported.filters[name]) is not None and value not in words:
            errors.add(at, f"must be one of {', '.join(words)}")
        elif name.startswith("created_") and _time(value) is None:
            errors.add(at, "must be a time in ISO 8601")
        else:
            filters[name] = value
    return filters


def _time(text: str | None) -> datetime | None:
    try:
        time = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _redemptions(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    since, until = _time(filters.get("created_from")), _time(filters.get("created_before"))
    named = (filters.get("status"), filters.get("campaign_id"), since, until)
    shared = (project_id, *named, page.after, page.after_id, page.rows)
    if "voucher_id" in filters:
        return (_REDEMPTIONS_OF_VOUCHER, *shared, filters["voucher_id"], filters.get("customer_id"))
    if "customer_id" in filters:
        return (_REDEMPTIONS_OF_CUSTOMER, *shared, filters["customer_id"])
    return (_REDEMPTIONS, *shared)


def _vouchers(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, filters.get("status"), page.after, page.after_id, page.rows)
    if "customer_id" in filters:
        return (_VOUCHERS_OF_CUSTOMER, *shared, filters.get("campaign_id"), filters["customer_id"])
    if "campaign_id" in filters:
        return (_VOUCHERS_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_VOUCHERS, *shared)


def _gift_cards(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, filters.get("status"), page.after, page.after_id, page.rows, now_ms())
    if "customer_id" in filters:
        return (_GIFT_CARDS_OF_CUSTOMER, *shared, filters.get("campaign_id"), filters["customer_id"])
    if "campaign_id" in filters:
        return (_GIFT_CARDS_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_GIFT_CARDS, *shared)


def _campaigns(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    types: Sequence[str] = (filters["type"],) if "type" in filters else OWN_TYPES
    return (_CAMPAIGNS, project_id, filters.get("status"), page.after, page.after_id, page.rows, types)


def _plain(statement: str) -> Statement:
    return lambda project_id, _filters, page: (statement, project_id, page.after, page.after_id, page.rows)


_REDEMPTIONS = query("control_redemptions")
_REDEMPTIONS_OF_CUSTOMER = query("control_redemptions_of_customer")
_REDEMPTIONS_OF_VOUCHER = query("control_redemptions_of_voucher")
_VOUCHERS = query("control_vouchers")
_VOUCHERS_OF_CAMPAIGN = query("control_vouchers_of_campaign")
_VOUCHERS_OF_CUSTOMER = query("control_vouchers_of_customer")
_GIFT_CARDS = query("control_gift_cards")
_GIFT_CARDS_OF_CAMPAIGN = query("control_gift_cards_of_campaign")
_GIFT_CARDS_OF_CUSTOMER = query("control_gift_cards_of_customer")
_CAMPAIGNS = query("control_campaigns")

EXPORTED: dict[str, Exported] = {
    "redemptions": Exported(
        ListedRedemption,
        {
            "status": ("redeemed", "partially_rolled_back", "rolled_back"),
            **dict.fromkeys(("campaign_id", "customer_id", "voucher_id", "created_from", "created_before")),
        },
        _redemptions,
        lambda row, _tenant: show_redemption(row),
    ),
    "vouchers": Exported(
        VoucherView,
        {"status": ("active", "disabled"), "campaign_id": None, "customer_id": None},
        _vouchers,
        lambda row, tenant: show_voucher(voucher_from_row(row), tenant),
    ),
    "campaigns": Exported(
        CampaignView,
        {"status": ("active", "paused"), "type": OWN_TYPES},
        _campaigns,
        lambda row, tenant: show_campaign(campaign_from_row(row), tenant),
    ),
    "gift_cards": Exported(
        GiftCardView,
        {"status": ("active", "inactive", "blocked", "expired"), "campaign_id": None, "customer_id": None},
        _gift_cards,
        lambda row, tenant: show_card(card_from_row(row), tenant),
    ),
    "customers": Exported(
        CustomerView, {}, _plain(query("control_customers")), lambda row, _tenant: show_customer_row(row)
    ),
    "products": Exported(
        ProductView,
        {},
        _plain(query("control_products")),
        lambda row, tenant: show_product_row(tenant.decimals, row),
    ),
}
