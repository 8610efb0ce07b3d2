"""Routes of customers."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.customers import erasing, exporting, services
from control_plane.customers.exported import CustomerExport
from control_plane.customers.schemas import CustomerUpdate, CustomerUpsert, CustomerView, ErasureAccepted
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area


class CustomerController(Controller):
    """/v1/customers"""

    path = "/v1/customers"
    opt = in_area("customers")

    @post("/", status_code=200, operation_id="upsertCustomer", opt={"body": CustomerUpsert, "answer": CustomerView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_customer(call)

    @get("/", operation_id="listCustomers", opt={"answer": ListBody[CustomerView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.CUSTOMERS)

    @get("/{customer_id:str}", operation_id="getCustomer", opt={"answer": CustomerView})
    async def show(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await services.get_customer(call, customer_id)

    @patch("/{customer_id:str}", operation_id="updateCustomer", opt={"body": CustomerUpdate, "answer": CustomerView})
    async def update(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await services.patch_customer(call, customer_id)

    @delete("/{customer_id:str}", status_code=200, operation_id="deleteCustomer", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_customer(call, customer_id)

    @post(
        "/{customer_id:str}/erase",
        status_code=202,
        operation_id="eraseCustomer",
        opt={"body": NoBody, "answer": ErasureAccepted},
    )
    async def erase(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await erasing.erase_customer(call, customer_id)

    @get("/{customer_id:str}/export", operation_id="exportCustomer", opt={"answer": CustomerExport})
    async def export(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Stream:
        return await exporting.export_customer(call, customer_id)
