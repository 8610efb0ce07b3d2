"""What is stored of the things in an order: its SKUs, and the products that these or the items themselves name.

Must never load anything: it says what is known here, and what is lacking.
"""

from collections.abc import Iterable

import msgspec

from domain.definitions import product_key, sku_key
from domain.ledger import Check
from domain.orders import Item, Order, Product, Sku, product_name

from .catalog import Catalog


class Things(msgspec.Struct, frozen=True):
    """By their names. `lacking`: the keys of what is not known here; a SKU that is may name a product that is not."""

    products: dict[str, Product] = {}
    skus: dict[str, Sku] = {}
    lacking: tuple[str, ...] = ()

    def checks(self, project_id: str) -> Iterable[Check]:
        """What must still be so when something decided from them is committed."""
        for name, product in self.products.items():
            yield Check(product_key(project_id, name), product.version)
        for name, sku in self.skus.items():
            yield Check(sku_key(project_id, name), sku.version)


NOTHING = Things()


def things_of(order: Order | None, catalog: Catalog, project_id: str) -> Things:
    """What the catalog knows of an order's things."""
    if order is None:
        return NOTHING
    products: dict[str, Product] = {}
    skus: dict[str, Sku] = {}
    lacking: dict[str, None] = {}
    for item in order.items:
        sku = catalog.sku(project_id, item.sku) if item.sku is not None else None
        if sku is not None:
            skus[sku.id] = sku
        elif item.sku is not None:
            lacking[sku_key(project_id, item.sku)] = None
            if item.product_id is None:
                continue  # which product it is of is not known yet
        name = product_name(item, sku)
        product = None if name is None else catalog.product(project_id, name)
        if product is not None:
            products[product.id] = product
        elif name is not None:
            lacking[product_key(project_id, name)] = None
    return Things(products, skus, tuple(lacking))


def sku_keys_of(order: Order, project_id: str) -> list[str]:
    """The keys of the SKUs that an order names."""
    return [sku_key(project_id, name) for name in dict.fromkeys(_skus(order.items))]


def _skus(items: Iterable[Item]) -> Iterable[str]:
    return (item.sku for item in items if item.sku is not None)
