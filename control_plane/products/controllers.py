"""Routes of products."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.products import services
from control_plane.products.schemas import ProductUpsert, ProductView
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
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.PRODUCTS)

    @get("/{product_id:str}", operation_id="getProduct", opt={"answer": ProductView})
    async def get(self, call: NamedDependency[Call], product_id: FromPath[str]) -> Response[bytes]:
        return await services.get_product(call, product_id)
