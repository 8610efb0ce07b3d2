"""What a batch does to cards: spends and refunds, posted as entries in the caller's transaction.

Owns the mapping from moves on cards' counters to entries. The functions that write are the role vauchflow_cards's, and
a CHECK of theirs has the last word. Must never post what the ledger has not taken in, and never change what was funded
or earned.
"""

from domain.definitions import balance_counter, points_family
from domain.events import Redeemed
from store.database import Transaction
from store.ledger_rows import Moves, columns
from store.queries import query

_POST_GIFT_CARDS = query("post_gift_card_spends")
_POST_LOYALTY = query("post_loyalty_spends")
_LINE_MOVES = query("redemption_line_moves")

BALANCE = balance_counter("")
POINTS = points_family("")

CONSTRAINTS = {
    "gift_cards_within_balance": "insufficient_balance",
    "gift_card_entries_balance_minor_check": "insufficient_balance",
    "loyalty_lots_within_earned": "insufficient_points",
    "loyalty_cards_within_points": "insufficient_points",
    "loyalty_entries_balance_check": "insufficient_points",
}
"""Constraints that refuse a spend, with the outcome code that it is then answered."""


def is_of_a_card(counter: str) -> bool:
    """Whether what is taken of this counter is a card's: such a move has an entry."""
    return counter.startswith((BALANCE, POINTS))


class Postings:
    """The entries of a batch, in the order of its events: `post` writes them, before any counter is moved."""

    def __init__(self) -> None:
        self._gift_cards: list[tuple[str, str, int, str, int, int]] = []
        self._loyalty: list[tuple[str, str, int, int, str, int, int]] = []
        self._refunds: list[tuple[str, str, Moves, int]] = []

    def spend(self, event: Redeemed, time_ms: int) -> None:
        """A redemption that was not in the ledger before."""
        for number, line in enumerate(event.lines, 1):
            for counter, amount, _ in line.moves:
                self._add(event.project_id, event.id, number, counter, amount, time_ms)

    def refund(self, project_id: str, redemption_id: str, moves: Moves, time_ms: int) -> None:
        """A rollback that took effect, with what came back by it."""
        returned = tuple(move for move in moves if is_of_a_card(move[0]))
        if returned:
            self._refunds.append((project_id, redemption_id, returned, time_ms))

    async def post(self, tx: Transaction) -> None:
        """One of store.ledger.INTEGRITY where a card has not that much, or is not there."""
        if self._refunds:
            await self._find_refunds(tx)
        if self._gift_cards:
            await tx.execute(_POST_GIFT_CARDS, *columns(self._gift_cards, 6))
        if self._loyalty:
            await tx.execute(_POST_LOYALTY, *columns(self._loyalty, 7))

    def _add(self, project_id: str, redemption_id: str, line_no: int, counter: str, amount: int, time_ms: int) -> None:
        if not amount:
            return
        if counter.startswith(BALANCE):
            card = counter[len(BALANCE) :]
            self._gift_cards.append((project_id, card, amount, redemption_id, line_no, time_ms))
        elif counter.startswith(POINTS):
            card, _, expires_ms = counter[len(POINTS) :].rpartition(":")
            self._loyalty.append((project_id, card, int(expires_ms), amount, redemption_id, line_no, time_ms))

    async def _find_refunds(self, tx: Transaction) -> None:
        """A rollback says what comes back of each counter; which lines took it, the ledger knows."""
        keys = sorted({(project, redemption) for project, redemption, _, _ in self._refunds})
        lines: dict[tuple[str, str, str], int] = {}
        for row in await tx.fetch(_LINE_MOVES, *columns(keys, 2)):
            for counter, _ in row["moves"]:
                lines.setdefault((row["project_id"], row["redemption_id"], counter), row["line_no"])
        for project, redemption, moves, time_ms in self._refunds:
            for counter, amount in moves:
                self._add(project, redemption, lines[project, redemption, counter], counter, -amount, time_ms)
