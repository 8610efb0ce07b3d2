"""Routes of projects."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import AccountCall
from control_plane.projects import services
from control_plane.projects.schemas import ProjectCreate, ProjectCreated, ProjectUpdate, ProjectView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class ProjectController(Controller):
    """/v1/projects"""

    path = "/v1/projects"
    opt = in_area("projects")

    @post("/", operation_id="createProject", opt={"body": ProjectCreate, "answer": ProjectCreated})
    async def create(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.make_project(account)

    @get("/", operation_id="listProjects", opt={"answer": ListBody[ProjectView]})
    async def list(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.list_projects(account)

    @get("/{project_id:str}", operation_id="getProject", opt={"answer": ProjectView})
    async def get(self, account: NamedDependency[AccountCall], project_id: FromPath[str]) -> Response[bytes]:
        return await services.get_project(account, project_id)

    @patch("/{project_id:str}", operation_id="updateProject", opt={"body": ProjectUpdate, "answer": ProjectView})
    async def update(self, account: NamedDependency[AccountCall], project_id: FromPath[str]) -> Response[bytes]:
        return await services.update_project(account, project_id)
