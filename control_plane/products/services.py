"""What is done with products: upserted, read, listed."""

from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.listing import Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.products.schemas import ProductUpsert, ProductView
from control_plane.rules.times import show_time
from control_plane.shop_ids import once_each
from control_plane.shop_reading import by_id_or, get_one, plain
from control_plane.upserts import change_if_pending, ensure_locked, given_fields
from domain.money import MoneyError, to_major, to_minor
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_ENSURE = query("control_ensure_product")
_LOCK = query("control_lock_product")
_UPDATE = query("control_update_product")
_GET = query("control_product")


class StoredProduct(msgspec.Struct, frozen=True):
    """A product's row."""

    id: str
    name: str | None
    price_minor: int | None
    categories: tuple[str, ...]
    collections: tuple[str, ...]
    metadata: str
    version: int
    created_at: datetime
    updated_at: datetime


async def upsert_product(call: Call) -> Response[bytes]:
    """POST /v1/products"""
    body = call.body(ProductUpsert)
    fields = read_product(call, body)
    return await perform(call, partial(upsert, call, body.id, fields))


def read_product(call: Call, body: ProductUpsert) -> dict[str, Any]:
    """The fields that a body sets; Refused with all that is wrong."""
    fields = given_fields(
        call.errors, name=body.name, categories=body.categories, collections=body.collections, metadata=body.metadata
    )
    for name in ("categories", "collections"):
        if name in fields:
            fields[name] = once_each(fields[name])
    if not isinstance(body.price, UnsetType):
        try:
            fields["price_minor"] = None if body.price is None else to_minor(body.price, call.tenant.decimals)
        except MoneyError as error:
            call.errors.add("/price", str(error))
    call.errors.raise_if_any()
    return fields


async def upsert(call: Call, product_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    """Make the product what the fields say, inside the transaction."""
    tenant = call.tenant
    before, made = await ensure_locked(tx, _ENSURE, _LOCK, _from_row, tenant.project_id, product_id)
    await hold(tx, call, "product", fields.get("metadata"), is_new=made)
    after = msgspec.structs.replace(before, **fields)
    if after == before and not made:
        change = await change_if_pending(tx, call, "product", product_id)
        return Outcome(200, _show(before, tenant.decimals), change)
    version = before.version if made else before.version + 1
    row = await tx.fetchrow(
        _UPDATE,
        *(tenant.project_id, product_id, version),
        *(after.name, after.price_minor, after.categories, after.collections, after.metadata),
    )
    stored = _from_row(row)
    await stage_change(tx, tenant.shard, tenant.project_id, "product", product_id, version, ())
    await record(tx, call, "product.upsert", product_id, after={"version": version, "name": stored.name})
    return Outcome(200, _show(stored, tenant.decimals), Change("product", product_id))


async def get_product(call: Call, product_id: str) -> Response[bytes]:
    """GET /v1/products/{id}"""
    return await get_one(call, _GET, product_id, "product_not_found", partial(show_row, call.tenant.decimals))


def show_row(decimals: int, row: Any) -> ProductView:
    """The product of a row as the API shows it."""
    return _show(_from_row(row), decimals)


def _from_row(row: Any) -> StoredProduct:
    return msgspec.convert(dict(row), StoredProduct)


def _show(product: StoredProduct, decimals: int) -> ProductView:
    return ProductView(
        id=product.id,
        object="product",
        name=product.name,
        price=None if product.price_minor is None else to_major(product.price_minor, decimals),
        categories=list(product.categories),
        collections=list(product.collections),
        metadata=msgspec.Raw(product.metadata.encode()),
        version=product.version,
        created_at=show_time(product.created_at),
        updated_at=show_time(product.updated_at),
    )


PRODUCTS = Listing(
    ProductView,
    lambda row, tenant: show_row(tenant.decimals, row),
    by_id_or(_GET, plain(query("control_products"))),
    {"id": Text()},
)
"""GET /v1/products"""
