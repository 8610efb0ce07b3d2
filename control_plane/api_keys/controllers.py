"""Routes of API keys."""

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.api_keys import services
from control_plane.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, ApiKeyView
from control_plane.calls import AccountCall
from control_plane.queries import ListBody
from control_plane.rights import in_area


class ApiKeyController(Controller):
    """/v1/api-keys"""

    path = "/v1/api-keys"
    opt = in_area("api_keys")

    @post("/", operation_id="createApiKey", opt={"body": ApiKeyCreate, "answer": ApiKeyCreated})
    async def create(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.create_api_key(account)

    @get("/", operation_id="listApiKeys", opt={"answer": ListBody[ApiKeyView]})
    async def list(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.list_api_keys(account)

    @post(
        "/{key_id:str}/rotate",
        operation_id="rotateApiKey",
        opt={"body": ApiKeyRotate, "answer": ApiKeyCreated},
    )
    async def rotate(self, account: NamedDependency[AccountCall], key_id: FromPath[str]) -> Response[bytes]:
        return await services.rotate_api_key(account, key_id)

    @delete("/{key_id:str}", operation_id="revokeApiKey", status_code=200, opt={"answer": ApiKeyView})
    async def revoke(self, account: NamedDependency[AccountCall], key_id: FromPath[str]) -> Response[bytes]:
        return await services.revoke_api_key(account, key_id)
