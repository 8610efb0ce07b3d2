"""Publications on the wire."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata
from control_plane.shop_ids import ShopId
from control_plane.vouchers.schemas import Reference

Given = Literal["voucher", "gift_card", "loyalty_card", "referral_code"]


class PublicationCreate(msgspec.Struct, kw_only=True):
    """Body of a publication: of which campaign or program, to whom; `once`: not again to whom was given one."""

    campaign_id: Reference
    customer_id: ShopId
    once: bool | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class PublishedView(msgspec.Struct):
    """What was given."""

    object: Given
    id: str


class PublicationView(msgspec.Struct):
    """A publication as the API shows it. `voucher_id` is null where something else than a voucher was
    given, `customer_id` where the customer was erased."""

    id: str
    object: Literal["publication"]
    campaign_id: str
    customer_id: str | None
    code: str
    voucher_id: str | None
    redeemable: PublishedView
    once: bool
    distribution_id: str | None
    metadata: msgspec.Raw
    created_at: str
    pending: bool | UnsetType = UNSET
