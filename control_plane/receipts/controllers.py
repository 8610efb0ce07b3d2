"""Routes of receipts and proofs."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.queries import ListBody
from control_plane.receipts import services
from control_plane.receipts.schemas import ProofKeyView, ProofView, ReceiptPage
from control_plane.rights import in_area


class ReceiptController(Controller):
    """/v1/campaigns/{id}/... and /v1/vouchers/{id or code}/..."""

    path = "/v1"
    opt = in_area("proofs")

    @get("/campaigns/{campaign_id:str}/proof", operation_id="getCampaignProof", opt={"answer": ProofView})
    async def campaign_proof(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.get_proof(call, "campaign", campaign_id)

    @get("/campaigns/{campaign_id:str}/receipts", operation_id="listCampaignReceipts", opt={"answer": ReceiptPage})
    async def campaign_receipts(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.list_receipts(call, "campaign", campaign_id)

    @get("/vouchers/{reference:str}/proof", operation_id="getVoucherProof", opt={"answer": ProofView})
    async def voucher_proof(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await services.get_proof(call, "voucher", reference)

    @get("/vouchers/{reference:str}/receipts", operation_id="listVoucherReceipts", opt={"answer": ReceiptPage})
    async def voucher_receipts(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await services.list_receipts(call, "voucher", reference)

    @get("/proof-keys", operation_id="listProofKeys", opt={"answer": ListBody[ProofKeyView]})
    async def proof_keys(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.list_keys(call)
