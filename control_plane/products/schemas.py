"""Products on the wire."""

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Metadata, Name
from control_plane.shop_ids import Labels, ShopId


class ProductUpsert(msgspec.Struct, kw_only=True):
    """Body of a product: what is left out stays, null removes. An order's item finds it by product_id, by its SKU's
    product, or by a sku that is its id."""

    id: ShopId
    name: Name | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    categories: Labels | UnsetType | None = UNSET
    collections: Labels | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ProductUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: what is left out stays, null removes."""

    name: Name | UnsetType | None = UNSET
    price: Decimal | UnsetType | None = UNSET
    categories: Labels | UnsetType | None = UNSET
    collections: Labels | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ProductView(msgspec.Struct):
    """A product as the API shows it. `collections` are those that it was put into, `rule_collections` those whose rule
    it meets: it is in both. `price` is for people and for these rules: an order states its own."""

    id: str
    object: Literal["product"]
    name: str | None
    price: Decimal | None
    categories: list[str]
    collections: list[str]
    rule_collections: list[str]
    metadata: msgspec.Raw
    version: int
    created_at: str
    updated_at: str
    pending: bool | UnsetType = UNSET
