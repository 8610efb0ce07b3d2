"""What PostgreSQL keeps of cards when a run is over: their numbers, their lots and every entry. Shapes only.

Must never hold what somebody said of it: that is in the calls.
"""

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One entry of a card: `amount` as the card has it, minor units or points, and the balance after it. `source` says
    what it is for: the reason of a top-up, the event of points. `lot` is when points expire, 0 of a gift card."""

    number: int
    type: str
    amount: int
    balance: int
    redemption_id: str | None
    line_no: int | None
    source: str | None
    lot: int


class KeptCard(msgspec.Struct, frozen=True):
    """A card. `lots`: when it expires, all that was put there, all that was spent of that; one of a gift card."""

    project_id: str
    id: str
    object: str
    code: str
    balance: int
    owed: int
    lots: list[tuple[int, int, int]]
    entries: list[Entry]

    def counter(self, lot: int) -> str:
        """What counts what is spent of a lot."""
        return f"a:{self.id}" if self.object == "gift_card" else f"y:{self.id}:{lot}"
