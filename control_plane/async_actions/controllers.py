"""Routes of asynchronous actions."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.async_actions import services
from control_plane.async_actions.schemas import AsyncActionView
from control_plane.calls import Call
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
