"""G5: a walk over every operation of the document, with what each role, each kind of key and each stranger has. It
answers as the table of rights says; nothing leaks, nothing changes, and what is another's is not there."""

import json
import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import httpx
import pytest

from control_plane.rights import OF_ROLES, OWN, PUBLIC
from store.database import owner_connection
from tests.servers.stack import RunningStack

from .census import changed, ledger_census
from .contract import assert_as_documented
from .guests import Guest, in_project, words_of
from .provoking import NOWHERE, Shop
from .tour import STEPS
from .touring import PLACES, Place, Step
from .walking import REFUSALS, Who, keys_of, members_of, others, those_who_name

# What is nobody's secret: whether a code would be valid here, the wallet of a customer of whom nothing is known, that
# nobody is in a group that is nowhere, and that nobody is erased.
_ANSWERED = {
    "validateCode": 200,
    "getWallet": 200,
    "listSegmentCustomers": 200,
    "listCollectionProducts": 200,
    "eraseCustomer": 202,
}


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The session's stack; everybody has an account of their own there."""
    state = stack.state
    keys = state.secret_key, state.publishable_key, state.admin_key
    async with (
        httpx.AsyncClient(base_url=state.api_url, timeout=30) as http,
        owner_connection(state.database_url, "tests") as owner,
    ):
        yield Shop(http, stack, keys, owner)


@pytest.fixture
async def guest(shop: Shop) -> Guest:
    """An account whose tour is over."""
    made = await Guest.arrive(shop)
    await made.take_the_tour()
    return made


@pytest.fixture
async def stranger(shop: Shop) -> Guest:
    return await Guest.arrive(shop)


def test_the_walk_knows_every_operation() -> None:
    assert {step.operation for step in STEPS} == set(PLACES)


def first_steps() -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for step in STEPS:
        steps.setdefault(step.operation, step)
    return steps


async def ask_for_nothing(http: httpx.AsyncClient, place: Place, headers: dict[str, str]) -> httpx.Response:
    """The operation, of what there is nowhere, with a body that no route takes: it does nothing for whoever may ask."""
    path = re.sub(r"{\w+}", f"xxx_{NOWHERE}", place.path)
    body = None if place.method == "GET" else {"?": 1}
    return await http.request(place.method, path, json=body, headers=headers)


async def test_g5_every_operation_refuses_whoever_may_not_and_nobody_else(
    guest: Guest, stranger: Guest, shop: Shop
) -> None:
    walkers = [*await keys_of(guest), *await members_of(guest), *those_who_name(guest, stranger)]
    secrets, steps, wrong = guest.secrets(), first_steps(), list[str]()
    assert len(walkers) == 25
    assert len(secrets) > 60
    before, orders = await ledger_census(shop), await _ordered(guest)
    for operation, place in PLACES.items():
        for who in walkers:
            code = who.verdict(place)
            if code is None:
                answer, asked = await ask_for_nothing(guest.http, place, who.headers), ""
                is_right = answer.status_code < 500 and _code_of(answer) not in REFUSALS
            else:
                answer, asked = await guest.again(steps[operation], who.headers), _asked(guest, steps[operation])
                is_right = _code_of(answer) == code and not secrets & words_of(answer.text) - words_of(asked)
            assert_as_documented(operation, answer)
            if not is_right:
                wrong.append(
                    f"{operation} by {who.name}: {code} expected, not {answer.status_code} {answer.text[:200]}"
                )
        guest.http.cookies.clear()
    assert wrong == []
    # Jobs of other tests may still be at work, and are none of this guest's.
    assert changed(before, await ledger_census(shop)) <= {"async_actions", "async_action_chunks"}
    assert await _ordered(guest) == orders


async def _ordered(guest: Guest) -> int:
    """How much was asked for in bulk."""
    count = "SELECT count(*) FROM async_actions WHERE project_id = ANY ($1)"
    return int(await guest.shop.owner.fetchval(count, [guest.project_id, guest.twin_id]))


def _code_of(answer: httpx.Response) -> str | None:
    return answer.json()["code"] if answer.status_code >= 400 else None


def _asked(guest: Guest, step: Step) -> str:
    return str(guest.tour.request(step))


def _names_a_thing(step: Step) -> bool:
    return re.search(r"{\w+\.", json.dumps(step.body)) is not None


async def test_g5_what_is_anothers_is_not_there(guest: Guest, stranger: Guest) -> None:
    before, wrong, walkers = await guest.seen(), list[str](), await others(guest, stranger)
    asked = [step for step in STEPS if PLACES[step.operation].right not in (PUBLIC, OWN)]
    looked_up = [step for step in asked if "{" in str(step.at) or PLACES[step.operation].method == "GET"]
    # Last: they may make things of their own that are called as the guest's are.
    told_of = [step for step in asked if step not in looked_up and _names_a_thing(step)]
    for who, step in [*product(walkers, looked_up), *product(walkers, told_of)]:
        secrets = guest.secrets(
            of_project_alone=guest.twin_id in str(who.headers) or guest.twin_key in str(who.headers)
        )
        assert len(secrets) > 30
        answer, code = await guest.again(step, who.headers), who.verdict(PLACES[step.operation])
        assert_as_documented(step.operation, answer)
        leaked = secrets & words_of(answer.text) - words_of(_asked(guest, step))
        if code is not None:
            is_right = _code_of(answer) == code
        elif any("{" in each for each in step.at):
            is_right = answer.status_code == _ANSWERED.get(step.operation, 404)
        else:
            is_right = answer.status_code < 500
        if leaked or not is_right:
            wrong.append(f"{step.operation} by {who.name}: {leaked} {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert await guest.seen() == before


async def test_g5_of_ones_own_person_nobody_else_ends_or_sees_a_session(shop: Shop, stranger: Guest) -> None:
    """Not even an owner of the account, nor a stranger who knows the id."""
    guest = await Guest.arrive(shop)
    admin = await guest.member("admin")
    path = f"/v1/me/sessions/{(await admin.get('/v1/me/sessions')).json()['data'][0]['id']}"
    for somebody in (guest.owner, stranger.owner):
        assert (await somebody("DELETE", path)).status_code == 404
        assert path.rpartition("/")[2] not in (await somebody.get("/v1/me/sessions")).text
    assert (await admin("DELETE", path)).status_code == 204


async def test_members_take_the_tour_with_the_rights_of_their_roles_and_the_log_has_it(shop: Shop) -> None:
    """What a manager may they do; an owner does the rest; the engine takes keys alone."""
    guest = await Guest.arrive(shop)
    manager = in_project((await guest.member("manager")).headers, guest.project_id)
    owner = in_project(guest.owner.headers, guest.project_id)
    taken: dict[str, int] = {"manager": 0, "owner": 0}
    for step in STEPS:
        place, headers = PLACES[step.operation], None
        if "session" in place.keys and not step.is_persons:
            role = "manager" if place.right in OF_ROLES["manager"] else "owner"
            headers, taken[role] = (manager if role == "manager" else owner), taken[role] + 1
        answer = await guest.take(step, headers)
        assert answer.status_code == step.status or answer.is_success, (step.operation, answer.text)
        assert_as_documented(step.operation, answer)
    assert taken["manager"] > 80
    assert taken["owner"] > 10
    await _assert_logged(guest)


async def _assert_logged(guest: Guest) -> None:
    """The log has what each change was before and after, and nobody's address, name or key."""
    pages: list[dict[str, Any]] = []
    path: str | None = "/v1/audit-log?limit=100"
    while path:
        page = (await guest.owner.get(path)).json()
        pages += page["data"]
        path = f"/v1/audit-log?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert len(pages) > 60
    text = json.dumps(pages)
    for personal in ("@example.com", "Ada", "grace@", guest.secret_key, guest.owner.cookie, guest.owner.csrf):
        assert personal not in text, personal
    without = {entry["action"] for entry in pages if entry["after"] is None and not entry["action"].endswith(".delete")}
    assert without <= _WITHOUT_AFTER, without
    changes = {entry["action"] for entry in pages if entry["before"] is None}
    assert not {action for action in changes if action.endswith(_CHANGES)}, changes


_WITHOUT_AFTER = {
    "member.add_totp", "member.change_password", "member.confirm_email", "member.end_session", "member.log_in",
    "member.log_out", "member.remove_totp", "member.reset_password",
}  # fmt: skip
"""What somebody does who has nothing to show of it but that it was done."""
_CHANGES = (
    ".update",
    ".pause",
    ".resume",
    ".enable",
    ".disable",
    ".block",
    ".unblock",
    ".revoke",
    ".remove",
    ".cancel",
    ".delete",
)


def test_whoever_asks_is_judged_by_one_table() -> None:
    """The table itself, where it is easily got wrong."""
    place = PLACES["redeemCode"]
    everybody = frozenset(OF_ROLES["owner"])
    assert Who("", {}, "session", everybody).verdict(place) == "invalid_api_key"
    assert Who("", {}, "key", everybody, "SECRET").verdict(place) is None
    assert Who("", {}, "key", frozenset({"vouchers:read"}), "SECRET", is_scoped=True).verdict(place) == "right_missing"
