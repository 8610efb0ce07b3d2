"""Routes of events."""

from litestar import Controller, Response, post
from litestar.di import NamedDependency

from control_plane.calls import Call
from control_plane.events import services
from control_plane.events.schemas import EventCreate, EventView
from control_plane.rights import in_area


class EventController(Controller):
    """/v1/events"""

    path = "/v1/events"
    opt = in_area("events")

    @post("/", status_code=200, operation_id="reportEvent", opt={"body": EventCreate, "answer": EventView})
    async def report(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.report_event(call)
