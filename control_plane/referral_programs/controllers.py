"""Routes of referral programs, their codes, and who has referred whom."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.programs import act_on_program, get_one_program, remove_program
from control_plane.queries import ListBody
from control_plane.referral_programs import attributing, code_reading, code_status, coding, services
from control_plane.referral_programs.schemas import (
    AttributionView,
    ReferralCodeCreate,
    ReferralCodeUpdate,
    ReferralCodeView,
    ReferralProgramCreate,
    ReferralProgramUpdate,
    ReferralProgramView,
)
from control_plane.rights import in_area


class ReferralProgramController(Controller):
    """/v1/referral-programs"""

    path = "/v1/referral-programs"
    opt = in_area("referrals")

    @post("/", operation_id="createReferralProgram", opt={"body": ReferralProgramCreate, "answer": ReferralProgramView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.create_program(call)

    @get("/", operation_id="listReferralPrograms", opt={"answer": ListBody[ReferralProgramView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.REFERRAL_PROGRAMS)

    @get("/{program_id:str}", operation_id="getReferralProgram", opt={"answer": ReferralProgramView})
    async def one(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await get_one_program(call, services.REFERRAL, program_id)

    @patch(
        "/{program_id:str}",
        operation_id="updateReferralProgram",
        opt={"body": ReferralProgramUpdate, "answer": ReferralProgramView},
    )
    async def update(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await services.update_program(call, program_id)

    @post("/{program_id:str}/activate", operation_id="activateReferralProgram", opt={"answer": ReferralProgramView})
    async def activate(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "activate")

    @post("/{program_id:str}/pause", operation_id="pauseReferralProgram", opt={"answer": ReferralProgramView})
    async def pause(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "pause")

    @post("/{program_id:str}/resume", operation_id="resumeReferralProgram", opt={"answer": ReferralProgramView})
    async def resume(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "resume")

    @post("/{program_id:str}/end", operation_id="endReferralProgram", opt={"answer": ReferralProgramView})
    async def end(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "end")

    @post("/{program_id:str}/archive", operation_id="archiveReferralProgram", opt={"answer": ReferralProgramView})
    async def archive(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "archive")

    @post("/{program_id:str}/restore", operation_id="restoreReferralProgram", opt={"answer": ReferralProgramView})
    async def restore(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await act_on_program(call, services.REFERRAL, program_id, "restore")

    @delete("/{program_id:str}", status_code=200, operation_id="deleteReferralProgram", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await remove_program(call, services.REFERRAL, program_id)

    @post(
        "/{program_id:str}/codes",
        operation_id="issueReferralCode",
        opt={"body": ReferralCodeCreate, "answer": ReferralCodeView},
    )
    async def issue(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await coding.issue_code(call, program_id)

    @get("/{program_id:str}/codes", operation_id="listReferralCodes", opt={"answer": ListBody[ReferralCodeView]})
    async def codes(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await code_reading.list_codes(call, program_id)

    @get("/{program_id:str}/codes/{reference:str}", operation_id="getReferralCode", opt={"answer": ReferralCodeView})
    async def code(
        self, call: NamedDependency[Call], program_id: FromPath[str], reference: FromPath[str]
    ) -> Response[bytes]:
        return await code_reading.get_code(call, program_id, reference)

    @patch(
        "/{program_id:str}/codes/{reference:str}",
        operation_id="updateReferralCode",
        opt={"body": ReferralCodeUpdate, "answer": ReferralCodeView},
    )
    async def update_code(
        self, call: NamedDependency[Call], program_id: FromPath[str], reference: FromPath[str]
    ) -> Response[bytes]:
        return await code_status.update_code(call, program_id, reference)

    @post(
        "/{program_id:str}/codes/{reference:str}/disable",
        operation_id="disableReferralCode",
        opt={"answer": ReferralCodeView},
    )
    async def disable(
        self, call: NamedDependency[Call], program_id: FromPath[str], reference: FromPath[str]
    ) -> Response[bytes]:
        return await code_status.set_code_status(call, program_id, reference, "disabled", "disable")

    @post(
        "/{program_id:str}/codes/{reference:str}/enable",
        operation_id="enableReferralCode",
        opt={"answer": ReferralCodeView},
    )
    async def enable(
        self, call: NamedDependency[Call], program_id: FromPath[str], reference: FromPath[str]
    ) -> Response[bytes]:
        return await code_status.set_code_status(call, program_id, reference, "active", "enable")

    @get("/{program_id:str}/attributions", operation_id="listReferrals", opt={"answer": ListBody[AttributionView]})
    async def attributions(self, call: NamedDependency[Call], program_id: FromPath[str]) -> Response[bytes]:
        return await attributing.list_attributions(call, program_id)
