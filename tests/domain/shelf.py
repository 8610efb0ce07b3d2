"""The definitions of a small shop: two campaigns with every limit there is, codes that stand alone, rules that count.

Small limits, so that a random day in the shop meets all of them.
"""

from typing import Any

from domain.conditions import check, compile_rule
from domain.decisions import Found, RuleInForce
from domain.definitions import (
    AddedUnit,
    Campaign,
    Discount,
    Lot,
    PointsReward,
    PointsTerms,
    Redeemable,
    Scope,
    ValidationRule,
)
from domain.orders import Item, Order

PROJECT = "prj"


def rule(id_: str, text: dict[str, Any]) -> RuleInForce:
    """A rule as it is in force."""
    canonical, faults = check(text, 2)
    assert canonical is not None, faults
    return RuleInForce(ValidationRule(id_, PROJECT, 1, canonical, counts_since=1), compile_rule(canonical))


SUMMER = Campaign(
    *("cmp_summer", PROJECT, 1, False, Discount("PERCENT", 200_000)),
    limit=6,
    budget_minor=9_000,
    per_code_limit=4,
    per_customer_limit=3,
    counts_customers_since=1,
    category="sale",
)
LOYAL = Campaign(
    *("cmp_loyal", PROJECT, 1, False, Discount("AMOUNT", 700)),
    limit=5,
    budget_minor=3_000,
    per_customer_limit=2,
    counts_customers_since=1,
    restores_use=False,
    returns="requalify",
)
CAMPAIGNS = {campaign.id: campaign for campaign in (SUMMER, LOYAL)}
"""Those whose limits an admin changes."""

OFTEN = rule("rul_often", {"all": [{"redemptions.customer.total": {"lte": 2}}, {"redemptions.total.day": {"lte": 5}}]})
LARGE = rule("rul_large", {"order.amount": {"gte": 30}})
FIRST = rule("rul_first", {"customer.first_order": {"eq": True}})
RETURNING = rule("rul_again", {"customer.first_order": {"eq": False}})
RULES = {"C1": (OFTEN,), "LARGE": (LARGE,), "FIRST": (FIRST,), "AGAIN": (RETURNING,)}


def _voucher(code: str, **more: Any) -> Redeemable:
    return Redeemable(f"vch_{code}", PROJECT, code, 1, False, **more)


_MUGS = Scope("cheapest", units=2)
VOUCHERS = {
    voucher.code: voucher
    for voucher in (
        _voucher("A1", campaign_id="cmp_summer"),
        _voucher("A2", campaign_id="cmp_summer"),
        _voucher("B1", campaign_id="cmp_loyal"),
        _voucher("B2", campaign_id="cmp_loyal"),
        _voucher("C1", discount=Discount("PERCENT", 500_000, 900, _MUGS), limit=4, budget_minor=2_500),
        _voucher("LARGE", discount=Discount("PERCENT", 100_000), limit=5, returns="requalify", category="sale"),
        _voucher("FIRST", discount=Discount("AMOUNT", 300), limit=3),
        _voucher("AGAIN", discount=Discount("FIXED", 0, scope=Scope("shipping")), limit=3, restores_use=False),
        _voucher("GIFT", discount=Discount("UNIT", 1, added=AddedUnit(450, sku="TOY")), limit=3, budget_minor=900),
    )
}
START_MS = 1_700_000_000_000
CARD = Redeemable("gft_CARD", PROJECT, "CARD", 1, False, object="gift_card")
FUNDED_MINOR = 4_000
PROGRAM = Campaign(
    *("lty_stars", PROJECT, 1, False, None),
    type="LOYALTY",
    points=PointsTerms(3, 10, 4, 600_000, (PointsReward("rwd_tenth", 50, Discount("PERCENT", 100_000)),)),
)
STAR = Redeemable(
    *("lcd_STAR", PROJECT, "STAR", 1, False, "lty_stars"),
    object="loyalty_card",
    lots=(
        Lot(START_MS + 50_000, ((START_MS, 90), (START_MS + 20_000, 60))),
        Lot(START_MS + 90_000_000, ((START_MS - 5, 200),)),
        Lot(0, ((START_MS + 30_000, 40),)),
    ),
)
TIER = Redeemable(
    *("tier_T", PROJECT, "tier_T", 1, False),
    object="promotion_tier",
    discount=Discount("PERCENT", 50_000),
    limit=6,
    budget_minor=1_200,
)
CARDS = {"CARD": CARD, "STAR": STAR}
REDEEMABLES = {**VOUCHERS, **CARDS, "tier_T": TIER}
CODES = tuple(REDEEMABLES)

CARTS = (
    ((1, 1999), (3, 333)),
    ((6, 500),),
    ((2, 1), (1, 0)),
    ((1, 4800), (2, 750), (5, 99)),
)


def order_of(cart: int, order_id: str | None, shipping_minor: int) -> Order:
    """One of a few carts; the short form for the one past the last."""
    if cart == len(CARTS):
        return Order(3_100, (), shipping_minor, order_id)
    items = tuple(Item(units, price, sku=f"S{at}") for at, (units, price) in enumerate(CARTS[cart]))
    return Order(sum(item.amount_minor for item in items), items, shipping_minor, order_id)


def found(code: str, campaigns: dict[str, Campaign], cards: dict[str, Redeemable]) -> Found:
    """What a code leads to while the campaigns and the cards are these."""
    redeemable = cards.get(code) or REDEEMABLES[code]
    return Found.of(redeemable, campaigns.get(redeemable.campaign_id or ""), RULES.get(code, ()))
