"""Routes of loyalty programs, and of the cards in one."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.loyalty_cards import issuing, reading
from control_plane.loyalty_cards.schemas import LoyaltyCardCreate, LoyaltyCardView
from control_plane.loyalty_programs import services
from control_plane.loyalty_programs.schemas import LoyaltyProgramCreate, LoyaltyProgramUpdate, LoyaltyProgramView
from control_plane.programs import act_on_program, get_one_program, remove_program
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
        return await list_page(call, services.LOYALTY_PROGRAMS)

    @patch(
        "/{program_id:str}",
        operation_id="updateLoyaltyProgram",
        opt={"body": LoyaltyProgramUpdate, "answer": LoyaltyProgramView},
    )
    async def update(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.update_program(call, program_id)

    @post("/{program_id:str}/activate", operation_id="activateLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def activate(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "activate")

    @post("/{program_id:str}/pause", operation_id="pauseLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def pause(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "pause")

    @post("/{program_id:str}/resume", operation_id="resumeLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def resume(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "resume")

    @post("/{program_id:str}/end", operation_id="endLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def end(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "end")

    @post("/{program_id:str}/archive", operation_id="archiveLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def archive(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "archive")

    @post("/{program_id:str}/restore", operation_id="restoreLoyaltyProgram", opt={"answer": LoyaltyProgramView})
    async def restore(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.LOYALTY, program_id, "restore")

    @delete("/{program_id:str}", status_code=200, operation_id="deleteLoyaltyProgram", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await remove_program(call, services.LOYALTY, program_id)

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
        return await get_one_program(call, services.LOYALTY, program_id)
