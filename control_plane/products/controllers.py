"""Routes of products."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.products import services
from control_plane.products.schemas import ProductUpdate, ProductUpsert, ProductView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class ProductController(Controller):
    """/v1/products"""

    path = "/v1/products"
    opt = in_area("products")

    @post("/", status_code=200, operation_id="upsertProduct", opt={"body": ProductUpsert, "answer": ProductView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_product(call)

    @get("/", operation_id="listProducts", opt={"answer": ListBody[ProductView]})
    async def list_all(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.PRODUCTS)

    @get("/{product_id:str}", operation_id="getProduct", opt={"answer": ProductView})
    async def read(self, call: NamedDependency[Call], product_id: FromPath[str]) -> Response[bytes]:
        return await services.get_product(call, product_id)

    @patch("/{product_id:str}", operation_id="updateProduct", opt={"body": ProductUpdate, "answer": ProductView})
    async def update(self, call: NamedDependency[Call], product_id: FromPath[str]) -> Response[bytes]:
        return await services.update_product(call, product_id)

    @delete("/{product_id:str}", status_code=200, operation_id="deleteProduct", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], product_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_product(call, product_id)
