"""Routes of exports."""

from litestar import Controller, Response, post
from litestar.di import NamedDependency

from control_plane.calls import Call
from control_plane.exports import services
from control_plane.exports.schemas import ExportCreate
from control_plane.rights import in_area
from control_plane.vouchers.schemas import BatchAccepted


class ExportController(Controller):
    """/v1/exports"""

    path = "/v1/exports"
    opt = in_area("exports")

    @post("/", status_code=202, operation_id="createExport", opt={"body": ExportCreate, "answer": BatchAccepted})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.order_export(call)
