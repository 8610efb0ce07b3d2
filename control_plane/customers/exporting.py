"""Exporting a customer: one document, written while it is read, page by page of each of its lists.

Must never hold more than a page of a list, nor a transaction while a client reads. A document that breaks off is no
JSON: what came in whole is whole.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar.response import Stream

from control_plane.calls import Call
from control_plane.customers.exported import ExportedEvent, ExportedReferral
from control_plane.customers.services import show_row
from control_plane.events.schemas import Effect
from control_plane.gift_cards.reading import GIFT_CARDS
from control_plane.gift_cards.reading import show_entry as show_transaction
from control_plane.listing import Listing
from control_plane.loyalty_cards.reading import LOYALTY_CARDS
from control_plane.loyalty_cards.reading import show_entry as show_points
from control_plane.orders.services import ORDERS
from control_plane.publications.services import PUBLICATIONS
from control_plane.queries import Page
from control_plane.redemptions.services import REDEMPTIONS
from control_plane.referral_programs.code_reading import REFERRAL_CODES
from control_plane.rules.times import show_time
from control_plane.shop_ids import is_shop_id
from control_plane.vouchers.reading import VOUCHERS
from domain.problems import Refused
from domain.views import encode
from store.queries import query

ROWS_A_PAGE = 500

_GET = query("control_customer")
_KNOWS = query("control_knows_customer")
_REFERRALS = query("control_export_referrals")
_EVENTS = query("control_export_events")
_GIFT_CARD_ENTRIES = query("control_gift_card_entries")
_POINTS_ENTRIES = query("control_loyalty_entries")

_LISTED = {
    "redemptions": REDEMPTIONS,
    "vouchers": VOUCHERS,
    "referral_codes": REFERRAL_CODES,
    "publications": PUBLICATIONS,
    "orders": ORDERS,
}

Statement = Callable[[Page], tuple[Any, ...]]
Show = Callable[[Any], msgspec.Struct]
Pieces = AsyncIterator[bytes]


async def export_customer(call: Call, customer_id: str) -> Stream:
    """GET /v1/customers/{id}/export: also of one whose row is deleted, or whom the ledger alone has met."""
    call.query().done()
    project_id, row, is_known = call.tenant.project_id, None, False
    if is_shop_id(customer_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, project_id, customer_id)
            is_known = row is not None or await tx.fetchval(_KNOWS, project_id, customer_id)
    if not is_known:
        raise Refused("customer_not_found")
    head = {
        "id": customer_id,
        "object": "customer_export",
        "exported_at": show_time(datetime.now(UTC)),
        "customer": None if row is None else show_row(row),
    }
    return Stream(
        _document(call, customer_id, msgspec.json.encode(head)),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="customer.json"', "X-Content-Type-Options": "nosniff"},
    )


async def _document(call: Call, customer_id: str, head: bytes) -> Pieces:
    project_id = call.tenant.project_id
    yield head[:-1]
    for name, listing in _LISTED.items():
        async for piece in _array(call, name, _of_listing(call, listing, customer_id), _shower(call, listing)):
            yield piece
    gift_cards = _of_listing(call, GIFT_CARDS, customer_id)
    async for piece in _cards(call, "gift_cards", gift_cards, _shower(call, GIFT_CARDS), _GIFT_CARD_ENTRIES):
        yield piece
    loyalty_cards = _of_listing(call, LOYALTY_CARDS, customer_id)
    async for piece in _cards(call, "loyalty_cards", loyalty_cards, _shower(call, LOYALTY_CARDS), _POINTS_ENTRIES):
        yield piece
    others: dict[str, tuple[str, Show]] = {
        "referrals": (_REFERRALS, _show_referral),
        "events": (_EVENTS, _show_event),
    }
    for name, (sql, show) in others.items():
        async for piece in _array(call, name, _own(sql, project_id, customer_id), show):
            yield piece
    yield b"}"


async def _array(call: Call, name: str, statement: Statement, show: Show) -> Pieces:
    """A list as a field of the document."""
    yield f',"{name}":['.encode()
    separator = b""
    async for rows in _pages(call, statement):
        yield separator + b",".join([encode(show(row)) for row in rows])
        separator = b","
    yield b"]"


async def _cards(call: Call, name: str, statement: Statement, show: Show, entries: str) -> Pieces:
    """The same of cards, each with its entries as its last field."""
    show_entry: Show = show_points
    if name == "gift_cards":
        show_entry = lambda row: show_transaction(row, call.tenant)  # noqa: E731
    yield f',"{name}":['.encode()
    separator = b""
    async for rows in _pages(call, statement):
        for row in rows:
            yield separator + encode(show(row))[:-1]
            separator = b","
            async for piece in _array(call, "transactions", _entries(entries, call, row["id"]), show_entry):
                yield piece
            yield b"}"
    yield b"]"


async def _pages(call: Call, statement: Statement) -> AsyncIterator[list[Any]]:
    page = Page(ROWS_A_PAGE, None, None)
    while True:
        sql, *arguments = statement(page)
        async with call.open_tx() as tx:
            rows = await tx.fetch(sql, *arguments)
        kept = rows[:ROWS_A_PAGE]
        if kept:
            yield kept
        if len(rows) <= ROWS_A_PAGE:
            return
        page = Page(ROWS_A_PAGE, kept[-1]["created_at"], kept[-1]["id"])


def _of_listing(call: Call, listing: Listing, customer_id: str) -> Statement:
    filters = {**dict.fromkeys(listing.filters), "customer_id": customer_id}
    return lambda page: listing.statement(call.tenant.project_id, filters, page)


def _shower(call: Call, listing: Listing) -> Show:
    return lambda row: listing.show(row, call.tenant)


def _own(sql: str, project_id: str, customer_id: str) -> Statement:
    return lambda page: (sql, project_id, customer_id, page.after, page.after_id, page.rows)


def _entries(sql: str, call: Call, card_id: str) -> Statement:
    """A card's entries are numbered."""
    return lambda page: (sql, call.tenant.project_id, card_id, int(page.after_id or 0) or None, page.rows)


def _show_referral(row: Any) -> ExportedReferral:
    return ExportedReferral(
        object="referral",
        redemption_id=row["id"],
        program_id=row["program_id"],
        side=row["side"],
        status=row["status"],
        created_at=show_time(row["created_at"]),
    )


def _show_event(row: Any) -> ExportedEvent:
    return ExportedEvent(
        id=row["event_id"],
        object="event",
        type=row["type"],
        order_id=row["order_id"],
        effect=msgspec.convert(row["effect"], Effect),
        occurred_at=show_time(row["occurred_at"]),
        created_at=show_time(row["created_at"]),
    )
