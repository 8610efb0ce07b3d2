"""Routes of gift cards. Validate and redeem are the engine's."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.gift_cards import changing, funding, issuing, ordering, reading
from control_plane.gift_cards.schemas import (
    GiftCardBatch,
    GiftCardCreate,
    GiftCardUpdate,
    GiftCardView,
    TopUp,
    TransactionView,
)
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.vouchers.schemas import BatchAccepted


class GiftCardController(Controller):
    """/v1/gift-cards"""

    path = "/v1/gift-cards"
    opt = in_area("gift_cards")

    @post("/", operation_id="createGiftCard", opt={"body": GiftCardCreate, "answer": GiftCardView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await issuing.create_card(call)

    @post(
        "/batch",
        status_code=202,
        operation_id="createGiftCards",
        opt={"body": GiftCardBatch, "answer": BatchAccepted},
    )
    async def create_batch(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await ordering.order_batch(call)

    @get("/", operation_id="listGiftCards", opt={"answer": ListBody[GiftCardView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, reading.GIFT_CARDS)

    @get(
        "/{reference:str}/transactions",
        operation_id="listGiftCardTransactions",
        opt={"answer": ListBody[TransactionView]},
    )
    async def transactions(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await reading.list_transactions(call, reference)

    @get("/{reference:str}", operation_id="getGiftCard", opt={"answer": GiftCardView})
    async def get(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await reading.get_card(call, reference)

    @patch("/{reference:str}", operation_id="updateGiftCard", opt={"body": GiftCardUpdate, "answer": GiftCardView})
    async def update(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.update_card(call, reference)

    @delete(
        "/{reference:str}",
        status_code=200,
        operation_id="deleteGiftCard",
        opt={"answer": Pending, "statuses": {204}},
    )
    async def remove(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.archive_card(call, reference)

    @post("/{reference:str}/activate", operation_id="activateGiftCard", opt={"answer": GiftCardView})
    async def activate(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.activate_card(call, reference)

    @post("/{reference:str}/block", operation_id="blockGiftCard", opt={"answer": GiftCardView})
    async def block(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.block_card(call, reference)

    @post("/{reference:str}/unblock", operation_id="unblockGiftCard", opt={"answer": GiftCardView})
    async def unblock(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.unblock_card(call, reference)

    @post("/{reference:str}/expire", operation_id="expireGiftCard", opt={"answer": GiftCardView})
    async def expire(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.expire_card(call, reference)

    @post("/{reference:str}/top-up", operation_id="topUpGiftCard", opt={"body": TopUp, "answer": GiftCardView})
    async def top_up(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await funding.top_up_card(call, reference)
