"""Routes of segments."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.groups.schemas import MembersChange, MembersChanged, MemberView
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.segments import services
from control_plane.segments.schemas import SegmentUpdate, SegmentUpsert, SegmentView
from control_plane.vouchers.schemas import BatchAccepted


class SegmentController(Controller):
    """/v1/segments"""

    path = "/v1/segments"
    opt = in_area("segments")

    @post("/", status_code=200, operation_id="upsertSegment", opt={"body": SegmentUpsert, "answer": SegmentView})
    async def upsert(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.upsert_segment(call)

    @get("/", operation_id="listSegments", opt={"answer": ListBody[SegmentView]})
    async def list_all(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.SEGMENTS)

    @get("/{segment_id:str}", operation_id="getSegment", opt={"answer": SegmentView})
    async def read(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.get_segment(call, segment_id)

    @patch("/{segment_id:str}", operation_id="updateSegment", opt={"body": SegmentUpdate, "answer": SegmentView})
    async def update(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.update_segment(call, segment_id)

    @delete("/{segment_id:str}", status_code=200, operation_id="deleteSegment", opt={"answer": BatchAccepted})
    async def remove(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_segment(call, segment_id)

    @post(
        "/{segment_id:str}/customers",
        status_code=200,
        operation_id="changeSegmentCustomers",
        opt={"body": MembersChange, "answer": MembersChanged},
    )
    async def change_customers(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.change_customers(call, segment_id)

    @get("/{segment_id:str}/customers", operation_id="listSegmentCustomers", opt={"answer": ListBody[MemberView]})
    async def list_customers(self, call: NamedDependency[Call], segment_id: FromPath[str]) -> Response[bytes]:
        return await services.list_customers(call, segment_id)
