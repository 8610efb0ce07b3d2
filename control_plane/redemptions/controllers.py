"""Routes of redemptions: the list. One redemption, and its rollback, are the engine's."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.redemptions.schemas import ListedRedemption
from control_plane.redemptions.services import REDEMPTIONS
from control_plane.rights import in_area


class RedemptionController(Controller):
    """/v1/redemptions"""

    path = "/v1/redemptions"
    opt = in_area("redemptions")

    @get("/", operation_id="listRedemptions", opt={"answer": ListBody[ListedRedemption]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, REDEMPTIONS)
