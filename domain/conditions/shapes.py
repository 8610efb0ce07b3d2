"""What goes into a judgement and what comes out of it.

Owns the words that the rule language shares with decisions. Must never judge anything.
"""

from typing import Any

import msgspec

from domain.orders import Customer, Metadata, Order


class Fault(msgspec.Struct, frozen=True):
    """One place of a rule that does not hold: a JSON pointer into the rule ("" is the whole of it)."""

    pointer: str
    detail: str


class Facts(msgspec.Struct, frozen=True):
    """All that a rule may ask of. `customer` is there whenever the request names one, blank where nothing is stored;
    `discounted_minor` is what the order's amount is after the discounts that were applied before."""

    order: Order
    discounted_minor: int
    customer: Customer | None = None
    metadata: Metadata = {}
    api_key_id: str = ""
    now_ms: int = 0
    currency: str = "EUR"
    decimals: int = 2


class Count(msgspec.Struct, frozen=True):
    """A condition on a count, to become a move: one more of the counter `name` in a period for a holder."""

    name: str
    bucket: str
    holder: str
    limit: int


class Failing(msgspec.Struct, frozen=True):
    """A condition that is not met: where it stands in the rule, as it was written, and what would help."""

    pointer: str
    condition: dict[str, Any]
    remedy: str | None = None


class Judgement(msgspec.Struct, frozen=True):
    """What a rule says of the facts, from `not_before_ms` until before `not_after_ms` (0 is open).

    Where it holds, `counts` and `first_order` are what the commit has still to find true. Where it does not, `code`
    is an outcome code and `failing` a smallest set of conditions that keeps it from holding.
    """

    holds: bool
    code: str = ""
    failing: tuple[Failing, ...] = ()
    counts: tuple[Count, ...] = ()
    first_order: bool | None = None
    not_before_ms: int = 0
    not_after_ms: int = 0


def escape(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
