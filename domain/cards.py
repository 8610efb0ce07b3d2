"""Gift cards and loyalty cards: what their rows become for decisions.

Must never hold a balance: what is spent is counted by counters, and what was funded or earned is their limit.
"""

import msgspec

from . import definitions as names
from .definitions import Lot, Redeemable
from .lifecycle import ARCHIVED
from .rules import Limit

_BARRED = {"inactive": "card_inactive", "blocked": "card_blocked", ARCHIVED: "card_blocked"}


class GiftCardRow(msgspec.Struct, frozen=True):
    """What a gift card's definition is made from. `funded_minor`: all that was ever put on it, less what was taken
    back of that."""

    id: str
    project_id: str
    code: str
    campaign_id: str | None
    customer_id: str | None
    version: int
    status: str
    starts_ms: int | None
    expires_ms: int | None
    category: str | None
    funded_minor: int


class LoyaltyCardRow(msgspec.Struct, frozen=True):
    """What a loyalty card's definition is made from. `lots`: expires_ms (0: never) and steps (from when on, points)."""

    id: str
    project_id: str
    code: str
    campaign_id: str
    customer_id: str
    version: int
    status: str
    lots: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


def gift_card_definition(row: GiftCardRow) -> Redeemable:
    """The gift card as decisions see it. All that is money waits for the ledger."""
    return Redeemable(
        id=row.id,
        project_id=row.project_id,
        code=row.code,
        version=row.version,
        disabled=False,
        campaign_id=row.campaign_id,
        starts_ms=row.starts_ms,
        expires_ms=row.expires_ms,
        committed=True,
        category=row.category,
        object="gift_card",
        customer_id=row.customer_id,
        barred=_BARRED.get(row.status),
        is_archived=row.status == ARCHIVED,
    )


def gift_card_limits(row: GiftCardRow) -> tuple[Limit, ...]:
    """What it may spend in all."""
    return (Limit(names.balance_counter(row.id), "balance", row.funded_minor),)


def loyalty_card_definition(row: LoyaltyCardRow) -> Redeemable:
    """The loyalty card as decisions see it; the lot that expires first stands first."""
    lots = [Lot(expires_ms, tuple(sorted(steps))) for expires_ms, steps in row.lots]
    return Redeemable(
        id=row.id,
        project_id=row.project_id,
        code=row.code,
        version=row.version,
        disabled=False,
        campaign_id=row.campaign_id,
        committed=True,
        object="loyalty_card",
        customer_id=row.customer_id,
        barred=_BARRED.get(row.status),
        lots=tuple(sorted(lots, key=lambda lot: (not lot.expires_ms, lot.expires_ms))),
    )


def loyalty_card_limits(row: LoyaltyCardRow) -> tuple[Limit, ...]:
    """The template of its lots' counters: what each may spend is said by the definition."""
    return (Limit(names.points_family(row.id), "points_family", None),)
