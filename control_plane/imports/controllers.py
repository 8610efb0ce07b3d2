"""Routes of imports and bulk updates."""

from litestar import Controller, Response, post
from litestar.di import NamedDependency

from control_plane.calls import AnyRequest, Call
from control_plane.imports.receiving import receive_file, receive_list
from control_plane.imports.resources import RESOURCES
from control_plane.imports.schemas import CustomersUpdate, ProductsUpdate, VouchersUpdate
from control_plane.imports.uploads import MOST_FORM_BYTES
from control_plane.vouchers.schemas import BatchAccepted

_FILE = {"answer": BatchAccepted, "is_streamed": True}


class ImportController(Controller):
    """/v1/{vouchers,customers,products}/import and /bulk-update"""

    path = "/v1"

    @post(
        "/vouchers/import",
        status_code=202,
        operation_id="importVouchers",
        request_max_body_size=MOST_FORM_BYTES,
        opt={"area": "vouchers", **_FILE},
    )
    async def import_vouchers(self, call: NamedDependency[Call], request: AnyRequest) -> Response[bytes]:
        return await receive_file(call, request, RESOURCES["vouchers"])

    @post(
        "/customers/import",
        status_code=202,
        operation_id="importCustomers",
        request_max_body_size=MOST_FORM_BYTES,
        opt={"area": "customers", **_FILE},
    )
    async def import_customers(self, call: NamedDependency[Call], request: AnyRequest) -> Response[bytes]:
        return await receive_file(call, request, RESOURCES["customers"])

    @post(
        "/products/import",
        status_code=202,
        operation_id="importProducts",
        request_max_body_size=MOST_FORM_BYTES,
        opt={"area": "products", **_FILE},
    )
    async def import_products(self, call: NamedDependency[Call], request: AnyRequest) -> Response[bytes]:
        return await receive_file(call, request, RESOURCES["products"])

    @post(
        "/vouchers/bulk-update",
        status_code=202,
        operation_id="updateVouchers",
        opt={"area": "vouchers", "body": VouchersUpdate, "answer": BatchAccepted},
    )
    async def update_vouchers(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await receive_list(call, RESOURCES["vouchers"])

    @post(
        "/customers/bulk-update",
        status_code=202,
        operation_id="updateCustomers",
        opt={"area": "customers", "body": CustomersUpdate, "answer": BatchAccepted},
    )
    async def update_customers(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await receive_list(call, RESOURCES["customers"])

    @post(
        "/products/bulk-update",
        status_code=202,
        operation_id="updateProducts",
        opt={"area": "products", "body": ProductsUpdate, "answer": BatchAccepted},
    )
    async def update_products(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await receive_list(call, RESOURCES["products"])
