"""Wallets on the wire: each thing as its own area shows it."""

from decimal import Decimal
from typing import Literal

import msgspec

from control_plane.gift_cards.schemas import GiftCardView
from control_plane.loyalty_cards.schemas import LoyaltyCardView
from control_plane.referral_programs.schemas import ReferralCodeView
from control_plane.vouchers.schemas import VoucherView


class ExpiringView(msgspec.Struct, kw_only=True):
    """What is lost if it is not used by then: a gift card's amount, points of a loyalty card, or a voucher's use."""

    object: Literal["voucher", "gift_card", "loyalty_card"]
    id: str
    code: str
    amount: Decimal | None = None
    points: int | None = None
    expires_at: str


class WalletView(msgspec.Struct):
    """What a customer has. What has expired is left out, and what is disabled; what expires first stands first.
    `has_more` names the lists that are cut short."""

    object: Literal["wallet"]
    customer_id: str
    vouchers: list[VoucherView]
    gift_cards: list[GiftCardView]
    loyalty_cards: list[LoyaltyCardView]
    referral_codes: list[ReferralCodeView]
    expiring_soon: list[ExpiringView]
    has_more: list[str]
