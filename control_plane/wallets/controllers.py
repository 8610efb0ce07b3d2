"""The route of wallets."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.rights import in_area
from control_plane.wallets import services
from control_plane.wallets.schemas import WalletView


class WalletController(Controller):
    """/v1/customers/{id}/wallet"""

    path = "/v1/customers/{customer_id:str}/wallet"
    opt = in_area("customers")

    @get("/", operation_id="getWallet", opt={"answer": WalletView})
    async def get(self, call: NamedDependency[Call], customer_id: FromPath[str]) -> Response[bytes]:
        return await services.get_wallet(call, customer_id)
