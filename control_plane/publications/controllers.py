"""Routes of publications."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.listing import list_page
from control_plane.publications import services
from control_plane.publications.schemas import PublicationCreate, PublicationView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class PublicationController(Controller):
    """/v1/publications"""

    path = "/v1/publications"
    opt = in_area("publications")

    @post("/", operation_id="publish", opt={"body": PublicationCreate, "answer": PublicationView})
    async def publish(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.publish(call)

    @get("/", operation_id="listPublications", opt={"answer": ListBody[PublicationView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.PUBLICATIONS)

    @get("/{publication_id:str}", operation_id="getPublication", opt={"answer": PublicationView})
    async def get(self, call: NamedDependency[Call], publication_id: FromPath[str]) -> Response[bytes]:
        return await services.get_publication(call, publication_id)
