"""What is done with products: upserted, changed, deleted, read, listed. Every change takes the three steps."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.groups.belonging import rules_in_force
from control_plane.groups.kinds import COLLECTIONS
from control_plane.listing import Filters, Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.prices import read_price, show_price
from control_plane.products.schemas import ProductUpdate, ProductUpsert, ProductView
from control_plane.queries import Page
from control_plane.rules.times import show_time
from control_plane.shop_ids import is_shop_id, once_each
from control_plane.shop_reading import by_id_or, get_one
from control_plane.upserts import change_if_pending, ensure_locked, given_fields
from domain.groups import Member, Rule, collections_of
from domain.problems import Refused
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_ENSURE = query("control_ensure_product")
_LOCK = query("control_lock_product")
_UPDATE = query("control_update_product")
_DELETE = query("control_delete_product")
_GET = query("control_product")
_LIST = query("control_products")
_LIST_LABELLED = query("control_products_labelled")
_LIST_OF_BOTH = query("control_products_of_collection_and_category")


class StoredProduct(msgspec.Struct, frozen=True):
    """A product's row. One that is gone is blank."""

    id: str
    name: str | None
    price_minor: int | None
    categories: tuple[str, ...]
    collections: tuple[str, ...]
    rule_collections: tuple[str, ...]
    metadata: str
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return {"version": self.version, "name": self.name}


async def upsert_product(call: Call) -> Response[bytes]:
    """POST /v1/products"""
    body = call.body(ProductUpsert)
    fields = read_product(call, body)
    return await perform(call, partial(upsert, call, body.id, fields))


async def update_product(call: Call, product_id: str) -> Response[bytes]:
    """PATCH /v1/products/{id}"""
    fields = read_product(call, call.body(ProductUpdate))
    return await perform(call, partial(_update, call, product_id, fields))


async def delete_product(call: Call, product_id: str) -> Response[bytes]:
    """DELETE /v1/products/{id}: it is no more than its id in an order then."""
    call.query().done()
    return await perform(call, partial(_remove, call, product_id))


def read_product(call: Call, body: ProductUpsert | ProductUpdate) -> dict[str, Any]:
    """The fields that a body sets; Refused with all that is wrong."""
    fields = given_fields(
        call.errors, name=body.name, categories=body.categories, collections=body.collections, metadata=body.metadata
    )
    for name in ("categories", "collections"):
        if name in fields:
            fields[name] = once_each(fields[name])
    if not isinstance(body.price, UnsetType):
        fields["price_minor"] = read_price(body.price, call.tenant.decimals, call.errors)
    call.errors.raise_if_any()
    return fields


async def upsert(call: Call, product_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    """Make the product what the fields say, inside the transaction."""
    rules = await rules_in_force(tx, COLLECTIONS, call.tenant.project_id)
    before, made = await ensure_locked(tx, _ENSURE, _LOCK, _from_row, call.tenant.project_id, product_id)
    return await _write(tx, call, rules, before, fields, made)


async def _update(call: Call, product_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    rules = await rules_in_force(tx, COLLECTIONS, call.tenant.project_id)
    return await _write(tx, call, rules, await _load(tx, call, product_id), fields, made=False)


async def _write(
    tx: Transaction, call: Call, rules: Sequence[Rule], before: StoredProduct, fields: dict[str, Any], made: bool
) -> Outcome:
    tenant, product_id = call.tenant, before.id
    await hold(tx, call, "product", fields.get("metadata"), is_new=made or before.deleted_at is not None)
    after = msgspec.structs.replace(before, **fields)
    member = Member(product_id, after.collections, json.loads(after.metadata), after.categories, after.price_minor)
    after = msgspec.structs.replace(after, rule_collections=collections_of(rules, member))
    if after == before and not made and before.deleted_at is None:
        change = await change_if_pending(tx, call, "product", product_id)
        return Outcome(200, _show(before, tenant.decimals), change)
    version = before.version if made else before.version + 1
    row = await tx.fetchrow(
        _UPDATE,
        *(tenant.project_id, product_id, version),
        *(after.name, after.price_minor, after.categories, after.collections, after.metadata, after.rule_collections),
    )
    stored = _from_row(row)
    await stage_change(tx, tenant.shard, tenant.project_id, "product", product_id, version, ())
    was = None if made or before.deleted_at is not None else before.audited()
    await record(tx, call, "product.upsert" if was is None else "product.update", product_id, was, stored.audited())
    return Outcome(200, _show(stored, tenant.decimals), Change("product", product_id))


async def _remove(call: Call, product_id: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await _load(tx, call, product_id)
    version = before.version + 1
    await tx.execute(_DELETE, tenant.project_id, product_id, version)
    await stage_change(tx, tenant.shard, tenant.project_id, "product", product_id, version, ())
    await record(tx, call, "product.delete", product_id, before=before.audited())
    return Outcome(204, None, Change("product", product_id))


async def _load(tx: Transaction, call: Call, product_id: str) -> StoredProduct:
    row = await tx.fetchrow(_LOCK, call.tenant.project_id, product_id) if is_shop_id(product_id) else None
    if row is None or row["deleted_at"] is not None:
        raise Refused("product_not_found")
    return _from_row(row)


async def get_product(call: Call, product_id: str) -> Response[bytes]:
    """GET /v1/products/{id}"""
    return await get_one(call, _GET, product_id, "product_not_found", partial(show_row, call.tenant.decimals))


def show_row(decimals: int, row: Any) -> ProductView:
    """The product of a row as the API shows it."""
    return _show(_from_row(row), decimals)


def _from_row(row: Any) -> StoredProduct:
    return msgspec.convert({name: value for name, value in dict(row).items() if name != "search_key"}, StoredProduct)


def _show(product: StoredProduct, decimals: int) -> ProductView:
    return ProductView(
        id=product.id,
        object="product",
        name=product.name,
        price=show_price(product.price_minor, decimals),
        categories=list(product.categories),
        collections=list(product.collections),
        rule_collections=list(product.rule_collections),
        metadata=msgspec.Raw(product.metadata.encode()),
        version=product.version,
        created_at=show_time(product.created_at),
        updated_at=show_time(product.updated_at),
    )


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, page.after, page.after_id, page.rows)
    category, collection = filters["category"], filters["collection"]
    if collection is not None and category is not None:
        return (_LIST_OF_BOTH, *shared, collection, category)
    if collection is not None:
        return (_LIST_LABELLED, *shared, "collection", collection)
    if category is not None:
        return (_LIST_LABELLED, *shared, "category", category)
    return (_LIST, *shared)


PRODUCTS = Listing(
    ProductView,
    lambda row, tenant: show_row(tenant.decimals, row),
    by_id_or(query("control_product_narrowed"), _statement),
    {"id": Text(), "category": Text(), "collection": Text()},
    searches=(query("control_search_products_by_id"), query("control_search_products_by_name")),
)
"""GET /v1/products"""
