"""What can be exported: the lists, walked page by page with the statements that answer them, shown as they show it.

Whoever may not read a list must never get it as a file.
"""

from control_plane.audit_log.services import AUDIT_LOG
from control_plane.campaigns.services import CAMPAIGNS
from control_plane.collections.services import COLLECTIONS
from control_plane.customers.services import CUSTOMERS
from control_plane.exports.entries import GIFT_CARD_TRANSACTIONS, POINTS_ENTRIES
from control_plane.gift_cards.reading import GIFT_CARDS
from control_plane.listing import Listing
from control_plane.loyalty_cards.reading import LOYALTY_CARDS
from control_plane.loyalty_programs.services import LOYALTY_PROGRAMS
from control_plane.orders.services import ORDERS
from control_plane.products.services import PRODUCTS
from control_plane.promotion_tiers.services import PROMOTION_TIERS
from control_plane.publications.services import PUBLICATIONS
from control_plane.redemptions.services import REDEMPTIONS
from control_plane.referral_programs.attributing import REFERRALS
from control_plane.referral_programs.code_reading import REFERRAL_CODES
from control_plane.referral_programs.services import REFERRAL_PROGRAMS
from control_plane.segments.services import SEGMENTS
from control_plane.skus.services import SKUS
from control_plane.validation_rules.services import VALIDATION_RULES
from control_plane.vouchers.reading import VOUCHERS

_ALSO = {
    "gift_card_transactions": "gift_cards",
    "loyalty_programs": "loyalty",
    "loyalty_cards": "loyalty",
    "points_entries": "loyalty",
    "referral_programs": "referrals",
    "referral_codes": "referrals",
}
"""The area of what is not called as its area is."""

EXPORTED: dict[str, Listing] = {
    "redemptions": REDEMPTIONS,
    "vouchers": VOUCHERS,
    "campaigns": CAMPAIGNS,
    "gift_cards": GIFT_CARDS,
    "customers": CUSTOMERS,
    "products": PRODUCTS,
    "skus": SKUS,
    "collections": COLLECTIONS,
    "segments": SEGMENTS,
    "publications": PUBLICATIONS,
    "orders": ORDERS,
    "promotion_tiers": PROMOTION_TIERS,
    "validation_rules": VALIDATION_RULES,
    "gift_card_transactions": GIFT_CARD_TRANSACTIONS,
    "loyalty_programs": LOYALTY_PROGRAMS,
    "loyalty_cards": LOYALTY_CARDS,
    "points_entries": POINTS_ENTRIES,
    "referral_programs": REFERRAL_PROGRAMS,
    "referral_codes": REFERRAL_CODES,
    "referrals": REFERRALS,
    "audit_log": AUDIT_LOG,
}


def right_to(resource: str) -> str:
    """The right that reading this as a list takes."""
    return f"{_ALSO.get(resource, resource)}:read"
