"""Routes of vouchers. Validate and redeem are the engine's."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.vouchers import changing, creating, ordering, reading
from control_plane.vouchers.schemas import BatchAccepted, VoucherBatch, VoucherCreate, VoucherUpdate, VoucherView


class VoucherController(Controller):
    """/v1/vouchers"""

    path = "/v1/vouchers"
    opt = in_area("vouchers")

    @post("/", operation_id="createVoucher", opt={"body": VoucherCreate, "answer": VoucherView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await creating.create_voucher(call)

    @post("/bulk", status_code=202, operation_id="createVouchers", opt={"body": VoucherBatch, "answer": BatchAccepted})
    async def create_batch(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await ordering.order_batch(call)

    @get("/", operation_id="listVouchers", opt={"answer": ListBody[VoucherView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, reading.VOUCHERS)

    @get("/{reference:str}", operation_id="getVoucher", opt={"answer": VoucherView})
    async def get(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await reading.get_voucher(call, reference)

    @patch("/{reference:str}", operation_id="updateVoucher", opt={"body": VoucherUpdate, "answer": VoucherView})
    async def update(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.update_voucher(call, reference)

    @delete(
        "/{reference:str}",
        status_code=200,
        operation_id="deleteVoucher",
        opt={"answer": Pending, "statuses": {204}},
    )
    async def remove(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.archive_voucher(call, reference)

    @post("/{reference:str}/disable", operation_id="disableVoucher", opt={"answer": VoucherView})
    async def disable(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.set_voucher_status(call, reference, "disabled", "voucher.disable")

    @post("/{reference:str}/enable", operation_id="enableVoucher", opt={"answer": VoucherView})
    async def enable(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.set_voucher_status(call, reference, "active", "voucher.enable")
