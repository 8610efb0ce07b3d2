"""A loyalty card's row with its lots and its program's terms: read, and shown as of a moment."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from control_plane.loyalty_cards.schemas import CardTierView, ExpiringView, LoyaltyCardView, NextTierView
from control_plane.rules.times import show_ms, show_time
from domain.ids import is_code, is_id, normalise_code
from domain.loyalty import LotState, LoyaltyProgram, Standing, loyalty_program, standing, tier_of
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

MOST_EXPIRING = 100
_GET = query("control_loyalty_card")
_LOCK = query("control_lock_loyalty_card")


class StoredCard(msgspec.Struct, frozen=True):
    """A card's row. `lots`: expires_ms, steps, spent of each."""

    id: str
    code: str
    program_id: str
    customer_id: str
    status: Literal["active", "blocked"]
    version: int
    earned_total: int
    owed: int
    metadata: str
    created_at: datetime
    updated_at: datetime
    program: dict[str, Any]
    lots: tuple[tuple[int, tuple[tuple[int, int], ...], int], ...]

    @property
    def terms(self) -> LoyaltyProgram:
        return loyalty_program(self.program)

    def standing(self, now_ms: int) -> Standing:
        """What it has at a moment."""
        return standing([LotState(*lot) for lot in self.lots], now_ms)

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it: nothing of whose it is."""
        return {"status": self.status, "version": self.version, "owed": self.owed}


def card_from_row(row: Any) -> StoredCard:
    """The card of a row."""
    return msgspec.convert(dict(row), StoredCard)


async def load_card(tx: Transaction, project_id: str, reference: str, lock: bool = False) -> StoredCard:
    """The project's card of this id or code; Refused where it has none. Locked, it is read after the lock."""
    code = normalise_code(reference)
    id_ = reference if is_id("lcd", reference) else None
    row = await tx.fetchrow(_GET, project_id, id_, code) if id_ or is_code(code) else None
    if row is not None and lock:
        await tx.fetchrow(_LOCK, project_id, row["id"])
        row = await tx.fetchrow(_GET, project_id, row["id"], None)
    if row is None:
        raise Refused("loyalty_card_not_found")
    return card_from_row(row)


def show_card(card: StoredCard, now_ms: int) -> LoyaltyCardView:
    """The card as the API shows it."""
    program, has = card.terms, card.standing(now_ms)
    tier = tier_of(program, card.earned_total)
    ahead = [one for one in program.tiers if one.from_points > card.earned_total]
    following = min(ahead, key=lambda one: one.from_points, default=None)
    return LoyaltyCardView(
        id=card.id,
        object="loyalty_card",
        code=card.code,
        program_id=card.program_id,
        customer_id=card.customer_id,
        status=card.status,
        points=has.available,
        pending_points=has.pending,
        owed_points=card.owed,
        earned_total=card.earned_total,
        tier=None if tier is None else CardTierView(tier.id, tier.name),
        next_tier=None
        if following is None
        else NextTierView(following.id, following.name, following.from_points - card.earned_total),
        expiring=[ExpiringView(points, show_ms(at_ms) or "") for at_ms, points in has.expiring[:MOST_EXPIRING]],
        metadata=msgspec.Raw(card.metadata.encode()),
        version=card.version,
        created_at=show_time(card.created_at),
        updated_at=show_time(card.updated_at),
    )
