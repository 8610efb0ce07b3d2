"""Routes of validation rules."""

from functools import partial

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import Call
from control_plane.effects import Pending
from control_plane.listing import list_page
from control_plane.queries import ListBody
from control_plane.rights import in_area
from control_plane.validation_rules import services
from control_plane.validation_rules.schemas import (
    AssignmentView,
    ValidationRuleCreate,
    ValidationRuleUpdate,
    ValidationRuleView,
)
from control_plane.validation_rules.storing import load_rule


class ValidationRuleController(Controller):
    """/v1/validation-rules"""

    path = "/v1/validation-rules"
    opt = in_area("validation_rules")

    @post("/", operation_id="createValidationRule", opt={"body": ValidationRuleCreate, "answer": ValidationRuleView})
    async def create(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.create_rule(call)

    @get("/", operation_id="listValidationRules", opt={"answer": ListBody[ValidationRuleView]})
    async def list(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await list_page(call, services.VALIDATION_RULES)

    @get(
        "/{rule_id:str}/assignments",
        operation_id="listValidationRuleAssignments",
        opt={"answer": ListBody[AssignmentView]},
    )
    async def assignments(self, call: NamedDependency[Call], rule_id: FromPath[str]) -> Response[bytes]:
        require = partial(load_rule, project_id=call.tenant.project_id, rule_id=rule_id)
        return await list_page(call, services.ASSIGNMENTS, {"rule_id": rule_id}, require)

    @get("/{rule_id:str}", operation_id="getValidationRule", opt={"answer": ValidationRuleView})
    async def get(self, call: NamedDependency[Call], rule_id: FromPath[str]) -> Response[bytes]:
        return await services.get_rule(call, rule_id)

    @delete("/{rule_id:str}", status_code=200, operation_id="deleteValidationRule", opt={"answer": Pending})
    async def remove(self, call: NamedDependency[Call], rule_id: FromPath[str]) -> Response[bytes]:
        return await services.delete_rule(call, rule_id)

    @patch(
        "/{rule_id:str}",
        operation_id="updateValidationRule",
        opt={"body": ValidationRuleUpdate, "answer": ValidationRuleView},
    )
    async def update(self, call: NamedDependency[Call], rule_id: FromPath[str]) -> Response[bytes]:
        return await services.update_rule(call, rule_id)
