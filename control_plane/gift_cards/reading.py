"""Gift cards read: one by its id or code, a page of them, and what was moved on one."""

from typing import Any, get_args

from litestar import Response

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.gift_cards.schemas import CardStatus, GiftCardView, TransactionView
from control_plane.gift_cards.storing import card_from_row, load_card, show_card
from control_plane.listing import DATED, Filters, Listing, Text, Words, until
from control_plane.queries import Page, list_body
from control_plane.rules.times import show_time
from domain.ids import normalise_code
from domain.money import to_major
from store.queries import query

_LIST = query("control_gift_cards")
_LIST_SET_ASIDE = query("control_gift_cards_set_aside")
_LIST_OF_CAMPAIGN = query("control_gift_cards_of_campaign")
_LIST_OF_CUSTOMER = query("control_gift_cards_of_customer")
_ENTRIES = query("control_gift_card_entries")
_STATUSES = get_args(CardStatus)
_MOST_DIGITS = 16


async def get_card(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/gift-cards/{id or code}"""
    call.query().done()
    async with call.open_tx() as tx:
        card = await load_card(tx, call.tenant.project_id, reference)
    return answer(200, show_card(card, call.tenant))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page, status = until(page, filters), filters["status"]
    shared = (project_id, status, page.after, page.after_id, page.rows, now_ms(), filters["created_from"])
    if filters["customer_id"] is not None:
        return (_LIST_OF_CUSTOMER, *shared, filters["campaign_id"], filters["customer_id"])
    if status not in (None, "active", "expired"):
        return (_LIST_SET_ASIDE, *shared, filters["campaign_id"])
    if filters["campaign_id"] is not None:
        return (_LIST_OF_CAMPAIGN, *shared, filters["campaign_id"])
    return (_LIST, *shared)


GIFT_CARDS = Listing(
    GiftCardView,
    lambda row, tenant: show_card(card_from_row(row), tenant),
    _statement,
    {"status": Words(_STATUSES), "campaign_id": Text(64), "customer_id": Text(), **DATED},
    searches=(query("control_search_gift_cards"),),
    search_arguments=lambda filters: (*filters.values(), now_ms()),
    search_text=normalise_code,
)
"""GET /v1/gift-cards"""


async def list_transactions(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/gift-cards/{id or code}/transactions: newest first, by their numbers."""
    asked = call.query()
    page = asked.page()
    before = page.after_id or "0"
    if not (before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS):
        call.errors.add_parameter("cursor", "is not a cursor of this list")
    asked.done()
    async with call.open_tx() as tx:
        card = await load_card(tx, call.tenant.project_id, reference)
        rows = await tx.fetch(_ENTRIES, call.tenant.project_id, card.id, int(before) or None, page.rows)
    return answer(200, list_body(rows, page, lambda row: show_entry(row, call.tenant)))


def show_entry(row: Any, tenant: Tenant) -> TransactionView:
    """The entry of a row."""
    sign = 1 if row["to_account"] == "card" else -1
    return TransactionView(
        number=row["entry_no"],
        object="gift_card_transaction",
        type=row["type"],
        amount=to_major(sign * row["amount_minor"], tenant.decimals),
        balance=to_major(row["balance_minor"], tenant.decimals),
        from_account=row["from_account"],
        to_account=row["to_account"],
        redemption_id=row["redemption_id"],
        reason=row["reason"],
        actor=row["actor"],
        created_at=show_time(row["created_at"]),
    )
