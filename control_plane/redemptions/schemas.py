"""Redemptions in lists. What one redemption says of itself in full is the engine's."""

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from domain.redemption_views import RedemptionView


class StackedView(msgspec.Struct):
    """One redeemable of a stack."""

    redeemable: str
    voucher_id: str
    campaign_id: str | None
    discount_applied: Decimal


class ListedRedemption(RedemptionView):
    """A redemption as a list shows it: amounts are the order's. Of a stack, code, voucher and campaign are of the
    redeemable that was asked for, else of the first; `redemptions` has all."""

    redemptions: list[StackedView] | UnsetType = UNSET
