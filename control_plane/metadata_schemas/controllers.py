"""Routes of metadata schemas."""

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.metadata_schemas import services
from control_plane.metadata_schemas.schemas import MetadataSchemaPut, MetadataSchemaUpdate, MetadataSchemaView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class MetadataSchemaController(Controller):
    """/v1/metadata-schemas"""

    path = "/v1/metadata-schemas"
    opt = in_area("metadata_schemas")

    @get("/", operation_id="listMetadataSchemas", opt={"answer": ListBody[MetadataSchemaView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.METADATA_SCHEMAS)

    @get("/{thing:str}", operation_id="getMetadataSchema", opt={"answer": MetadataSchemaView})
    async def get(self, call: NamedDependency[Call], thing: FromPath[str]) -> Response[bytes]:
        return await services.get_schema(call, thing)

    @put(
        "/{thing:str}",
        operation_id="putMetadataSchema",
        opt={"body": MetadataSchemaPut, "answer": MetadataSchemaView},
    )
    async def replace(self, call: NamedDependency[Call], thing: FromPath[str]) -> Response[bytes]:
        return await services.put_schema(call, thing)

    @patch(
        "/{thing:str}",
        operation_id="updateMetadataSchema",
        opt={"body": MetadataSchemaUpdate, "answer": MetadataSchemaView},
    )
    async def update(self, call: NamedDependency[Call], thing: FromPath[str]) -> Response[bytes]:
        return await services.update_schema(call, thing)

    @delete("/{thing:str}", status_code=200, operation_id="deleteMetadataSchema")
    async def delete(self, call: NamedDependency[Call], thing: FromPath[str]) -> Response[bytes]:
        return await services.delete_schema(call, thing)
