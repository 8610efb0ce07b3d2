"""Routes of loyalty programs, and of the cards in one."""

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.loyalty_cards import issuing, reading
from control_plane.loyalty_cards.schemas import LoyaltyCardCreate, LoyaltyCardView
from control_plane.loyalty_programs import services
from control_plane.loyalty_programs.schemas import LoyaltyProgramCreate, LoyaltyProgramUpdate, LoyaltyProgramView
from control_plane.queries import ListBody
from control_plane.rights import in_area


class LoyaltyProgramController(Controller):
    """/v1/loyalty-programs"""

    path = "/v1/loyalty-programs"
    opt = in_area("loyalty")

    @post("/", operation_id="createLoyaltyProgram", opt={"body": LoyaltyProgramCreate, "answer": LoyaltyProgramView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.create_program(call)

    @get("/", operation_id="listLoyaltyPrograms", opt={"answer": ListBody[LoyaltyProgramView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.list_programs(call)

    @patch(
        "/{program_id:str}",
        operation_id="updateLoyaltyProgram",
        opt={"body": LoyaltyProgramUpdate, "answer": LoyaltyProgramView},
    )
    async def update(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.update_program(call, program_id)

    @post("/{program_id:str}/pause", operation_id="pauseLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def pause(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.set_status(call, program_id, "paused", "pause")

    @post("/{program_id:str}/resume", operation_id="resumeLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def resume(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.set_status(call, program_id, "active", "resume")

    @post(
        "/{program_id:str}/cards",
        operation_id="issueLoyaltyCard",
        opt={"body": LoyaltyCardCreate, "answer": LoyaltyCardView},
    )
    async def issue(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await issuing.issue_card(call, program_id)

    @get("/{program_id:str}/cards", operation_id="listLoyaltyCards", opt={"answer": ListBody[LoyaltyCardView]})
    async def cards(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await reading.list_cards(call, program_id)

    @get("/{program_id:str}", operation_id="getLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def get(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.get_program(call, program_id)
