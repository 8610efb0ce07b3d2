"""SKUs on the wire."""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import ShopId

Attributes = dict[str, Any]


class SkuUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes. A SKU always has its product."""

    product_id: ShopId | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SkuUpsert(msgspec.Struct, kw_only=True):
    """Body of a SKU: what is left out stays, null removes. A new one needs its product_id, and need not wait for the
    product. In rules its metadata goes before the product's."""

    id: ShopId
    product_id: ShopId | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SkuView(msgspec.Struct):
    """A SKU as the API shows it. `price` and `attributes` are for people: an order states its own price."""

    id: str
    object: Literal["sku"]
    product_id: str
    name: str | None
    price: Decimal | None
    attributes: msgspec.Raw
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
