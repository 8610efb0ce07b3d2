"""Routes of accounts."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from control_plane.accounts.schemas import AccountView
from control_plane.accounts.services import get_account
from control_plane.calls import AccountCall
from control_plane.rights import in_area


class AccountController(Controller):
    """/v1/account"""

    path = "/v1/account"
    opt = in_area("account")

    @get("/", operation_id="getAccount", opt={"answer": AccountView})
    async def get(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await get_account(account)
