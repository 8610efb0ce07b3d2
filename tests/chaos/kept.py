"""What the stores keep of stacks, returns and reservations when a run is over. Shapes only.

Must never hold what somebody said of it: that is in the calls.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

Moves = list[tuple[str, int]]


class KeptLine(msgspec.Struct, frozen=True):
    """One redeemable of a stack in PostgreSQL."""

    code: str
    campaign_id: str | None
    discount_minor: int
    moves: Moves
    object: str = "voucher"


class KeptReturn(msgspec.Struct, frozen=True):
    """A rollback of a stack or of a part of it, in PostgreSQL. `items`: number of the item, units."""

    revision: int
    key: str | None
    is_whole: bool
    refund_minor: int
    moves: Moves
    lines: list[int]
    items: list[tuple[int, int]]
    discounts: list[int]


class Kept(msgspec.Struct, frozen=True):
    """The redemption of a stack, or of a reservation, in PostgreSQL. `items`: units and price of each."""

    project_id: str
    id: str
    status: str
    revision: int
    refunded_minor: int
    key: str | None
    order_id: str | None
    customer_id: str | None
    order_value_minor: int
    discount_minor: int
    reservation_id: str
    items: list[tuple[int, int]]
    lines: list[KeptLine]
    returns: list[KeptReturn]

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of it."""
        return self.status == "rolled_back"

    @property
    def paid_minor(self) -> int:
        """What of the discount gift cards have paid."""
        return sum(line.discount_minor for line in self.lines if line.object == "gift_card")

    @property
    def gone_lines(self) -> set[int]:
        """Numbers of the redeemables that are rolled back."""
        if self.is_gone:
            return set(range(len(self.lines)))
        return {line for back in self.returns for line in back.lines}

    def taken(self) -> Counter[str]:
        """By counter."""
        return summed(move for line in self.lines for move in line.moves)

    def returned(self) -> Counter[str]:
        """By counter."""
        return summed(move for back in self.returns for move in back.moves)


class KeptReservation(msgspec.Struct, frozen=True):
    """A reservation in PostgreSQL."""

    project_id: str
    id: str
    status: str
    redemption_id: str | None


class KeptHold(msgspec.Struct, frozen=True, order=True):
    """Units of a counter that a session holds, in either store."""

    shard: int
    counter: str
    tag: str
    owner: str
    amount: int
    expires_ms: int


def summed(moves: Iterable[tuple[str, int]]) -> Counter[str]:
    """Amounts by counter; what comes to nothing is left out."""
    sums: Counter[str] = Counter()
    for counter, amount in moves:
        sums[counter] += amount
    return +sums
