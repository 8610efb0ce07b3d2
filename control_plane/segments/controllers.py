"""Routes of segments."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.segments import services
from control_plane.segments.schemas import SegmentUpsert, SegmentView


class SegmentController(Controller):
    """/v1/segments"""

    path = "/v1/segments"
    opt = in_area("segments")

    @post("/", status_code=200, operation_id="upsertSegment", opt={"body": SegmentUpsert, "answer": SegmentView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_segment(call)

    @get("/", operation_id="listSegments", opt={"answer": ListBody[SegmentView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.SEGMENTS)

    @get("/{segment_id:str}", operation_id="getSegment", opt={"answer": SegmentView})
    async def get(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.get_segment(call, segment_id)
