"""Every route of the OpenAPI document is asked what nobody would think of: no 5xx, no status and no body that the
document does not have, and nothing accepted that it forbids."""

import asyncio
import copy
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
from tools.dev.state import State

from .provoking import unique
from .touring import DOCUMENT, PLACES, Place

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
# Refusals as others are, which schemathesis does not count among them.
_TOO_LONG = (413, 414)
# They take nothing that could be spelled wrong.
_NOT_ASKED = {"getOpenApiDocument", "getResult"}


def _without_who_asks() -> dict[str, Any]:
    """The document without the headers that say who asks: the tests send their own, and test_walk.py goes to them."""
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    theirs = [{"$ref": f"#/components/parameters/{name}"} for name in ("Csrf", "Project")]
    for said in (each for methods in document["paths"].values() for each in methods.values()):
        said["parameters"] = [each for each in said.get("parameters", ()) if each not in theirs]
        said["security"] = []
    return document


_SCHEMA = schemathesis.openapi.from_dict(_without_who_asks())
_FOUND: list[Any] = [one.ok() for one in _SCHEMA.get_all_operations()]  # type: ignore[union-attr]
_OPERATIONS = {one.definition.raw["operationId"]: one for one in _FOUND}


def _modes(operation: str) -> list[GenerationMode]:
    """As the document has it; and as it must not be, where there is anything that could be wrong."""
    said = _OPERATIONS[operation].definition.raw
    could_be_wrong = "requestBody" in said or any(each.get("in") != "path" for each in said["parameters"])
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if could_be_wrong else [GenerationMode.POSITIVE]


_NAMES = {GenerationMode.POSITIVE: "as it is", GenerationMode.NEGATIVE: "as it is not"}
_ASKED = [
    pytest.param(operation, mode, id=f"{operation} {_NAMES[mode]}")
    for operation in sorted(set(PLACES) - _NOT_ASKED)
    for mode in _modes(operation)
]


@pytest.mark.parametrize(("operation", "mode"), _ASKED)
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
        case.validate_response(answer, checks=_CHECKS[:-1] if answer.status_code in _TOO_LONG else _CHECKS)

    await asyncio.to_thread(ask)


async def _headers_of(state: State, place: Place) -> dict[str, str]:
    """What says who asks: whoever may; somebody new where it is about a person's own things."""
    if not place.keys:
        return {}
    if place.keys == {"session"}:
        async with httpx.AsyncClient(base_url=state.api_url, timeout=30) as http:
            return (await sign_up(http, f"{unique('u')}@example.com")).headers
    return {"Authorization": f"Bearer {state.secret_key if 'secretKey' in place.keys else state.admin_key}"}
