"""A customer's export on the wire: everything that is kept of one person, as one document."""

from typing import Literal

import msgspec

from control_plane.customers.schemas import CustomerView
from control_plane.events.schemas import Effect
from control_plane.gift_cards.schemas import GiftCardView, TransactionView
from control_plane.loyalty_cards.schemas import LoyaltyCardView, PointsEntryView
from control_plane.orders.schemas import ShopOrderView
from control_plane.publications.schemas import PublicationView
from control_plane.redemptions.schemas import ListedRedemption
from control_plane.referral_programs.schemas import ReferralCodeView
from control_plane.vouchers.schemas import VoucherView


class ExportedGiftCard(GiftCardView, kw_only=True):
    """A gift card with all that was moved on it."""

    transactions: list[TransactionView]


class ExportedLoyaltyCard(LoyaltyCardView, kw_only=True):
    """A loyalty card with all that was earned and spent on it."""

    transactions: list[PointsEntryView]


class ExportedReferral(msgspec.Struct):
    """That the customer has referred somebody, or was referred. Who stands on the other side is that person's."""

    object: Literal["referral"]
    redemption_id: str
    program_id: str
    side: Literal["referrer", "referee"]
    status: str
    created_at: str


class ExportedEvent(msgspec.Struct):
    """What the shop has reported of the customer, and what came of it."""

    id: str
    object: Literal["event"]
    type: str
    order_id: str | None
    effect: Effect
    occurred_at: str
    created_at: str


class CustomerExport(msgspec.Struct):
    """Everything that is kept of a customer. `customer` null: the shop has deleted what it had said of one."""

    id: str
    object: Literal["customer_export"]
    exported_at: str
    customer: CustomerView | None
    redemptions: list[ListedRedemption]
    vouchers: list[VoucherView]
    referral_codes: list[ReferralCodeView]
    publications: list[PublicationView]
    orders: list[ShopOrderView]
    gift_cards: list[ExportedGiftCard]
    loyalty_cards: list[ExportedLoyaltyCard]
    referrals: list[ExportedReferral]
    events: list[ExportedEvent]
