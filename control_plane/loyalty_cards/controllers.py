"""Routes of loyalty cards. What spends points is the engine's."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.loyalty_cards import changing, reading
from control_plane.loyalty_cards.schemas import Adjustment, LoyaltyCardUpdate, LoyaltyCardView, PointsEntryView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class LoyaltyCardController(Controller):
    """/v1/loyalty-cards"""

    path = "/v1/loyalty-cards"
    opt = in_area("loyalty")

    @get(
        "/{reference:str}/transactions",
        operation_id="listPointsEntries",
        opt={"answer": ListBody[PointsEntryView]},
    )
    async def entries(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await reading.list_entries(call, reference)

    @get("/{reference:str}", operation_id="getLoyaltyCard", opt={"answer": LoyaltyCardView})
    async def get(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await reading.get_card(call, reference)

    @patch(
        "/{reference:str}", operation_id="updateLoyaltyCard", opt={"body": LoyaltyCardUpdate, "answer": LoyaltyCardView}
    )
    async def update(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.update_card(call, reference)

    @post(
        "/{reference:str}/adjust",
        status_code=200,
        operation_id="adjustLoyaltyCard",
        opt={"body": Adjustment, "answer": LoyaltyCardView},
    )
    async def adjust(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.adjust_card(call, reference)

    @post("/{reference:str}/block", operation_id="blockLoyaltyCard", opt={"answer": LoyaltyCardView})
    async def block(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.set_card_status(call, reference, "blocked", "loyalty_card.block")

    @post("/{reference:str}/unblock", operation_id="unblockLoyaltyCard", opt={"answer": LoyaltyCardView})
    async def unblock(self, call: NamedDependency[Call], reference: FromPath[str]) -> Response[bytes]:
        return await changing.set_card_status(call, reference, "active", "loyalty_card.unblock")
