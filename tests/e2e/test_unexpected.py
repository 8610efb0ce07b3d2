"""Every route of the OpenAPI document is asked what nobody would think of: no 5xx, no status and no body that the
document does not have, and nothing accepted that it forbids."""

import asyncio
import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.control_plane.people import sign_up
from tests.servers.stack import RunningStack
from tools.dev.paths import ROOT
from tools.dev.state import State

from .provoking import unique
from .touring import PLACES, Place

_CASES = int(os.environ.get("VAUCHFLOW_CONTRACT_CASES", "2"))
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
_SCHEMA = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json")
_FOUND: list[Any] = [one.ok() for one in _SCHEMA.get_all_operations()]  # type: ignore[union-attr]
_OPERATIONS = {one.definition.raw["operationId"]: one for one in _FOUND}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as it is", "as it is not"])
@pytest.mark.parametrize("operation", sorted(set(PLACES) - _NOT_ASKED))
async def test_whatever_is_asked_is_answered_as_documented(
    stack: RunningStack, operation: str, mode: GenerationMode
) -> None:
    asked, headers = _OPERATIONS[operation], await _headers_of(stack.state, PLACES[operation])

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
        answer = case.call(base_url=stack.state.api_url, headers=headers)
        case.validate_response(answer, checks=_CHECKS)

    await asyncio.to_thread(ask)


async def _headers_of(state: State, place: Place) -> dict[str, str]:
    """What says who asks: whoever may; somebody new where it is about a person's own things."""
    if not place.keys:
        return {}
    if place.keys == {"session"}:
        async with httpx.AsyncClient(base_url=state.api_url, timeout=30) as http:
            return (await sign_up(http, f"{unique('u')}@example.com")).headers
    return {"Authorization": f"Bearer {state.secret_key if 'secretKey' in place.keys else state.admin_key}"}
