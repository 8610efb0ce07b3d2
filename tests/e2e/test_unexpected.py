"""Every route of the OpenAPI document is asked what nobody would think of: no 5xx, no status and no body that the
document does not have, and nothing accepted that it forbids."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.servers.stack import RunningStack
from tools.dev.paths import ROOT

from .touring import PLACES

_CASES = int(os.environ.get("VAUCHFLOW_CONTRACT_CASES", "4"))
"""Of each route, and of each kind: as the document has it, and as it must not be."""
_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]
# They take nothing that could be spelled wrong.
_NOT_ASKED = {"getOpenApiDocument", "getResult"}
# Rows of a bulk update are judged one by one, by its worker; headers that no key needs are not looked at.
_LENIENT = {
    "createReferralProgram", "listReferralCodes", "listReferrals", "listValidationRules", "updateCustomers",
    "updateProducts", "updateVouchers", "upsertProduct",
}  # fmt: skip
_SCHEMA = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json")
_FOUND: list[Any] = [one.ok() for one in _SCHEMA.get_all_operations()]  # type: ignore[union-attr]
_OPERATIONS = {one.definition.raw["operationId"]: one for one in _FOUND}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as it is", "as it is not"])
@pytest.mark.parametrize("operation", sorted(set(PLACES) - _NOT_ASKED))
def test_whatever_is_asked_is_answered_as_documented(stack: RunningStack, operation: str, mode: GenerationMode) -> None:
    state, asked = stack.state, _OPERATIONS[operation]
    keys = {name for each in PLACES[operation].said["security"] for name in each}
    key = state.secret_key if "secretKey" in keys else state.admin_key

    @given(case=asked.as_strategy(generation_mode=mode))
    @settings(
        max_examples=_CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"} if keys else {}
        answer = case.call(base_url=state.api_url, headers=headers)
        wanted = _CHECKS[:-1] if operation in _LENIENT else _CHECKS
        case.validate_response(answer, checks=wanted)

    ask()
