"""What the engine shows of a reservation, from its event and what became of it.

Must never ask whether it is still held: the caller knows.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from .events import Reserved
from .money import to_major
from .views import RedeemableView, iso_time, show_redeemable


class ReservationView(msgspec.Struct):
    """A reservation as the API shows it."""

    id: str
    status: str
    session: str
    expires_at: str
    redeemables: list[RedeemableView]
    currency: str
    order_value: Decimal
    discount_applied: Decimal
    total: Decimal
    created_at: str
    redemption_id: str | None
    object: Literal["reservation"] = "reservation"


def view_reservation(event: Reserved, status: str, time_ms: int, redemption_id: str | None = None) -> ReservationView:
    """A reservation from its last event, the time of its first, and what became of it."""
    decimals = event.decimals
    paid = sum([line.discount_minor for line in event.lines if line.is_payment])
    return ReservationView(
        id=event.id,
        status=status,
        session=event.session,
        expires_at=iso_time(event.expires_ms),
        redeemables=[show_redeemable(line.object, line.code, "applicable", line, decimals) for line in event.lines],
        currency=event.currency,
        order_value=to_major(event.order_value_minor, decimals),
        discount_applied=to_major(event.discount_minor - paid, decimals),
        total=to_major(event.order_value_minor + event.shipping_minor - event.discount_minor, decimals),
        created_at=iso_time(time_ms),
        redemption_id=redemption_id,
    )
