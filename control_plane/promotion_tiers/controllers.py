"""Routes of promotion tiers. What applies to a cart is the engine's to say."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.promotion_tiers import services
from control_plane.promotion_tiers.schemas import PromotionTierCreate, PromotionTierUpdate, PromotionTierView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class PromotionTierController(Controller):
    """/v1/promotion-tiers"""

    path = "/v1/promotion-tiers"
    opt = in_area("promotion_tiers")

    @post("/", operation_id="createPromotionTier", opt={"body": PromotionTierCreate, "answer": PromotionTierView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.create_tier(call)

    @get("/", operation_id="listPromotionTiers", opt={"answer": ListBody[PromotionTierView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.PROMOTION_TIERS)

    @get("/{tier_id:str}", operation_id="getPromotionTier", opt={"answer": PromotionTierView})
    async def get(self, call: NamedDependency[Call], tier_id: FromPath[str]) -> Response[bytes]:
        return await services.get_tier(call, tier_id)

    @patch(
        "/{tier_id:str}",
        operation_id="updatePromotionTier",
        opt={"body": PromotionTierUpdate, "answer": PromotionTierView},
    )
    async def update(self, call: NamedDependency[Call], tier_id: FromPath[str]) -> Response[bytes]:
        return await services.update_tier(call, tier_id)

    @delete(
        "/{tier_id:str}",
        status_code=200,
        operation_id="deletePromotionTier",
        opt={"answer": Pending, "statuses": {204}},
    )
    async def remove(self, call: NamedDependency[Call], tier_id: FromPath[str]) -> Response[bytes]:
        return await services.archive_tier(call, tier_id)

    @post("/{tier_id:str}/disable", operation_id="disablePromotionTier", opt={"answer": PromotionTierView})
    async def disable(self, call: NamedDependency[Call], tier_id: FromPath[str]) -> Response[bytes]:
        return await services.set_tier_status(call, tier_id, "disabled", "promotion_tier.disable")

    @post("/{tier_id:str}/enable", operation_id="enablePromotionTier", opt={"answer": PromotionTierView})
    async def enable(self, call: NamedDependency[Call], tier_id: FromPath[str]) -> Response[bytes]:
        return await services.set_tier_status(call, tier_id, "active", "promotion_tier.enable")
