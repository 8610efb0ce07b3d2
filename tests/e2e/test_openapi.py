"""The OpenAPI document is true: every operation of it is called, and answers as it says; examples hold."""

from collections.abc import AsyncIterator

import httpx
import pytest

from domain.outcomes import PROBLEMS
from tests.servers.stack import RunningStack

from .contract import assert_as_documented, checker, of_schema, resolved
from .guests import Guest
from .provoking import Shop
from .touring import DOCUMENT, PLACES

# Refused or taken by other means than a route's own: the gateway's, and what no body and no path can bring about.
_OF_NO_ROUTE = {"method_not_allowed"}


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The demo project of the session's stack."""
    state = stack.state
    async with httpx.AsyncClient(base_url=state.api_url, timeout=30) as http:
        yield Shop(http, stack, (state.secret_key, state.publishable_key, state.admin_key), None)


@pytest.fixture
async def guest(shop: Shop) -> Guest:
    """An account whose tour is over."""
    made = await Guest.arrive(shop)
    await made.take_the_tour()
    return made


def test_every_code_of_the_catalogue_is_some_routes() -> None:
    examples = set(DOCUMENT["components"]["examples"])
    assert set(PROBLEMS) - examples == _OF_NO_ROUTE


@pytest.mark.parametrize("operation", sorted(PLACES))
def test_examples_are_what_their_schemas_say(operation: str) -> None:
    said = PLACES[operation].said
    for media in said.get("requestBody", {}).get("content", {}).values():
        if "example" in media:
            of_schema(media["schema"]).validate(media["example"])
    for status, answer in said["responses"].items():
        for media in resolved(answer).get("content", {}).values():
            shown = [media["example"]] if "example" in media else []
            shown += [resolved(each)["value"] for each in media.get("examples", {}).values()]
            for example in shown:
                checker(operation, status).validate(example)


def test_bodies_and_answers_have_examples() -> None:
    bodies = [at.said["requestBody"]["content"] for at in PLACES.values() if "requestBody" in at.said]
    bodies = [one for one in bodies if "application/json" in one]
    with_fields = [
        one for one in bodies if not one["application/json"]["schema"]["$ref"].endswith(("/NoBody", "/Nothing"))
    ]
    assert [one for one in with_fields if "example" not in one["application/json"]] == []


def test_every_answer_with_a_body_has_an_example() -> None:
    answers = [
        (operation, status, media)
        for operation, place in PLACES.items()
        for status, answer in place.said["responses"].items()
        for media in resolved(answer).get("content", {}).values()
    ]
    without = [each[:2] for each in answers if not {"example", "examples"} & set(each[2])]
    assert without == [("getOpenApiDocument", "200")]


async def test_every_operation_answers_as_the_document_says(guest: Guest) -> None:
    for step, answer in guest.answers:
        assert answer.status_code == step.status or answer.is_success, (step.operation, answer.text)
        assert_as_documented(step.operation, answer)
