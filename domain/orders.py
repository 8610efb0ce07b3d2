"""Orders as a checkout states them: items, shipping, the customer who buys. In minor units, in the project's currency.

Owns the shapes that decisions, rules and returns read. Must never compute a discount: effects.py does.
"""

from typing import Any

import msgspec

Metadata = dict[str, Any]
"""What a shop says of its own things: strings, numbers, truth values, or lists of them, by name."""


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One line of an order: `quantity` units of one thing, each at `price_minor`. `categories` and `collections` are
    those of the request and of the product as it is stored, together."""

    quantity: int
    price_minor: int
    product_id: str | None = None
    sku: str | None = None
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    metadata: Metadata = {}
    added: bool = False
    """Whether a UNIT discount has put it into the order."""

    @property
    def amount_minor(self) -> int:
        return self.quantity * self.price_minor


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order. In its short form it has an amount and no items; else the amount is the items'. Shipping is beside it:
    a checkout pays amount_minor + shipping_minor, less discounts."""

    amount_minor: int
    items: tuple[Item, ...] = ()
    shipping_minor: int = 0
    id: str | None = None
    metadata: Metadata = {}


class Customer(msgspec.Struct, frozen=True, array_like=True):
    """Who buys, as the project knows it. A customer that was never stored is blank: version 1, no segments."""

    id: str
    version: int = 1
    segments: tuple[str, ...] = ()
    metadata: Metadata = {}


class Sku(msgspec.Struct, frozen=True, array_like=True):
    """What is known of what an item's sku names. One that was never stored is blank: version 1, of no product."""

    id: str
    version: int = 1
    product_id: str | None = None
    metadata: Metadata = {}


class Product(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a thing beside an order, found by the item's product_id, or else by its sku's, or by its sku."""

    id: str
    version: int = 1
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    metadata: Metadata = {}


def product_name(item: Item, sku: Sku | None) -> str | None:
    """The product that an item is of, `sku` being what is stored of its own: as it says itself, as its sku is stored,
    or one that is named as the sku is."""
    return item.product_id or (sku.product_id if sku is not None else None) or item.sku
