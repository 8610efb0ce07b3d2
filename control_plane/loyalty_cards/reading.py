"""Loyalty cards read: one by its id or code, those of a program, and the entries of one."""

from typing import Any

from litestar import Response

from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.loyalty_cards.schemas import PointsEntryView
from control_plane.loyalty_cards.storing import card_from_row, load_card, show_card
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.programs import load_program
from control_plane.queries import MOST_ID_CHARS, list_body
from control_plane.rules.times import show_ms, show_time
from store.queries import query

_LIST = query("control_loyalty_cards")
_ENTRIES = query("control_loyalty_entries")
_MOST_DIGITS = 15


async def get_card(call: Call, reference: str) -> Response[bytes]:
    """GET /v1/loyalty-cards/{id or code}"""
    call.query().done()
    async with call.open_tx() as tx:
        card = await load_card(tx, call.tenant.project_id, reference)
    return answer(200, show_card(card, now_ms()))


async def list_cards(call: Call, program_id: str) -> Response[bytes]:
    """GET /v1/loyalty-programs/{id}/cards"""
    asked = call.query()
    status, customer_id = asked.choice("status", ("active", "blocked")), asked.text("customer_id", MOST_ID_CHARS)
    page = asked.page()
    asked.done()
    async with call.open_tx() as tx:
        await load_program(tx, call.tenant.project_id, LOYALTY, program_id)
        arguments = (status, customer_id, page.after, page.after_id, page.rows)
        rows = await tx.fetch(_LIST, call.tenant.project_id, program_id, *arguments)
    at_ms = now_ms()
    return answer(200, list_body(rows, page, lambda row: show_card(card_from_row(row), at_ms)))


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
