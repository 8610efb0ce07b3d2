"""Routes of members."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import AccountCall
from control_plane.members import services
from control_plane.members.schemas import MemberInvite, MemberUpdate, MemberView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class MemberController(Controller):
    """/v1/members"""

    path = "/v1/members"
    opt = in_area("members")

    @post("/", operation_id="inviteMember", opt={"body": MemberInvite, "answer": MemberView})
    async def invite(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.invite(account)

    @get("/", operation_id="listMembers", opt={"answer": ListBody[MemberView]})
    async def list(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await services.list_members(account)

    @get("/{member_id:str}", operation_id="getMember", opt={"answer": MemberView})
    async def get(self, account: NamedDependency[AccountCall], member_id: FromPath[str]) -> Response[bytes]:
        return await services.get_member(account, member_id)

    @patch("/{member_id:str}", operation_id="updateMember", opt={"body": MemberUpdate, "answer": MemberView})
    async def update(self, account: NamedDependency[AccountCall], member_id: FromPath[str]) -> Response[bytes]:
        return await services.update_member(account, member_id)

    @delete("/{member_id:str}", status_code=200, operation_id="removeMember", opt={"answer": MemberView})
    async def remove(self, account: NamedDependency[AccountCall], member_id: FromPath[str]) -> Response[bytes]:
        return await services.remove_member(account, member_id)
