"""Routes of distributions."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.distributions import services
from control_plane.distributions.schemas import DistributionCreate, DistributionView
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area


class DistributionController(Controller):
    """/v1/distributions"""

    path = "/v1/distributions"
    opt = in_area("publications")

    @post("/", status_code=202, operation_id="distribute", opt={"body": DistributionCreate, "answer": DistributionView})
    async def order(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.order_distribution(call)

    @get("/", operation_id="listDistributions", opt={"answer": ListBody[DistributionView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.DISTRIBUTIONS)

    @get("/{distribution_id:str}", operation_id="getDistribution", opt={"answer": DistributionView})
    async def get(self, call: NamedDependency[Call], distribution_id: FromPath[str]) -> Response[bytes]:
        return await services.get_distribution(call, distribution_id)
