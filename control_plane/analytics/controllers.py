"""Routes of analytics."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from control_plane.analytics.schemas import Overview
from control_plane.analytics.services import get_overview
from control_plane.calls import Call
from control_plane.rights import in_area


class AnalyticsController(Controller):
    """/v1/analytics"""

    path = "/v1/analytics"
    opt = in_area("analytics")

    @get("/overview", operation_id="getOverview", opt={"answer": Overview})
    async def overview(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await get_overview(call)
