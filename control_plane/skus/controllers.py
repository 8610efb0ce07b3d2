"""Routes of SKUs."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.skus import services
from control_plane.skus.schemas import SkuUpdate, SkuUpsert, SkuView


class SkuController(Controller):
    """/v1/skus"""

    path = "/v1/skus"
    opt = in_area("skus")

    @post("/", status_code=200, operation_id="upsertSku", opt={"body": SkuUpsert, "answer": SkuView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_sku(call)

    @get("/", operation_id="listSkus", opt={"answer": ListBody[SkuView]})
    async def list_all(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.SKUS)

    @get("/{sku_id:str}", operation_id="getSku", opt={"answer": SkuView})
    async def read(self, call: NamedDependency[Call], sku_id: FromPath[str]) -> Response[bytes]:
        return await services.get_sku(call, sku_id)

    @patch("/{sku_id:str}", operation_id="updateSku", opt={"body": SkuUpdate, "answer": SkuView})
    async def update(self, call: NamedDependency[Call], sku_id: FromPath[str]) -> Response[bytes]:
        return await services.update_sku(call, sku_id)

    @delete("/{sku_id:str}", status_code=200, operation_id="deleteSku", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], sku_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_sku(call, sku_id)
