"""A gift card's row: read, shown, and handed to the domain. Must never write a balance: the ledger's functions do."""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.clock import now_ms
from control_plane.gift_cards.schemas import CardStatus, GiftCardView
from control_plane.rules.times import show_ms, show_time
from domain.cards import GiftCardRow, gift_card_limits
from domain.ids import is_code, is_id, normalise_code
from domain.money import to_major
from domain.problems import Refused
from domain.rules import Limit
from store.database import Transaction
from store.queries import query

_GET = query("control_gift_card")
_LOCK = query("control_lock_gift_card")


class StoredCard(msgspec.Struct, frozen=True):
    """A gift card's row."""

    id: str
    code: str
    campaign_id: str | None
    customer_id: str | None
    currency: str
    status: str
    starts_ms: int | None
    expires_ms: int | None
    category: str | None
    version: int
    funded_minor: int
    spent_minor: int
    balance_minor: int
    metadata: str
    created_at: datetime
    updated_at: datetime

    def status_at(self, time_ms: int) -> CardStatus:
        """What is said of it at a time: what bars it first of all."""
        if self.status == "archived":
            return "archived"
        if self.status == "blocked":
            return "blocked"
        if self.expires_ms is not None and self.expires_ms <= time_ms:
            return "expired"
        return "active" if self.status == "active" else "inactive"

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        fields = ("status", "version", "starts_ms", "expires_ms", "category", "funded_minor")
        return {field: getattr(self, field) for field in fields}


def card_from_row(row: Any) -> StoredCard:
    """The card of a row."""
    return msgspec.convert(dict(row), StoredCard)


async def load_card(tx: Transaction, project_id: str, reference: str, lock: bool = False) -> StoredCard:
    """The project's gift card of this id or code; Refused where it has none. Locked, it is read after the lock."""
    code = normalise_code(reference)
    id_ = reference if is_id("gft", reference) else None
    row = await tx.fetchrow(_GET, project_id, id_, code) if id_ or is_code(code) else None
    if row is not None and lock:
        await tx.fetchrow(_LOCK, project_id, row["id"])
        row = await tx.fetchrow(_GET, project_id, row["id"], None)
    if row is None:
        raise Refused("gift_card_not_found")
    return card_from_row(row)


def limits_of(card: StoredCard, project_id: str) -> tuple[Limit, ...]:
    """What it may spend in all."""
    return gift_card_limits(
        GiftCardRow(
            card.id,
            project_id,
            card.code,
            card.campaign_id,
            card.customer_id,
            card.version,
            card.status,
            card.starts_ms,
            card.expires_ms,
            card.category,
            card.funded_minor,
        )
    )


def show_card(card: StoredCard, tenant: Tenant) -> GiftCardView:
    """The card as the API shows it."""
    return GiftCardView(
        id=card.id,
        object="gift_card",
        code=card.code,
        campaign_id=card.campaign_id,
        customer_id=card.customer_id,
        status=card.status_at(now_ms()),
        currency=card.currency,
        balance=to_major(card.balance_minor, tenant.decimals),
        funded=to_major(card.funded_minor, tenant.decimals),
        spent=to_major(card.spent_minor, tenant.decimals),
        starts_at=show_ms(card.starts_ms),
        expires_at=show_ms(card.expires_ms),
        category=card.category,
        metadata=msgspec.Raw(card.metadata.encode()),
        version=card.version,
        created_at=show_time(card.created_at),
        updated_at=show_time(card.updated_at),
    )
