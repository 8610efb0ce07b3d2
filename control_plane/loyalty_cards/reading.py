"""Loyalty cards read: one by its id or code, those of a program, and the entries of one."""

from functools import partial
from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.listing import DATED, Filters, Listing, Text, Words, list_page, until
from control_plane.loyalty_cards.schemas import LoyaltyCardView, PointsEntryView
from control_plane.loyalty_cards.storing import card_from_row, load_card, show_card
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.programs import load_program
from control_plane.queries import MOST_ID_CHARS, Page, list_body
from control_plane.rules.times import show_ms, show_time
from domain.ids import normalise_code
from store.queries import query

_LIST = query("control_loyalty_cards")
_LIST_OF_PROGRAM = query("control_loyalty_cards_of_program")
_LIST_OF_CUSTOMER = query("control_loyalty_cards_of_customer")
_ENTRIES = query("control_loyalty_entries")
_MOST_DIGITS = 15


async def get_card(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/loyalty-cards/{id or code}"""
    call.query().done()
    async with call.open_tx() as tx:
        card = await load_card(tx, call.tenant.project_id, reference)
    return answer(200, show_card(card, now_ms()))


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    shared = (project_id, filters["status"], page.after, page.after_id, page.rows, filters["created_from"])
    if filters["customer_id"] is not None:
        return (_LIST_OF_CUSTOMER, *shared, filters["program_id"], filters["customer_id"])
    if filters["program_id"] is not None:
        return (_LIST_OF_PROGRAM, *shared, filters["program_id"])
    return (_LIST, *shared)


LOYALTY_CARDS = Listing(
    LoyaltyCardView,
    lambda row, _tenant: show_card(card_from_row(row), now_ms()),
    _statement,
    {"program_id": Text(64), "status": Words(("active", "blocked")), "customer_id": Text(MOST_ID_CHARS), **DATED},
    searches=(query("control_search_loyalty_cards"),),
    search_text=normalise_code,
)
"""GET /v1/loyalty-programs/{id}/cards"""


async def list_cards(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/loyalty-programs/{id}/cards"""
    require = partial(load_program, project_id=call.tenant.project_id, kind=LOYALTY, program_id=program_id)
    return await list_page(call, LOYALTY_CARDS, {"program_id": program_id}, require)


async def list_entries(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/loyalty-cards/{id or code}/transactions"""
    asked = call.query()
    page = asked.page()
    after = page.after_id
    if after is not None and not (after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS):
        call.errors.add_parameter("cursor", "is not a cursor of this list")
    asked.done()
    async with call.open_tx() as tx:
        card = await load_card(tx, call.tenant.project_id, reference)
        number = None if after is None else int(after)
        rows = await tx.fetch(_ENTRIES, call.tenant.project_id, card.id, number, page.rows)
    return answer(200, list_body(rows, page, show_entry))


def show_entry(row: Any) -> PointsEntryView:
    """The entry of a row."""
    return PointsEntryView(
        id=row["id"],
        object="points_entry",
        type=row["type"],
        points=row["points"],
        balance=row["available"],
        available_at=show_ms(row["from_ms"] or None),
        expires_at=show_ms(row["expires_ms"] or None),
        source=row["source"],
        redemption_id=row["redemption_id"],
        reason=row["reason"],
        actor=row["actor"],
        created_at=show_time(row["created_at"]),
    )
