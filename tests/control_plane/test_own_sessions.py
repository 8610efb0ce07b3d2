"""One's own sessions, one's own address, and what the log of each account says of both."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from control_plane.app import open_context
from control_plane.context import Context
from control_plane.cookies import token_hash
from control_plane.people.confirming import UNCONFIRMED_INVITATIONS
from control_plane.settings import Settings
from store.scripts import Scripts
from tests.control_plane.client import Client, assert_problem, created, ok
from tests.control_plane.conftest import SECRET
from tests.control_plane.people import PASSWORD, Person, confirm, invite, log_in, mails_to, sign_up, token_for
from tests.servers.postgres import DatabaseUrls

A, B = "a@example.com", "b@example.com"
CONFIRM = "/v1/me/email-confirmation"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
async def context(database: DatabaseUrls, redis_url: str, scripts: Scripts, outbox: Path) -> AsyncIterator[Context]:
    settings = Settings(database.app, redis_url, SECRET, mail_url=f"file://{outbox}", shards=2)
    async with open_context(settings) as opened:
        yield opened


async def sessions_of(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(await person.get("/v1/me/sessions"))["data"]
    return found


async def actions_of(person: Person) -> list[str]:
    """What the log says of members, newest first."""
    return [entry["action"] for entry in ok(await person.get("/v1/audit-log?subject=member"))["data"]]


async def test_each_session_is_listed_and_ended_by_its_person_alone(http: httpx.AsyncClient, owner: Any) -> None:
    first, second, other = await sign_up(http, A), await log_in(http, A), await sign_up(http, B)
    listed = await sessions_of(second)
    assert [session["current"] for session in listed] == [True, False]
    assert {session["account_id"] for session in listed} == {first.account_id}
    assert first.cookie not in str(listed)
    page = ok(await second.get("/v1/me/sessions?limit=1"))
    rest = ok(await second.get(f"/v1/me/sessions?limit=1&cursor={page['next_cursor']}"))
    assert page["data"] + rest["data"] == listed
    path = f"/v1/me/sessions/{listed[1]['id']}"
    for nobodys in (path, "/v1/me/sessions/x", f"/v1/me/sessions/ses_{'0' * 26}"):
        assert_problem(await other("DELETE", nobodys), "session_not_found")
    assert_problem(await second("DELETE", path, headers={"Vauchflow-CSRF": other.csrf}), "csrf_failed")
    ended = await second("DELETE", path)
    assert (ended.status_code, ended.content) == (204, b"")
    assert_problem(await first.get("/v1/me"), "invalid_session")
    assert_problem(await second("DELETE", path), "session_not_found")
    assert [session["id"] for session in await sessions_of(second)] == [listed[0]["id"]]
    assert (await actions_of(second))[0] == "member.end_session"
    assert (await second("DELETE", f"/v1/me/sessions/{listed[0]['id']}")).status_code == 204
    assert_problem(await second.get("/v1/me/sessions"), "invalid_session")
    ok(await other.get("/v1/me"))
    again = await log_in(http, A)
    idle = await log_in(http, A)
    idle_hash = token_hash(SECRET, idle.cookie)
    await owner.execute("UPDATE sessions SET seen_at = now() - interval '13 hours' WHERE token_hash = $1", idle_hash)
    assert len(await sessions_of(again)) == 1


async def test_403_who_has_not_confirmed_their_address_invites_few(
    http: httpx.AsyncClient, context: Context, outbox: Path, owner: Any
) -> None:
    person, wish = await sign_up(http, A), {"email": B, "role": "analyst"}
    for _ in range(UNCONFIRMED_INVITATIONS):
        created(await person.post("/v1/members", {**wish, "email": "d@example.com"}))
    assert_problem(await person.post("/v1/members", wish), "email_unconfirmed")
    key = Client(http, created(await person.post("/v1/api-keys", {"type": "ADMIN"}))["key"])
    assert_problem(await key.post("/v1/members", wish), "email_unconfirmed")
    await context.people.chores.done()
    assert mails_to(outbox, B) == []
    (mail,) = mails_to(outbox, A)
    assert token_for(outbox, A) in mail["text"]
    assert_problem(await person.post(f"{CONFIRM}/confirm", {"token": "x"}), "invalid_token")
    await confirm(person, outbox, context.people.chores)
    created(await person.post("/v1/members", wish))
    created(await key.post("/v1/members", {**wish, "email": "c@example.com"}))
    answer = await person.post(f"{CONFIRM}/confirm", {"token": token_for(outbox, A)})
    assert_problem(answer, "invalid_token")
    assert "member.confirm_email" in await actions_of(person)


async def test_what_was_mailed_confirms_nothing_without_the_session_of_who_signed_up(
    http: httpx.AsyncClient, context: Context, outbox: Path, owner: Any
) -> None:
    claimant, other = await sign_up(http, A), await sign_up(http, B)
    await context.people.chores.done()
    first = token_for(outbox, A)
    assert_problem(await http.post(f"{CONFIRM}/confirm", json={"token": first}), "invalid_api_key")
    assert_problem(await other.post(f"{CONFIRM}/confirm", {"token": first}), "invalid_token")
    assert (await claimant.post(CONFIRM)).status_code == 202
    await context.people.chores.done()
    assert len(mails_to(outbox, A)) == 2
    assert_problem(await claimant.post(f"{CONFIRM}/confirm", {"token": first}), "invalid_token")
    await owner.execute("UPDATE people SET confirm_expires_at = now() WHERE email = $1", A)
    assert_problem(await claimant.post(f"{CONFIRM}/confirm", {"token": token_for(outbox, A)}), "invalid_token")
    assert (await claimant.post(CONFIRM)).status_code == 202
    await confirm(claimant, outbox, context.people.chores)
    assert (await claimant.post(CONFIRM)).status_code == 202
    await context.people.chores.done()
    assert len(mails_to(outbox, A)) == 3
    assert ok(await claimant.get("/v1/me"))["person"]["email_verified"]
    assert not ok(await other.get("/v1/me"))["person"]["email_verified"]


async def test_a_reset_is_in_the_log_of_each_account_and_makes_an_address_good_enough_to_invite(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    host = await sign_up(http, A)
    _, token = await invite(host, B, "manager", outbox, context.people.chores)
    claimant = await sign_up(http, B)
    assert (await http.post("/v1/password-resets", json={"email": B})).status_code == 202
    await context.people.chores.done()
    reset = {"token": token_for(outbox, B, "reset-password"), "password": PASSWORD}
    ok(await http.post("/v1/password-resets/confirm", json=reset))
    assert_problem(await claimant.get("/v1/me"), "invalid_session")
    ok(await http.post("/v1/invitations/accept", json={"token": token}))
    own = await log_in(http, B, account_id=claimant.account_id)
    created(await own.post("/v1/members", {"email": "c@example.com", "role": "analyst"}))
    ok(await own.post("/v1/me/password", {"password": PASSWORD, "new_password": PASSWORD + "!"}))
    assert (await actions_of(host))[0] == "member.change_password"
    again = await log_in(http, B, PASSWORD + "!", account_id=claimant.account_id)
    actions = await actions_of(again)
    assert {"member.reset_password", "member.change_password"} <= set(actions)
    assert "member.reset_password" not in await actions_of(host)  # it was before they were a member
    assert B not in (await host.get("/v1/audit-log")).text
