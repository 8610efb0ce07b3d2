"""Members: invited, confined, changed, removed; and what is written of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from control_plane.app import open_context
from control_plane.context import Context
from control_plane.settings import Settings
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import SECRET
from tests.control_plane.people import PASSWORD, Person, all_of, confirm, invite, join, log_in, sign_up, token_for
from tests.servers.postgres import DatabaseUrls

A, B = "a@example.com", "b@example.com"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
async def context(database: DatabaseUrls, redis_url: str, scripts: Scripts, outbox: Path) -> AsyncIterator[Context]:
    async with open_context(Settings(database.app, redis_url, SECRET, mail_url=f"file://{outbox}", shards=2)) as opened:
        yield opened


async def test_an_invitation_is_accepted_once_by_whoever_has_the_mail(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    member_id, old = await invite(owner, B, "analyst", outbox, context.people.chores)
    again, token = await invite(owner, B, "manager", outbox, context.people.chores)
    assert member_id == again
    path = "/v1/invitations/accept"
    assert_problem(await http.post(path, json={"token": old, "password": PASSWORD}), "invalid_token")
    assert_problem(await http.post(path, json={"token": token}), "invalid_request", "/password")
    answer = await http.post(path, json={"token": token, "password": PASSWORD})
    assert ok(answer)["member"]["status"] == "active"
    assert_problem(await http.post(path, json={"token": token, "password": PASSWORD}), "invalid_token")
    member = Person(http, answer)
    me = ok(await member.get("/v1/me"))
    assert (me["member"]["role"], me["member"]["account_id"]) == ("manager", owner.account_id)
    assert me["person"]["email_verified"] is True
    assert_problem(await owner.post("/v1/members", {"email": B.upper(), "role": "analyst"}), "member_exists")
    listed = ok(await owner.get("/v1/members"))["data"]
    assert [(row["email"], row["role"], row["status"]) for row in listed] == [
        (B, "manager", "active"),
        (A, "owner", "active"),
    ]
    answer = await owner.post("/v1/members", {"email": "x", "role": "king", "project_ids": []})
    assert_problem(answer, "invalid_request", "/email", "/role", "/project_ids")


async def test_who_claimed_an_address_in_advance_gets_into_no_account_by_it(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    """Signed up with another's address: the invitation replaces the password, and every session ends."""
    thief = await sign_up(http, B, "the thief's own password")
    owner = await sign_up(http, A)
    _, token = await invite(owner, B, "admin", outbox, context.people.chores)
    path = "/v1/invitations/accept"
    assert_problem(await http.post(path, json={"token": token}), "invalid_request", "/password")
    ok(await http.post(path, json={"token": token, "password": PASSWORD}))
    assert_problem(await thief.get("/v1/me"), "invalid_session")
    answer = await http.post("/v1/login", json={"email": B, "password": "the thief's own password"})
    assert_problem(answer, "invalid_credentials")
    # Who has proven the address keeps the password, joins without one, and says which account is meant.
    third = await sign_up(http, "c@example.com")
    _, token = await invite(third, B, "analyst", outbox, context.people.chores)
    assert_problem(await http.post(path, json={"token": token, "password": PASSWORD}), "invalid_request", "/password")
    assert ok(await http.post(path, json={"token": token}))["session"] is None
    there = await log_in(http, B, account_id=third.account_id)
    assert there.body["member"]["role"] == "analyst"
    assert len(there.body["memberships"]) == 3
    answer = await http.post("/v1/login", json={"email": B, "password": PASSWORD, "account_id": "acc_x"})
    assert_problem(answer, "not_a_member")


async def test_a_member_who_is_removed_or_changed_is_so_at_once(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    member = await join(owner, B, "admin", outbox, context.people.chores)
    path = f"/v1/members/{member.member_id}"
    ok(await member.get("/v1/members"))
    for change in ({"role": "owner"}, {"role": "king"}):
        answer = await member("PATCH", path, change)
        assert answer.json()["code"] == ("right_missing" if change["role"] == "owner" else "invalid_request")
    for method in ("PATCH", "DELETE"):
        assert_problem(await member(method, f"/v1/members/{owner.member_id}", {}), "right_missing")
    answer = await owner("PATCH", path, {"role": "admin", "project_ids": [owner.body["projects"][0]["id"]]})
    assert_problem(answer, "invalid_request", "/project_ids")
    assert ok(await owner("PATCH", path, {"role": "analyst"}))["role"] == "analyst"
    assert_problem(await member.get("/v1/members"), "right_missing")
    assert ok(await owner("DELETE", path))["status"] == "removed"
    assert_problem(await member.get("/v1/me"), "invalid_session")
    assert_problem(await owner("DELETE", path), "member_not_found")
    answer = await http.post("/v1/login", json={"email": B, "password": PASSWORD})
    assert_problem(answer, "not_a_member")
    _, token = await invite(owner, B, "analyst", outbox, context.people.chores)
    ok(await http.post("/v1/invitations/accept", json={"token": token}))
    await log_in(http, B)


async def test_an_account_keeps_an_owner_even_of_two_who_remove_each_other(
    http: httpx.AsyncClient, context: Context, outbox: Path, owner: Any
) -> None:
    first = await sign_up(http, A)
    for method, body in (("DELETE", None), ("PATCH", {"role": "admin"})):
        assert_problem(await first(method, f"/v1/members/{first.member_id}", body), "last_owner")
    second = await join(first, B, "owner", outbox, context.people.chores)
    answers = await all_of(
        first("DELETE", f"/v1/members/{second.member_id}"), second("DELETE", f"/v1/members/{first.member_id}")
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 404], [200, 409])
    left = await owner.fetchval("SELECT count(*) FROM members WHERE role = 'owner' AND status = 'active'")
    assert left == 1


async def test_a_confined_member_sees_only_those_projects(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    await confirm(owner, outbox, context.people.chores)
    mine, other = (project["id"] for project in owner.body["projects"])
    answer = await owner.post("/v1/members", {"email": B, "role": "manager", "project_ids": ["prj_x"]})
    assert_problem(answer, "invalid_request", "/project_ids/0")
    member = await join(owner, B, "manager", outbox, context.people.chores, project_ids=[mine])
    assert [row["id"] for row in ok(await member.get("/v1/projects"))["data"]] == [mine]
    ok(await member.get(f"/v1/projects/{mine}"))
    assert_problem(await member.get(f"/v1/projects/{other}"), "project_not_found")
    ok(await member.get("/v1/campaigns", headers={"Vauchflow-Project": mine}))
    answer = await member.get("/v1/campaigns", headers={"Vauchflow-Project": other})
    assert_problem(answer, "project_not_found")


async def test_the_audit_log_says_who_did_what_and_what_was_before(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    member_id, token = await invite(owner, B, "analyst", outbox, context.people.chores)
    ok(await owner("PATCH", f"/v1/members/{member_id}", {"role": "manager"}))
    listed = await owner.get("/v1/audit-log?subject=member")
    entries = ok(listed)["data"]
    assert [entry["action"] for entry in entries] == ["member.update", "member.invite", "member.confirm_email"]
    assert {entry["actor"] for entry in entries} == {owner.member_id}
    assert (entries[0]["before"]["role"], entries[0]["after"]["role"]) == ("analyst", "manager")
    assert token not in listed.text
    first = ok(await owner.get("/v1/audit-log?limit=1"))
    rest = ok(await owner.get(f"/v1/audit-log?cursor={first['next_cursor']}"))["data"]
    assert [entry["action"] for entry in first["data"] + rest][-3:] == [
        "project.create",
        "project.create",
        "account.create",
    ]
    until = entries[1]["created_at"].replace(":", "%3A")
    assert len(ok(await owner.get(f"/v1/audit-log?until={until}"))["data"]) == 4
    assert ok(await owner.get("/v1/audit-log?actor=key_x"))["data"] == []
    for wrong in ("since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-14:00", "since=x", "nonsense=1"):
        assert_problem(await owner.get(f"/v1/audit-log?{wrong}"), "invalid_request")
    stranger = await sign_up(http, "c@example.com")
    assert not {e["id"] for e in ok(await stranger.get("/v1/audit-log"))["data"]} & {e["id"] for e in entries}
    key = Client(http, owner.body["projects"][0]["secret_key"])
    assert_problem(await key.get("/v1/audit-log"), "admin_key_required")


async def test_a_retried_invitation_is_one_and_mailed_once(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    await confirm(owner, outbox, context.people.chores)
    key = {"Idempotency-Key": "k1"}
    first = created(await owner.post("/v1/members", {"email": B, "role": "analyst"}, headers=key))
    again = await owner.post("/v1/members", {"email": B, "role": "analyst"}, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first, "true")
    await context.people.chores.done()
    ok(await http.post("/v1/invitations/accept", json={"token": token_for(outbox, B), "password": PASSWORD}))


async def test_of_many_who_invite_somebody_at_once_the_last_has_the_token_that_counts(
    http: httpx.AsyncClient, context: Context, outbox: Path
) -> None:
    owner = await sign_up(http, A)
    await confirm(owner, outbox, context.people.chores)
    for n in range(3):
        body = {"email": f"many{n}@example.com", "role": "analyst"}
        invited = [created(answer) for answer in await all_of(*(owner.post("/v1/members", body) for _ in range(4)))]
        assert len({member["id"] for member in invited}) == 1


async def test_403_a_confined_key_makes_no_member_who_may_more(http: httpx.AsyncClient, tenancy: Tenancy) -> None:
    scopes = ["members:read", "members:write"]
    made = created(await tenancy.admin.post("/v1/api-keys", {"type": "ADMIN", "scopes": scopes}))
    key = Client(http, made["key"])
    assert_problem(await key.post("/v1/members", {"email": B, "role": "admin"}), "right_missing")
    member = created(await tenancy.admin.post("/v1/members", {"email": B, "role": "analyst"}))
    assert_problem(await key.patch(f"/v1/members/{member['id']}", {"role": "manager"}), "right_missing")
    assert ok(await key.get(f"/v1/members/{member['id']}"))["role"] == "analyst"
