"""What is done with SKUs: upserted, changed, deleted, read, listed. Every change takes the three steps."""

from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.effects import Change, Outcome, perform
from control_plane.listing import Filters, Listing, Text
from control_plane.metadata import to_text
from control_plane.metadata_schemas.holding import hold
from control_plane.prices import read_price, show_price
from control_plane.queries import Page
from control_plane.rules.times import show_time
from control_plane.shop_ids import is_shop_id
from control_plane.shop_reading import by_id_or, get_one
from control_plane.skus.schemas import SkuUpdate, SkuUpsert, SkuView
from control_plane.upserts import change_if_pending, ensure_locked, given_fields
from domain.problems import Refused
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_ENSURE = query("control_ensure_sku")
_LOCK = query("control_lock_sku")
_UPDATE = query("control_update_sku")
_DELETE = query("control_delete_sku")
_GET = query("control_sku")
_LIST = query("control_skus")
_LIST_OF_PRODUCT = query("control_skus_of_product")


class StoredSku(msgspec.Struct, frozen=True):
    """A SKU's row; its product is there but in one that is made just now, or gone."""

    id: str
    product_id: str | None
    name: str | None
    price_minor: int | None
    attributes: str
    metadata: str
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return {"version": self.version, "name": self.name, "product_id": self.product_id}


async def upsert_sku(call: Call) -> Response[bytes]:
    """POST /v1/skus"""
    body = call.body(SkuUpsert)
    fields = _fields(call, body)
    return await perform(call, partial(_upsert, call, body.id, fields))


async def update_sku(call: Call, sku_id: str) -> Response[bytes]:
    """PATCH /v1/skus/{id}"""
    fields = _fields(call, call.body(SkuUpdate))
    return await perform(call, partial(_update, call, sku_id, fields))


async def delete_sku(call: Call, sku_id: str) -> Response[bytes]:
    """DELETE /v1/skus/{id}: items that name it are of the product whose id is theirs, if there is one."""
    call.query().done()
    return await perform(call, partial(_remove, call, sku_id))


def _fields(call: Call, body: SkuUpsert | SkuUpdate) -> dict[str, Any]:
    fields = given_fields(call.errors, product_id=body.product_id, name=body.name, metadata=body.metadata)
    if not isinstance(body.attributes, UnsetType):
        fields["attributes"] = to_text(body.attributes or {}, "/attributes", call.errors)
    if not isinstance(body.price, UnsetType):
        fields["price_minor"] = read_price(body.price, call.tenant.decimals, call.errors)
    call.errors.raise_if_any()
    return fields


async def _upsert(call: Call, sku_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    before, made = await ensure_locked(tx, _ENSURE, _LOCK, _from_row, call.tenant.project_id, sku_id)
    await hold(tx, call, "sku", fields.get("metadata"), is_new=made or before.deleted_at is not None)
    after = msgspec.structs.replace(before, **fields)
    if after.product_id is None:
        call.errors.add("/product_id", "is required of a new SKU")
        call.errors.raise_if_any()
    return await _write(tx, call, before, after, made)


async def _update(call: Call, sku_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    before = await _load(tx, call, sku_id)
    await hold(tx, call, "sku", fields.get("metadata"), is_new=False)
    return await _write(tx, call, before, msgspec.structs.replace(before, **fields), made=False)


async def _write(tx: Transaction, call: Call, before: StoredSku, after: StoredSku, made: bool) -> Outcome:
    tenant = call.tenant
    if after == before and not made:
        return Outcome(200, _show(before, tenant), await change_if_pending(tx, call, "sku", before.id))
    version = before.version if made else before.version + 1
    terms = (after.product_id, after.name, after.price_minor, after.attributes, after.metadata)
    stored = _from_row(await tx.fetchrow(_UPDATE, tenant.project_id, after.id, version, *terms))
    await stage_change(tx, tenant.shard, tenant.project_id, "sku", after.id, version, ())
    was = None if made or before.deleted_at is not None else before.audited()
    await record(tx, call, "sku.upsert" if was is None else "sku.update", after.id, was, stored.audited())
    return Outcome(200, _show(stored, tenant), Change("sku", after.id))


async def _remove(call: Call, sku_id: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    before = await _load(tx, call, sku_id)
    version = before.version + 1
    await tx.execute(_DELETE, tenant.project_id, sku_id, version)
    await stage_change(tx, tenant.shard, tenant.project_id, "sku", sku_id, version, ())
    await record(tx, call, "sku.delete", sku_id, before=before.audited())
    return Outcome(204, None, Change("sku", sku_id))


async def _load(tx: Transaction, call: Call, sku_id: str) -> StoredSku:
    row = await tx.fetchrow(_LOCK, call.tenant.project_id, sku_id) if is_shop_id(sku_id) else None
    if row is None or row["deleted_at"] is not None:
        raise Refused("sku_not_found")
    return _from_row(row)


async def get_sku(call: Call, sku_id: str) -> Response[bytes]:
    """GET /v1/skus/{id}"""
    return await get_one(call, _GET, sku_id, "sku_not_found", lambda row: _show(_from_row(row), call.tenant))


def _from_row(row: Any) -> StoredSku:
    return msgspec.convert({name: value for name, value in dict(row).items() if name != "search_key"}, StoredSku)


def _show(sku: StoredSku, tenant: Tenant) -> SkuView:
    return SkuView(
        id=sku.id,
        object="sku",
        product_id=sku.product_id or "",
        name=sku.name,
        price=show_price(sku.price_minor, tenant.decimals),
        attributes=msgspec.Raw(sku.attributes.encode()),
        metadata=msgspec.Raw(sku.metadata.encode()),
        version=sku.version,
        created_at=show_time(sku.created_at),
        updated_at=show_time(sku.updated_at),
    )


def _statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    shared = (project_id, page.after, page.after_id, page.rows)
    if filters["product_id"] is not None:
        return (_LIST_OF_PRODUCT, *shared, filters["product_id"])
    return (_LIST, *shared)


SKUS = Listing(
    SkuView,
    lambda row, tenant: _show(_from_row(row), tenant),
    by_id_or(query("control_sku_narrowed"), _statement),
    {"id": Text(), "product_id": Text()},
    searches=(query("control_search_skus_by_id"), query("control_search_skus_by_name")),
)
"""GET /v1/skus"""
