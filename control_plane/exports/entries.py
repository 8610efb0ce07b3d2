"""What was moved on cards, as exports have it: card by card, each card's newest entry first."""

from collections.abc import Callable
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.gift_cards.reading import show_entry as show_transaction
from control_plane.gift_cards.schemas import TransactionView
from control_plane.listing import Filters, Listing, Statement, Text
from control_plane.loyalty_cards.reading import show_entry as show_points
from control_plane.loyalty_cards.schemas import PointsEntryView
from control_plane.queries import Page
from store.queries import query

_BEHIND_ALL = 2**62


class ExportedTransaction(TransactionView):
    """An entry, with the gift card that it is of."""

    card_id: str


class ExportedPoints(PointsEntryView):
    """An entry, with the loyalty card that it is of."""

    card_id: str


def _entries_of(statement: str) -> Statement:
    """The page behind an entry, whose id is the card's and its number. It begins behind the last of all cards."""

    def entries(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
        card_id, _, number = (page.after_id or "").partition("/")
        if not number:
            card_id = filters["card_id"] or card_id
        return (statement, project_id, filters["card_id"], card_id, int(number or _BEHIND_ALL), page.rows)

    return entries


def _with_card(view: type[Any], show: Callable[[Any, Tenant], msgspec.Struct]) -> Callable[[Any, Tenant], Any]:
    return lambda row, tenant: view(**msgspec.structs.asdict(show(row, tenant)), card_id=row["card_id"])


GIFT_CARD_TRANSACTIONS = Listing(
    ExportedTransaction,
    _with_card(ExportedTransaction, show_transaction),
    _entries_of(query("control_all_gift_card_entries")),
    {"card_id": Text(64)},
)
POINTS_ENTRIES = Listing(
    ExportedPoints,
    _with_card(ExportedPoints, lambda row, _tenant: show_points(row)),
    _entries_of(query("control_all_loyalty_entries")),
    {"card_id": Text(64)},
)
