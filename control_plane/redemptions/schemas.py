"""Redemptions on the wire: the same representation as the engine's."""

from decimal import Decimal
from typing import Literal

import msgspec


class RedemptionView(msgspec.Struct):
    """A redemption as the ledger has it."""

    id: str
    status: str
    code: str
    voucher_id: str
    campaign_id: str | None
    customer_id: str | None
    currency: str
    order_value: Decimal
    discount_applied: Decimal
    total: Decimal
    idempotency_key: str | None
    created_at: str
    rolled_back_at: str | None
    object: Literal["redemption"] = "redemption"
