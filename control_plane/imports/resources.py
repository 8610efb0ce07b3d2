"""What can be taken in by the file or the list: its columns, and how a record of it is made or changed.

A record is what a POST's or PATCH's body is, and is read by the same code: a file can nothing that the API cannot.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from control_plane.bodies import fill
from control_plane.customers import services as customers
from control_plane.customers.schemas import CustomerUpsert
from control_plane.effects import Change
from control_plane.imports.columns import Columns
from control_plane.imports.new_vouchers import create_vouchers
from control_plane.imports.records import Record, Take, one_at_a_time
from control_plane.jobs.kinds import JobCall, Run, Step
from control_plane.products import services as products
from control_plane.products.schemas import ProductUpsert
from control_plane.vouchers.changing import change_voucher, read_change
from control_plane.vouchers.schemas import VoucherUpdate
from domain.problems import FieldError, Refused
from store.database import Transaction

TakeMany = Callable[[Transaction, Run, list[Record]], Awaitable[Step]]

UPSERTS_A_CHUNK = 100
"""Fewer than a chunk of the file: their rows stay locked until it is over, and the ledger writes customers as well."""


class Resource(msgspec.Struct, frozen=True):
    """One kind of thing. `key` is the field that names a record."""

    name: str
    import_type: str
    update_type: str
    key: str
    columns: Columns
    take_rows: TakeMany
    update: Take
    rows_a_chunk: int
    makes_codes: bool = False


async def upsert_customer(tx: Transaction, call: JobCall, given: dict[str, Any], is_dry: bool) -> Change | None:
    """As POST /v1/customers."""
    body = fill(given, CustomerUpsert, "", call.errors)
    fields = customers.read_customer(call, body)
    return None if is_dry else (await customers.upsert(call, body.id, fields, tx)).change


async def upsert_product(tx: Transaction, call: JobCall, given: dict[str, Any], is_dry: bool) -> Change | None:
    """As POST /v1/products."""
    body = fill(given, ProductUpsert, "", call.errors)
    fields = products.read_product(call, body)
    return None if is_dry else (await products.upsert(call, body.id, fields, tx)).change


async def update_voucher(tx: Transaction, call: JobCall, given: dict[str, Any], _is_dry: bool) -> Change | None:
    """As PATCH /v1/vouchers/{code}."""
    code = given.get("code")
    if not isinstance(code, str):
        raise Refused("invalid_request", errors=(FieldError("is required", pointer="/code"),))
    rest = {name: value for name, value in given.items() if name != "code"}
    changed = read_change(call, fill(rest, VoucherUpdate, "", call.errors))
    call.errors.raise_if_any()
    return (await change_voucher(call, code, changed, "voucher.update", tx)).change


_VOUCHER_COLUMNS = Columns(
    texts=frozenset(
        {
            *("code", "campaign_id", "customer_id", "discount_type", "starts_at", "expires_at", "timezone"),
            *("durability", "category", "restore_on_rollback", "return_policy"),
        }
    ),
    numbers=frozenset(
        {
            *("discount_value", "max_discount", "budget", "max_redemptions", "max_redemptions_per_code"),
            "max_redemptions_per_customer",
        }
    ),
    lists=frozenset({"validation_rules"}),
    objects=frozenset({"applies_to", "added_unit", "metadata"}),
)
_CUSTOMER_COLUMNS = Columns(
    texts=frozenset({"id", "name", "email"}), lists=frozenset({"segments"}), objects=frozenset({"metadata"})
)
_PRODUCT_COLUMNS = Columns(
    texts=frozenset({"id", "name"}),
    numbers=frozenset({"price"}),
    lists=frozenset({"categories", "collections"}),
    objects=frozenset({"metadata"}),
)

RESOURCES: dict[str, Resource] = {
    "vouchers": Resource(
        *("vouchers", "voucher_import", "voucher_update", "code", _VOUCHER_COLUMNS, create_vouchers, update_voucher),
        rows_a_chunk=500,
        makes_codes=True,
    ),
    "customers": Resource(
        *("customers", "customer_import", "customer_update", "id", _CUSTOMER_COLUMNS),
        *(one_at_a_time(upsert_customer, "id"), upsert_customer),
        rows_a_chunk=UPSERTS_A_CHUNK,
    ),
    "products": Resource(
        *("products", "product_import", "product_update", "id", _PRODUCT_COLUMNS),
        *(one_at_a_time(upsert_product, "id"), upsert_product),
        rows_a_chunk=UPSERTS_A_CHUNK,
    ),
}
