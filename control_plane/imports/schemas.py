"""Bulk updates on the wire. A record's own fields are judged by the worker: its faults are told of its row."""

from typing import Annotated

import msgspec

from control_plane.customers.schemas import CustomerUpsert
from control_plane.products.schemas import ProductUpsert
from control_plane.vouchers.schemas import Reference, VoucherUpdate


def _few(key: str) -> msgspec.Meta:
    """Records that are taken as soon as each has a key: the document must not say more."""
    return msgspec.Meta(min_length=1, max_length=100, extra={"taken_with": key})


class VoucherRecord(VoucherUpdate, kw_only=True):
    """A change of the voucher with this code (or id)."""

    code: Reference


class VouchersUpdate(msgspec.Struct):
    """Body of a bulk update of vouchers."""

    vouchers: Annotated[list[VoucherRecord], _few("code")]


class CustomersUpdate(msgspec.Struct):
    """Body of a bulk update of customers; who is new is made."""

    customers: Annotated[list[CustomerUpsert], _few("id")]


class ProductsUpdate(msgspec.Struct):
    """Body of a bulk update of products; what is new is made."""

    products: Annotated[list[ProductUpsert], _few("id")]
