"""What both planes show of a redemption, and how they write it: money as JSON numbers, times as ISO 8601.

Must never look anything up: a view is a pure function of an event and its times, so that a replay is equal to the
first answer byte for byte.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec

from .events import Redeemed
from .money import to_major

encode = msgspec.json.Encoder(decimal_format="number").encode
"""Decimals as numbers, with the decimals that they have: 18.00."""


class RedemptionView(msgspec.Struct):
    """A redemption as the API shows it."""

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


def iso_time(time_ms: int) -> str:
    """2026-11-21T20:35:09.123Z"""
    second, ms = divmod(time_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=16)  # in a flash sale a second is asked for thousands of times
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def view_redemption(event: Redeemed, time_ms: int, rolled_back_ms: int | None = None) -> RedemptionView:
    """A redemption from its event, the time at which it was granted, and that of its rollback."""
    line = event.lines[0]
    return RedemptionView(
        id=event.id,
        status="redeemed" if rolled_back_ms is None else "rolled_back",
        code=line.code,
        voucher_id=line.redeemable_id,
        campaign_id=line.campaign_id,
        customer_id=event.customer_id,
        currency=event.currency,
        order_value=to_major(event.order_value_minor, event.decimals),
        discount_applied=to_major(event.discount_minor, event.decimals),
        total=to_major(event.total_minor, event.decimals),
        idempotency_key=event.idempotency_key,
        created_at=iso_time(time_ms),
        rolled_back_at=None if rolled_back_ms is None else iso_time(rolled_back_ms),
    )
