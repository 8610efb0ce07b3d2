"""The OpenAPI document is true: every operation of it is called, and answers as it says; examples hold; strangers and
lesser keys get nothing."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from domain.outcomes import PROBLEMS
from tests.control_plane.client import Client, ok
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .contract import assert_as_documented, checker, of_schema, resolved
from .provoking import Shop, unique
from .tour import OF_PEOPLE, STEPS
from .touring import DOCUMENT, PLACES, Step, Tour

_OWN_ID = re.compile(r"\b[a-z]{3,4}_[0-9A-HJKMNP-TV-Z]{26}\b")
# What is nobody's secret: whether a code would be valid here, the wallet of a customer of whom nothing is known, that
# one is erased; and what strangers have said themselves of their own customer of the same name.
_ANSWERED = {"validateCode": 200, "getWallet": 200, "eraseCustomer": 202, "exportCustomer": 200}
# Refused or taken by other means than a route's own: the gateway's, and what no body and no path can bring about.
_OF_NO_ROUTE = {"method_not_allowed"}


class Guest:
    """An account of its own, and what its tour has seen."""

    def __init__(self, shop: Shop) -> None:
        self.http = shop.http
        self.secret_key, self.publishable_key, self.admin_key = shop.keys
        self.tour = Tour({"mark": unique("-")})
        self.answers: list[tuple[Step, httpx.Response]] = []

    async def take(self, step: Step) -> httpx.Response:
        answer = await self.tour.take(self.http, step, self.admin_key if step.is_admins else self.secret_key)
        self.answers.append((step, answer))
        return answer

    async def again(self, step: Step, key: str, **headers: str) -> httpx.Response:
        """The same call with another key."""
        method, path, body = self.tour.request(step)
        sent = {"Authorization": f"Bearer {key}", **headers} if key else headers
        return await self.http.request(method, path, json=body, headers=sent)


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The demo project of the session's stack."""
    state = stack.state
    async with httpx.AsyncClient(base_url=state.api_url, timeout=30) as http:
        yield Shop(http, stack, (state.secret_key, state.publishable_key, state.admin_key), None)


@pytest.fixture
async def guest(shop: Shop) -> Guest:
    """An account whose tour is over."""
    made = Guest(shop.account("unlimited"))
    for step in STEPS:
        await made.take(step)
    return made


def test_the_tour_goes_to_every_operation() -> None:
    assert {step.operation for step in STEPS} | OF_PEOPLE == set(PLACES)
    assert [name for name in OF_PEOPLE if PLACES[name].segments] == []


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


async def test_every_operation_answers_as_the_document_says(guest: Guest) -> None:
    for step, answer in guest.answers:
        assert answer.status_code == step.status or answer.is_success, (step.operation, answer.text)
        assert_as_documented(step.operation, answer)


async def test_g5_a_stranger_gets_nothing_of_it(guest: Guest, shop: Shop) -> None:
    stranger = shop.account("unlimited")
    told = [answer for step, answer in guest.answers if PLACES[step.operation].said["security"]]
    ids = {found for answer in told for found in _OWN_ID.findall(answer.text)}
    ids |= {str(guest.tour.known[name]["code"]) for name in ("voucher", "gift", "card", "referral")}
    assert len(ids) > 40
    await eventually(lambda: _is_at_rest(guest), "what was asked for in bulk")
    before = await _seen(guest)
    for step in STEPS:
        place = PLACES[step.operation]
        if not place.said["security"] or (not _names_a_thing(step) and place.method != "GET"):
            continue
        method, path, body = guest.tour.request(step)
        key = stranger.keys[2] if step.is_admins else stranger.keys[0]
        answer = await guest.http.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
        assert_as_documented(step.operation, answer)
        if any("{" in each for each in step.at):
            assert answer.status_code == _ANSWERED.get(step.operation, 404), (step.operation, answer.text)
        leaked = ids & set(re.findall(r"[\w-]+", answer.text)) - set(re.findall(r"[\w-]+", f"{path} {body}"))
        assert leaked == set(), (step.operation, answer.text)
    assert await _seen(guest) == before


def _names_a_thing(step: Step) -> bool:
    return "{" in str(step.at) or re.search(r"{\w+\.", str(step.body)) is not None


async def _seen(guest: Guest) -> dict[str, Any]:
    """What the guest's own things are now, but for what is signed anew each time."""
    reads = [step for step in STEPS if PLACES[step.operation].method == "GET" and "{" in str(step.at)]
    keys = {True: guest.admin_key, False: guest.secret_key}
    answers = {step.operation: await guest.again(step, keys[step.is_admins]) for step in reads}
    return {name: answer.json() for name, answer in answers.items() if not name.endswith(("Proof", "exportCustomer"))}


async def _is_at_rest(guest: Guest) -> bool:
    """Whether what was asked for in bulk is done."""
    client = Client(guest.http, guest.secret_key)
    waiting = [ok(await client.get(f"/v1/async-actions?status={status}")) for status in ("queued", "running")]
    return not any(each["data"] for each in waiting)


async def test_lesser_keys_are_refused_as_the_document_says(guest: Guest) -> None:
    seen: dict[str, Step] = {step.operation: step for step in STEPS}
    for operation, step in seen.items():
        keys = {name for each in PLACES[operation].said["security"] for name in each}
        if not keys:
            continue
        nobody = await guest.again(step, "")
        assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_api_key"), operation
        refused = {
            "publishableKey": (guest.publishable_key, "publishable_key"),
            "adminKey": (guest.admin_key, "secret_key_required"),
            "secretKey": (guest.secret_key, "admin_key_required"),
        }
        for name in refused.keys() - keys:
            key, code = refused[name]
            answer = await guest.again(step, key)
            assert (answer.status_code, answer.json()["code"]) == (403, code), (operation, name)
            assert_as_documented(operation, answer)
