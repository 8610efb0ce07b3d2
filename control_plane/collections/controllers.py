"""Routes of collections."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.collections import services
from control_plane.collections.schemas import CollectionUpdate, CollectionUpsert, CollectionView
from control_plane.groups.schemas import MembersChange, MembersChanged, MemberView
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.vouchers.schemas import BatchAccepted


class CollectionController(Controller):
    """/v1/collections"""

    path = "/v1/collections"
    opt = in_area("collections")

    @post(
        "/", status_code=200, operation_id="upsertCollection", opt={"body": CollectionUpsert, "answer": CollectionView}
    )
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_collection(call)

    @get("/", operation_id="listCollections", opt={"answer": ListBody[CollectionView]})
    async def list_all(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.COLLECTIONS)

    @get("/{collection_id:str}", operation_id="getCollection", opt={"answer": CollectionView})
    async def read(self, call: NamedDependency[Call], collection_id: FromPath[str]) -> Response[bytes]:
        return await services.get_collection(call, collection_id)

    @patch(
        "/{collection_id:str}",
        operation_id="updateCollection",
        opt={"body": CollectionUpdate, "answer": CollectionView},
    )
    async def update(self, call: NamedDependency[Call], collection_id: FromPath[str]) -> Response[bytes]:
        return await services.update_collection(call, collection_id)

    @delete("/{collection_id:str}", status_code=200, operation_id="deleteCollection", opt={"answer": BatchAccepted})
    async def remove(self, call: NamedDependency[Call], collection_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_collection(call, collection_id)

    @post(
        "/{collection_id:str}/products",
        status_code=200,
        operation_id="changeCollectionProducts",
        opt={"body": MembersChange, "answer": MembersChanged},
    )
    async def change_products(self, call: NamedDependency[Call], collection_id: FromPath[str]) -> Response[bytes]:
        return await services.change_products(call, collection_id)

    @get("/{collection_id:str}/products", operation_id="listCollectionProducts", opt={"answer": ListBody[MemberView]})
    async def list_products(self, call: NamedDependency[Call], collection_id: FromPath[str]) -> Response[bytes]:
        return await services.list_products(call, collection_id)
