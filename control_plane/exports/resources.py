"""What can be exported: the lists, walked page by page with the statements that answer them, shown as they show it."""

from control_plane.campaigns.services import CAMPAIGNS
from control_plane.collections.services import COLLECTIONS
from control_plane.customers.services import CUSTOMERS
from control_plane.gift_cards.reading import GIFT_CARDS
from control_plane.listing import Listing
from control_plane.products.services import PRODUCTS
from control_plane.redemptions.services import REDEMPTIONS
from control_plane.segments.services import SEGMENTS
from control_plane.skus.services import SKUS
from control_plane.vouchers.reading import VOUCHERS

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
}
