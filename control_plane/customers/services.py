"""What is done with customers: upserted, read, listed. Must never write who they are into the audit log."""

import json
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.customers.schemas import CustomerUpsert, CustomerView
from control_plane.effects import Change, Outcome, perform
from control_plane.groups.belonging import rules_in_force
from control_plane.groups.kinds import SEGMENTS
from control_plane.listing import Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.rules.times import show_time
from control_plane.shop_ids import once_each
from control_plane.shop_reading import by_id_or, get_one, plain
from control_plane.upserts import change_if_pending, ensure_locked, given_fields
from domain.groups import Member, segments_of
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_ENSURE = query("control_ensure_customer")
_LOCK = query("control_lock_customer")
_UPDATE = query("control_update_customer")
_GET = query("control_customer")


class StoredCustomer(msgspec.Struct, frozen=True):
    """A customer's row."""

    id: str
    name: str | None
    email: str | None
    segments: tuple[str, ...]
    rule_segments: tuple[str, ...]
    metadata: str
    version: int
    created_at: datetime
    updated_at: datetime | None


async def upsert_customer(call: Call) -> Response[bytes]:
    """POST /v1/customers"""
    body = call.body(CustomerUpsert)
    fields = read_customer(call, body)
    return await perform(call, partial(upsert, call, body.id, fields))


def read_customer(call: Call, body: CustomerUpsert) -> dict[str, Any]:
    """The fields that a body sets; Refused with all that is wrong."""
    fields = given_fields(call.errors, name=body.name, email=body.email, segments=body.segments, metadata=body.metadata)
    if "segments" in fields:
        fields["segments"] = once_each(fields["segments"])
    call.errors.raise_if_any()
    return fields


async def upsert(call: Call, customer_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    """Make the customer what the fields say, inside the transaction."""
    tenant = call.tenant
    rules = await rules_in_force(tx, SEGMENTS, tenant.project_id)
    before, _ = await ensure_locked(tx, _ENSURE, _LOCK, _from_row, tenant.project_id, customer_id)
    await hold(tx, call, "customer", fields.get("metadata"), is_new=before.updated_at is None)
    after = msgspec.structs.replace(before, **fields)
    member = Member(customer_id, after.segments, json.loads(after.metadata))
    after = msgspec.structs.replace(after, rule_segments=segments_of(rules, member))
    if after == before and before.updated_at is not None:
        return Outcome(200, _show(before), await change_if_pending(tx, call, "customer", customer_id))
    terms = (after.name, after.email, after.segments, after.metadata, after.rule_segments)
    row = await tx.fetchrow(_UPDATE, tenant.project_id, customer_id, *terms)
    stored = _from_row(row)
    await stage_change(tx, tenant.shard, tenant.project_id, "customer", customer_id, stored.version, ())
    await record(tx, call, "customer.upsert", customer_id, after={"version": stored.version})
    return Outcome(200, _show(stored), Change("customer", customer_id))


async def get_customer(call: Call, customer_id: str) -> Response[bytes]:
    """GET /v1/customers/{id}"""
    return await get_one(call, _GET, customer_id, "customer_not_found", show_row)


def show_row(row: Any) -> CustomerView:
    """The customer of a row as the API shows it."""
    return _show(_from_row(row))


def _from_row(row: Any) -> StoredCustomer:
    return msgspec.convert(dict(row), StoredCustomer)


def _show(customer: StoredCustomer) -> CustomerView:
    return CustomerView(
        id=customer.id,
        object="customer",
        name=customer.name,
        email=customer.email,
        segments=list(customer.segments),
        rule_segments=list(customer.rule_segments),
        metadata=msgspec.Raw(customer.metadata.encode()),
        version=customer.version,
        created_at=show_time(customer.created_at),
        updated_at=None if customer.updated_at is None else show_time(customer.updated_at),
    )


CUSTOMERS = Listing(
    CustomerView,
    lambda row, _tenant: show_row(row),
    by_id_or(_GET, plain(query("control_customers"))),
    {"id": Text()},
    searches=tuple(query(f"control_search_customers_by_{key}") for key in ("id", "email", "name")),
)
"""GET /v1/customers"""
