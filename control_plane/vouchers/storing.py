"""A voucher's row: read, shown, and handed to the domain."""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.rules.schemas import Used
from control_plane.rules.showing import shown_rules
from control_plane.rules.times import show_time
from control_plane.vouchers.schemas import VoucherView
from domain.ids import is_code, is_id, normalise_code
from domain.problems import Refused
from domain.rules import Limit, Rules, VoucherRow, voucher_limits
from store.database import Transaction
from store.queries import query

_GET = query("control_voucher")
_LOCK = query("control_lock_voucher")


class StoredVoucher(msgspec.Struct, frozen=True):
    """A voucher's row with what the ledger has counted, and what its campaign allows each code."""

    id: str
    code: str
    campaign_id: str | None
    customer_id: str | None
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
        return {"status": self.status, "version": self.version, "rules": self.rules}


def voucher_from_row(row: Any) -> StoredVoucher:
    """The voucher of a row."""
    return msgspec.convert(dict(row), StoredVoucher)


async def load_voucher(tx: Transaction, project_id: str, reference: str, lock: bool = False) -> StoredVoucher:
    """The project's voucher of this id or code; Refused where it has none. Locked, it is read after the lock."""
    code = normalise_code(reference)
    id_ = reference if is_id("vch", reference) else None
    row = await tx.fetchrow(_GET, project_id, id_, code) if id_ or is_code(code) else None
    if row is not None and lock:
        await tx.fetchrow(_LOCK, project_id, row["id"])
        row = await tx.fetchrow(_GET, project_id, row["id"], None)
    if row is None:
        raise Refused("voucher_not_found")
    return voucher_from_row(row)


def limits_of(voucher: StoredVoucher, project_id: str) -> tuple[Limit, ...]:
    """The limits that the voucher sets of its own."""
    return voucher_limits(
        VoucherRow(
            voucher.id,
            project_id,
            voucher.code,
            voucher.campaign_id,
            voucher.version,
            voucher.status,
            voucher.rules,
            voucher.counts_customers_since,
        )
    )


def show_voucher(voucher: StoredVoucher, tenant: Tenant) -> VoucherView:
    """The voucher as the API shows it."""
    own = voucher.rules.max_redemptions
    return VoucherView(
        id=voucher.id,
        object="voucher",
        code=voucher.code,
        campaign_id=voucher.campaign_id,
        customer_id=voucher.customer_id,
        status=voucher.status,
        **shown_rules(voucher.rules, tenant.decimals),
        metadata=msgspec.Raw(voucher.metadata.encode()),
        redemptions=Used(voucher.used, voucher.inherited_limit if own is None else own),
        version=voucher.version,
        created_at=show_time(voucher.created_at),
        updated_at=show_time(voucher.updated_at),
    )
