"""Routes of orders."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.orders import services
from control_plane.orders.schemas import OrderUpdate, OrderUpsert, ShopOrderDetails, ShopOrderView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class OrderController(Controller):
    """/v1/orders"""

    path = "/v1/orders"
    opt = in_area("orders")

    @post("/", status_code=200, operation_id="upsertOrder", opt={"body": OrderUpsert, "answer": ShopOrderView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_order(call)

    @get("/", operation_id="listOrders", opt={"answer": ListBody[ShopOrderView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.ORDERS)

    @get("/{order_id:str}", operation_id="getOrder", opt={"answer": ShopOrderDetails})
    async def get(self, call: NamedDependency[Call], order_id: FromPath[str]) -> Response[bytes]:
        return await services.get_order(call, order_id)

    @patch("/{order_id:str}", operation_id="updateOrder", opt={"body": OrderUpdate, "answer": ShopOrderView})
    async def update(self, call: NamedDependency[Call], order_id: FromPath[str]) -> Response[bytes]:
        return await services.update_order(call, order_id)
