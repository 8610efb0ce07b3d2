"""Routes of campaigns."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.campaigns import services
from control_plane.campaigns.schemas import CampaignCreate, CampaignUpdate, CampaignView
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area


class CampaignController(Controller):
    """/v1/campaigns"""

    path = "/v1/campaigns"
    opt = in_area("campaigns")

    @post("/", operation_id="createCampaign", opt={"body": CampaignCreate, "answer": CampaignView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.create_campaign(call)

    @get("/", operation_id="listCampaigns", opt={"answer": ListBody[CampaignView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.CAMPAIGNS)

    @get("/{campaign_id:str}", operation_id="getCampaign", opt={"answer": CampaignView})
    async def get(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.get_campaign(call, campaign_id)

    @patch("/{campaign_id:str}", operation_id="updateCampaign", opt={"body": CampaignUpdate, "answer": CampaignView})
    async def update(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.update_campaign(call, campaign_id)

    @post("/{campaign_id:str}/pause", operation_id="pauseCampaign", opt={"answer": CampaignView})
    async def pause(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.set_campaign_status(call, campaign_id, "paused", "campaign.pause")

    @post("/{campaign_id:str}/resume", operation_id="resumeCampaign", opt={"answer": CampaignView})
    async def resume(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.set_campaign_status(call, campaign_id, "active", "campaign.resume")
