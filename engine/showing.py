"""What of a definition a request may know: what it did not ask for is not there, nor is what is not for everybody.

A publishable key stands in a web page. Must never let it learn what somebody has, or who knows whom.
"""

import msgspec

from domain.decisions import Found, Wanted
from domain.ledger import Check

from .auth import Tenant

_OWN = "loyalty_card"
"""What somebody has in points is told to secret keys only."""


def is_absent(found: Found, tenant: Tenant) -> bool:
    """Whether there is no such thing as far as this key may know."""
    return found.redeemable is None or (tenant.publishable and found.redeemable.object == _OWN)


def is_as_asked(found: Found, wanted: Wanted) -> bool:
    """Whether it is not something else than what the request says that it is."""
    return found.redeemable is None or wanted.object in ("", found.redeemable.object)


def shown(found: Found, wanted: Wanted, tenant: Tenant) -> Found:
    """What was found, as this request may know it."""
    redeemable, campaign = found.redeemable, found.campaign
    if redeemable is None:
        return found
    if is_absent(found, tenant) or not is_as_asked(found, wanted):
        return Found(None, absent=Check(redeemable.key, redeemable.version))
    if found.is_referral and tenant.publishable:
        # A code for whoever comes: not whose it is, and not who has used it.
        return msgspec.structs.replace(
            found,
            redeemable=msgspec.structs.replace(redeemable, customer_id=None),
            campaign=None if campaign is None else msgspec.structs.replace(campaign, per_customer_limit=None),
        )
    return found
