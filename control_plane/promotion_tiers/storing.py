"""A promotion tier's row: read, shown, and handed to the domain."""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.promotion_tiers.schemas import PromotionTierView
from control_plane.rules.schemas import Used
from control_plane.rules.showing import shown_rules
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from domain.rules import Limit, Rules, VoucherRow, voucher_limits
from store.database import Transaction
from store.queries import query

_GET = query("control_promotion_tier")
_LOCK = query("control_lock_promotion_tier")


class StoredTier(msgspec.Struct, frozen=True):
    """A tier's row with what the ledger has counted, and what its campaign allows each tier."""

    id: str
    name: str
    hierarchy: int
    campaign_id: str | None
    status: str
    version: int
    rules: Rules
    metadata: str
    counts_customers_since: int
    created_at: datetime
    updated_at: datetime
    used: int
    inherited_limit: int | None

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        fields = ("name", "hierarchy", "status", "version", "rules")
        return {field: getattr(self, field) for field in fields}


def tier_from_row(row: Any) -> StoredTier:
    """The tier of a row."""
    return msgspec.convert(dict(row), StoredTier)


async def load_tier(tx: Transaction, project_id: str, tier_id: str, lock: bool = False) -> StoredTier:
    """The project's tier; Refused where it has none of this id. Locked, it is read after the lock."""
    row = None
    if is_id("tier", tier_id):
        if lock:
            await tx.fetchrow(_LOCK, project_id, tier_id)
        row = await tx.fetchrow(_GET, project_id, tier_id)
    if row is None:
        raise Refused("promotion_tier_not_found")
    return tier_from_row(row)


def limits_of(tier: StoredTier, project_id: str) -> tuple[Limit, ...]:
    """The limits that the tier sets of its own."""
    return voucher_limits(
        VoucherRow(
            tier.id,
            project_id,
            tier.id,
            tier.campaign_id,
            tier.version,
            tier.status,
            tier.rules,
            tier.counts_customers_since,
            "promotion_tier",
        )
    )


def show_tier(tier: StoredTier, tenant: Tenant) -> PromotionTierView:
    """The tier as the API shows it."""
    own = tier.rules.max_redemptions
    return PromotionTierView(
        id=tier.id,
        object="promotion_tier",
        name=tier.name,
        hierarchy=tier.hierarchy,
        campaign_id=tier.campaign_id,
        status=tier.status,
        **shown_rules(tier.rules, tenant.decimals),
        metadata=msgspec.Raw(tier.metadata.encode()),
        redemptions=Used(tier.used, tier.inherited_limit if own is None else own),
        version=tier.version,
        created_at=show_time(tier.created_at),
        updated_at=show_time(tier.updated_at),
    )
