"""Routes of campaigns."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.campaigns import services
from control_plane.campaigns.schemas import CampaignCreate, CampaignUpdate, CampaignView
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.programs import act_on_program, get_one_program, remove_program
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
        return await get_one_program(call, services.CAMPAIGN, campaign_id)

    @patch("/{campaign_id:str}", operation_id="updateCampaign", opt={"body": CampaignUpdate, "answer": CampaignView})
    async def update(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await services.update_campaign(call, campaign_id)

    @post("/{campaign_id:str}/activate", operation_id="activateCampaign", opt={"answer": CampaignView})
    async def activate(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "activate")

    @post("/{campaign_id:str}/pause", operation_id="pauseCampaign", opt={"answer": CampaignView})
    async def pause(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "pause")

    @post("/{campaign_id:str}/resume", operation_id="resumeCampaign", opt={"answer": CampaignView})
    async def resume(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "resume")

    @post("/{campaign_id:str}/end", operation_id="endCampaign", opt={"answer": CampaignView})
    async def end(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "end")

    @post("/{campaign_id:str}/archive", operation_id="archiveCampaign", opt={"answer": CampaignView})
    async def archive(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "archive")

    @post("/{campaign_id:str}/restore", operation_id="restoreCampaign", opt={"answer": CampaignView})
    async def restore(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.CAMPAIGN, campaign_id, "restore")

    @delete("/{campaign_id:str}", status_code=200, operation_id="deleteCampaign", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], campaign_id: FromPath[str]) -> Response[bytes]:
        return await remove_program(call, services.CAMPAIGN, campaign_id)
