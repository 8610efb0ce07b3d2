"""Routes of customers."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.customers import services
from control_plane.customers.schemas import CustomerUpsert, CustomerView
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
    async def get(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await services.get_customer(call, customer_id)
