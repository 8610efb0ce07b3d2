"""Analytics on the wire."""

from decimal import Decimal

import msgspec


class Overview(msgspec.Struct):
    """A project's day in UTC, as far as the ledger is. Redemptions and discounts are gross: what was rolled back is
    counted beside. `top_code` is of the day's last redemptions that stand."""

    date: str
    active_campaigns: int
    redemptions_today: int
    rollbacks_today: int
    discount_today: Decimal
    top_code: str | None
    currency: str
