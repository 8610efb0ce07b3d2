"""Routes of stacking rules: a project has one set of them."""

from litestar import Controller, Response, get, put
from litestar.di import NamedDependency

from control_plane.calls import Call
from control_plane.rights import in_area
from control_plane.stacking_rules import services
from control_plane.stacking_rules.schemas import StackingRulesPut, StackingRulesView


class StackingRulesController(Controller):
    """/v1/stacking-rules"""

    path = "/v1/stacking-rules"
    opt = in_area("stacking_rules")

    @get("/", operation_id="getStackingRules", opt={"answer": StackingRulesView})
    async def get(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.get_stacking_rules(call)

    @put("/", operation_id="putStackingRules", opt={"body": StackingRulesPut, "answer": StackingRulesView})
    async def put(self, call: NamedDependency[Call]) -> Response[bytes]:
        return await services.put_stacking_rules(call)
