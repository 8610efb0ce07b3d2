"""Definitions: what an admin wishes, in the form that decisions read.

A definition is immutable; a change is a new one with version + 1. Must never hold a count: counts are counters.
Amounts are minor units, times are Unix milliseconds, percentages are parts per million.
"""

from typing import Literal

import msgspec

DiscountType = Literal["PERCENT", "AMOUNT", "FIXED"]

COUNT_WINDOW = 20_000
"""Window W of counters that count redemptions: the most that PostgreSQL may be behind, and that a loss withholds."""

UNLIMITED = 2**53 - 1
"""What a decision passes for a limit that is not set: no counter can come near it."""

BUDGET_WINDOW_MINOR = 10**12
"""Window of counters that sum discounts, in minor units: at least one greatest order."""


class Discount(msgspec.Struct, frozen=True, array_like=True):
    """PERCENT: `value` in ppm. AMOUNT: minor units off. FIXED: the order then costs `value` minor units."""

    type: DiscountType
    value: int
    max_minor: int | None = None


class Campaign(msgspec.Struct, frozen=True, array_like=True):
    """A campaign as decisions see it. `counts_customers_since` is the epoch in which the limit per customer was
    first set: in that epoch a customer without a counter has used nothing."""

    id: str
    project_id: str
    version: int
    paused: bool
    discount: Discount | None
    starts_ms: int | None = None
    expires_ms: int | None = None
    limit: int | None = None
    budget_minor: int | None = None
    per_code_limit: int | None = None
    per_customer_limit: int | None = None
    counts_customers_since: int = 0
    committed: bool = False
    window: int = COUNT_WINDOW


class Voucher(msgspec.Struct, frozen=True, array_like=True):
    """A voucher as decisions see it. What it leaves open it inherits from its campaign."""

    id: str
    project_id: str
    code: str
    version: int
    disabled: bool
    campaign_id: str | None = None
    discount: Discount | None = None
    starts_ms: int | None = None
    expires_ms: int | None = None
    limit: int | None = None
    budget_minor: int | None = None
    per_customer_limit: int | None = None
    counts_customers_since: int = 0
    committed: bool = False
    window: int = COUNT_WINDOW


def voucher_key(project_id: str, code: str) -> str:
    """Name of a voucher's definition: codes are what a checkout knows."""
    return f"v:{project_id}:{code}"


def campaign_key(campaign_id: str) -> str:
    """Name of a campaign's definition."""
    return f"c:{campaign_id}"


def change_key(project_id: str) -> str:
    """Name of a project's change number, which is checked like the version of a definition."""
    return f"n:{project_id}"


def redemptions_counter(definition_id: str) -> str:
    """Counter of the redemptions of a voucher or a campaign."""
    return f"r:{definition_id}"


def budget_counter(definition_id: str) -> str:
    """Counter of the discounts granted under a voucher's or a campaign's budget, in minor units."""
    return f"b:{definition_id}"


def customer_counter(definition_id: str, customer_id: str) -> str:
    """Counter of one customer's redemptions under a voucher or a campaign."""
    return f"u:{definition_id}:{customer_id}"


def customer_family(definition_id: str) -> str:
    """Template of the customers' counters: it holds the limit and the ceiling of them all."""
    return f"u:{definition_id}"


def code_family(campaign_id: str) -> str:
    """Template of the counters of a campaign's codes that have no limit of their own."""
    return f"w:{campaign_id}"
