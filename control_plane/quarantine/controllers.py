"""Routes of the quarantine."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.quarantine import services
from control_plane.quarantine.schemas import QuarantineView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class QuarantineController(Controller):
    """/v1/quarantine"""

    path = "/v1/quarantine"
    opt = in_area("quarantine")

    @get("/", operation_id="listQuarantine", opt={"answer": ListBody[QuarantineView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.list_entries(call)

    @post("/{entry_id:str}/apply", operation_id="applyQuarantined", opt={"answer": QuarantineView})
    async def apply(self, call: NamedDependency[Call], entry_id: FromPath[str]) -> Response[bytes]:
        return await services.settle_entry(call, entry_id, "apply")

    @post("/{entry_id:str}/void", operation_id="voidQuarantined", opt={"answer": QuarantineView})
    async def void(self, call: NamedDependency[Call], entry_id: FromPath[str]) -> Response[bytes]:
        return await services.settle_entry(call, entry_id, "void")
