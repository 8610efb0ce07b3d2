"""Definitions: what an admin wishes, in the form that decisions read.

A definition is immutable; a change is a new one with version + 1. Must never hold a count: counts are counters.
Amounts are minor units, times are Unix milliseconds, percentages are parts per million.
"""

from functools import lru_cache
from typing import Any, Literal
from zlib import crc32

import msgspec

DiscountType = Literal["PERCENT", "AMOUNT", "FIXED", "UNIT"]
Target = Literal["order", "items", "every", "cheapest", "most_expensive", "from_nth", "shipping"]
ReturnPolicy = Literal["keep", "requalify"]
CampaignType = Literal["DISCOUNT", "GIFT_CARD", "PROMOTION", "LOYALTY", "REFERRAL"]
RedeemableObject = Literal["voucher", "promotion_tier", "gift_card", "loyalty_card", "referral_code"]

COUNT_WINDOW = 20_000
"""Window W of counters that count redemptions: the most that PostgreSQL may be behind, and that a loss withholds."""

MOST_REDEEMABLES = 30
"""Of one call."""

UNLIMITED = 2**53 - 1
"""What a decision passes for a limit that is not set: no counter can come near it."""

BUDGET_WINDOW_MINOR = 10**12
"""Window of counters that sum discounts, in minor units: at least one greatest order."""


class Selection(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Items by any of their names; an empty one selects nothing."""

    products: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()


class AddedUnit(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a UNIT discount puts into the order, for nothing: its value is its price."""

    price_minor: int
    product_id: str | None = None
    sku: str | None = None


class Scope(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What of an order a discount is on.

    order: what the selected items cost together (all of them where nothing is selected, shipping excluded).
    items: the same, spread over the selected items in proportion; of no effect on an order without items.
    every: each selected unit by itself: an AMOUNT is off each, a FIXED price is each one's. cheapest, most_expensive:
    so with `units` of them. from_nth: so with each selected unit from the `nth` on, dearest first.
    shipping: what shipping costs. Ties go to the item that stands first in the order.
    `include` empty selects every item; `exclude` takes away from it. `max_per_unit_minor` caps each unit's discount:
    what it cuts off is lost, but an order's AMOUNT or FIXED takes it from the other items while they have room.
    An order without items is one unit of which nothing is known: no selection takes anything off it.
    """

    target: Target = "order"
    units: int = 1
    nth: int = 1
    include: Selection = Selection()
    exclude: Selection = Selection()
    max_per_unit_minor: int | None = None

    @property
    def asks_products(self) -> bool:
        """Whether it selects by what is stored of a product, or by the product that a sku is of."""
        return any(one.products or one.categories or one.collections for one in (self.include, self.exclude))


class Discount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """PERCENT: `value` in ppm. AMOUNT: minor units off. FIXED: what is in scope then costs `value` minor units.
    UNIT: `value` units free, of what is in scope (the cheapest of it, unless the target is most_expensive; the scope's
    `units` says nothing here), or of `added`, which is then put into the order: as many units as the caps pay for
    whole, whatever the scope selects, and into no order without items.

    `max_minor` caps it in all. `scope` None is the order as a whole."""

    type: DiscountType
    value: int
    max_minor: int | None = None
    scope: Scope | None = None
    added: AddedUnit | None = None


class PointsReward(msgspec.Struct, frozen=True, array_like=True):
    """What a loyalty program gives for points instead of money off: a discount, for a price in points."""

    id: str
    points: int
    discount: Discount


class PointsTerms(msgspec.Struct, frozen=True, array_like=True):
    """How points of a loyalty program are spent: `points` of them take `amount_minor` off an order (0: they buy
    rewards only), at least `least_points` at a time, and no more than `most_ppm` of what the order costs."""

    points: int
    amount_minor: int
    least_points: int = 1
    most_ppm: int = 1_000_000
    rewards: tuple[PointsReward, ...] = ()


class Campaign(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A campaign as decisions see it; loyalty and referral programs are campaigns too. `counts_customers_since` is the
    epoch in which the limit per customer was first set: in that epoch a customer without a counter has used nothing.
    `identity_keys`: what else than their id and their address tells customers of a referral program apart.
    `paused` is whether nothing of it can be redeemed, and `barred` the outcome code where that is not because it is
    paused: a release that does not know the field yet refuses all the same."""

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
    rule_ids: tuple[str, ...] = ()
    eligible_segments: tuple[str, ...] = ()
    category: str | None = None
    restores_use: bool = True
    returns: ReturnPolicy = "keep"
    type: CampaignType = "DISCOUNT"
    points: PointsTerms | None = None
    identity_keys: tuple[str, ...] = ()
    barred: str | None = None


class Lot(msgspec.Struct, frozen=True, array_like=True):
    """Points of a loyalty card that expire together, at `expires_ms` (0: never): a bounded counter of its own, whose
    limit grows by each of the `steps` (from when on, points). So neither pending nor expired points need a job."""

    expires_ms: int
    steps: tuple[tuple[int, int], ...]


class Redeemable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A voucher, or whatever else can be redeemed, as decisions see it. What it leaves open it inherits from its
    campaign, which for a loyalty card or a referral code is the program.

    `code` of a promotion tier, which has none, is its id. `customer_id`: whose card it is, or who refers by the code.
    `barred` is the outcome code where it cannot be redeemed at any time. `lots` are those of a loyalty card.
    `is_archived`: for checkouts there is no such thing; a release that does not know the field finds it disabled."""

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
    rule_ids: tuple[str, ...] = ()
    category: str | None = None
    restores_use: bool | None = None
    returns: ReturnPolicy | None = None
    object: RedeemableObject = "voucher"
    customer_id: str | None = None
    barred: str | None = None
    hierarchy: int = 0
    lots: tuple[Lot, ...] = ()
    is_archived: bool = False

    @property
    def key(self) -> str:
        """Name of its definition."""
        return (
            tier_key(self.project_id, self.id)
            if self.object == "promotion_tier"
            else voucher_key(self.project_id, self.code)
        )


class ValidationRule(msgspec.Struct, frozen=True, array_like=True):
    """A rule of the rule language as an admin wrote it (see domain/conditions), compiled when it is loaded.
    `counts_since` is the epoch of its creation: in that epoch a counter of it that is absent is zero."""

    id: str
    project_id: str
    version: int
    rule: dict[str, Any]
    counts_since: int = 0


class ProjectSettings(msgspec.Struct, frozen=True, array_like=True):
    """What a project decides for all its checkouts: how redeemables stack, and what a request may say.

    mode ALL: one that cannot be applied refuses the whole. most_applied: those past it are skipped. An applied
    redeemable of an exclusive category leaves room only for joint categories and its own. `category_order` empty:
    they are applied in the order of the request, else by category, those without one last. percent_of: whether
    percentages are of the initial amount or of what earlier discounts have left. no_effect: what becomes of one that
    takes nothing off. `once_per_order`: the same order and redeemables lead to the first redemption.
    `request_attributes`: a secret key's request may state the customer's segments and metadata.
    `orders_counted_since`: the epoch from which on each customer's orders are counted, 0: they are not.
    """

    project_id: str
    version: int = 1
    mode: Literal["ALL", "PARTIAL"] = "ALL"
    most_applied: int = MOST_REDEEMABLES
    exclusive_categories: tuple[str, ...] = ()
    joint_categories: tuple[str, ...] = ()
    category_order: tuple[str, ...] = ()
    percent_of: Literal["INITIAL", "DISCOUNTED"] = "DISCOUNTED"
    no_effect: Literal["SKIP", "APPLY", "REFUSE"] = "SKIP"
    once_per_order: bool = True
    request_attributes: bool = False
    orders_counted_since: int = 0


@lru_cache(maxsize=1024)  # asked for with every redemption
def settings_key(project_id: str) -> str:
    """Name of a project's settings."""
    return f"s:{project_id}"


def rule_key(rule_id: str) -> str:
    """Name of a validation rule's definition."""
    return f"q:{rule_id}"


def customer_key(project_id: str, customer_id: str) -> str:
    """Name of what is stored of a customer."""
    return f"p:{project_id}:{customer_id}"


def product_key(project_id: str, product_id: str) -> str:
    """Name of what is stored of a product."""
    return f"g:{project_id}:{product_id}"


def sku_key(project_id: str, sku: str) -> str:
    """Name of what is stored of a SKU."""
    return f"k:{project_id}:{sku}"


def voucher_key(project_id: str, code: str) -> str:
    """Name of the definition of whatever a code leads to, a voucher or a card: codes are what a checkout knows."""
    return f"v:{project_id}:{code}"


def tier_key(project_id: str, tier_id: str) -> str:
    """Name of a promotion tier's definition. It says the project, because requests name tiers."""
    return f"m:{project_id}:{tier_id}"


def campaign_key(campaign_id: str) -> str:
    """Name of a campaign's definition."""
    return f"c:{campaign_id}"


def change_key(project_id: str) -> str:
    """Name of a project's change number, which is checked like the version of a definition."""
    return f"n:{project_id}"


def change_scope(project_id: str, key: str) -> str:
    """Whose change number covers a definition: the project's; but customers, products and SKUs, which a shop upserts
    all day, have numbers of their own, each that of an eighth of them. Else no code could be hydrated beside them, and
    no customer beside the others. Promotion tiers and rules have one each, by which a worker knows that its index of
    all tiers is still true.

    Only what the project's number covers may be hydrated together with counters."""
    if key[0] in "pgk":
        return f"{project_id}:{key[0]}{crc32(key.encode()) & 7}"
    return f"{project_id}:{key[0]}" if key[0] in "mq" else project_id


def redemptions_counter(definition_id: str) -> str:
    """Counter of the redemptions of a voucher or a campaign."""
    return f"r:{definition_id}"


def budget_counter(definition_id: str) -> str:
    """Counter of the discounts granted under a voucher's or a campaign's budget, in minor units."""
    return f"b:{definition_id}"


def balance_counter(card_id: str) -> str:
    """Counter of what was spent of a gift card, in minor units. Its limit is what was funded."""
    return f"a:{card_id}"


def points_counter(card_id: str, expires_ms: int) -> str:
    """Counter of the points spent of one lot of a loyalty card."""
    return f"y:{card_id}:{expires_ms}"


def points_family(card_id: str) -> str:
    """Template of the counters of a loyalty card's lots."""
    return f"y:{card_id}"


def customer_counter(definition_id: str, customer_id: str) -> str:
    """Counter of one customer's redemptions under a voucher or a campaign."""
    return f"u:{definition_id}:{customer_id}"


def customer_family(definition_id: str) -> str:
    """Template of the customers' counters: it holds the limit and the ceiling of them all."""
    return f"u:{definition_id}"


def orders_counter(project_id: str, customer_id: str) -> str:
    """Counter of one customer's redemptions in a project, whatever was redeemed."""
    return f"o:{project_id}:{customer_id}"


def orders_family(project_id: str) -> str:
    """Template of the counters of customers' orders."""
    return f"o:{project_id}"


def rule_counter(rule_id: str, name: str, bucket: str, holder: str) -> str:
    """Counter of a rule's count condition `name` in a period, for a customer, an API key, or all ('')."""
    return f"t:{rule_id}:{name}:{bucket}:{holder}"


def rule_family(rule_id: str, name: str) -> str:
    """Template of the counters of one count condition of a rule."""
    return f"t:{rule_id}:{name}"


def code_family(campaign_id: str) -> str:
    """Template of the counters of a campaign's codes that have no limit of their own."""
    return f"w:{campaign_id}"
