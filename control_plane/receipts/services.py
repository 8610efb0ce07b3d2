"""Proofs and receipts of a chain. Whoever may read a campaign may have both; signing changes nothing."""

from typing import Literal

import msgspec
from litestar import Response

from control_plane.calls import Call
from control_plane.campaigns.storing import load_campaign
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.queries import ListBody
from control_plane.receipts.reading import MOST_RECEIPTS, decode_cursor, read_page
from control_plane.receipts.schemas import ProofKeyView, ProofView
from control_plane.receipts.signing import Signer
from control_plane.vouchers.storing import load_voucher
from domain.proofs import Statement
from domain.receipts import START
from domain.views import iso_time
from store.database import Transaction
from store.queries import query

DEFAULT_LIMIT = 100

_HEAD = query("control_receipt_head")

Owner = Literal["campaign", "voucher"]


class Chain(msgspec.Struct, frozen=True):
    """Whose chain it is."""

    object: Owner
    id: str


async def get_proof(call: Call, owner: Owner, reference: str) -> Response[bytes]:
    """GET /v1/campaigns/{id}/proof and /v1/vouchers/{id or code}/proof"""
    call.query().done()
    async with call.open_tx() as tx:
        chain = await _chain(tx, call, owner, reference)
        proof = await prove(tx, call.context.signer, call.tenant.project_id, chain)
    return answer(200, proof)


async def prove(tx: Transaction, signer: Signer, project_id: str, chain: Chain) -> ProofView:
    """The chain as it stands, signed. Head and ceiling are read by one statement, so they are of one moment."""
    row = await tx.fetchrow(_HEAD, project_id, chain.id)
    assert row is not None, "the chain's name is a row"
    statement = Statement(
        project_id=project_id,
        object=chain.object,
        id=chain.id,
        links=row["links"] or 0,
        count=row["redeemed"] or 0,
        rolled_back=row["rolled_back"] or 0,
        head=(row["head"] or START).hex(),
        limit=row["ceiling"],
        signed_at=iso_time(now_ms()),
    )
    return ProofView("proof", statement, "Ed25519", signer.key_id, signer.public_key, signer.sign(statement))


async def list_receipts(call: Call, owner: Owner, reference: str) -> Response[bytes]:
    """GET /v1/campaigns/{id}/receipts and /v1/vouchers/{id or code}/receipts, the oldest first"""
    asked = call.query()
    personal = asked.choice("personal", ("include", "leave_out")) != "leave_out"
    limit, cursor = asked.number("limit", DEFAULT_LIMIT, MOST_RECEIPTS), asked.text("cursor")
    after = 0 if cursor is None else decode_cursor(cursor)
    if after is None:
        call.errors.add_parameter("cursor", "is not a cursor of this list")
    asked.done()
    async with call.open_tx() as tx:
        chain = await _chain(tx, call, owner, reference)
        page = await read_page(tx, call.tenant.project_id, chain.id, after or 0, limit, personal)
    return answer(200, page)


async def list_keys(call: Call) -> Response[bytes]:
    """GET /v1/proof-keys"""
    call.query().done()
    signer = call.context.signer
    key = ProofKeyView(signer.key_id, "proof_key", "Ed25519", signer.public_key)
    return answer(200, ListBody([key], None))


async def _chain(tx: Transaction, call: Call, owner: Owner, reference: str) -> Chain:
    """A voucher of a campaign has no chain of its own: it is its campaign's."""
    if owner == "campaign":
        return Chain("campaign", (await load_campaign(tx, call.tenant.project_id, reference)).id)
    voucher = await load_voucher(tx, call.tenant.project_id, reference)
    return Chain("campaign", voucher.campaign_id) if voucher.campaign_id else Chain("voucher", voucher.id)
