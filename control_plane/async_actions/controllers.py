"""Routes of asynchronous actions."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from control_plane.async_actions import results, services
from control_plane.async_actions.schemas import AsyncActionView
from control_plane.calls import AnyRequest, Call
from control_plane.queries import ListBody
from control_plane.rights import in_area


class AsyncActionController(Controller):
    """/v1/async-actions"""

    path = "/v1/async-actions"
    opt = in_area("async_actions")

    @get("/", operation_id="listAsyncActions", opt={"answer": ListBody[AsyncActionView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.list_actions(call)

    @get("/{action_id:str}", operation_id="getAsyncAction", opt={"answer": AsyncActionView})
    async def get(self, call: NamedDependency[Call], action_id: FromPath[str]) -> Response[bytes]:
        return await services.get_action(call, action_id)

    @post("/{action_id:str}/cancel", status_code=200, operation_id="cancelAsyncAction", opt={"answer": AsyncActionView})
    async def cancel(self, call: NamedDependency[Call], action_id: FromPath[str]) -> Response[bytes]:
        return await services.cancel_action(call, action_id)


class ResultController(Controller):
    """/v1/results"""

    path = "/v1/results"

    @get("/{token:str}", operation_id="getResult", opt={"right": "public", "statuses": {200, 206}})
    async def get(self, request: AnyRequest, token: FromPath[str]) -> Stream:
        return await results.get_result(request, token)
