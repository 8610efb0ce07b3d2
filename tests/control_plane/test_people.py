"""Signing up and in, sessions, what a page must prove, second factors, and ways back in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from control_plane import attempts
from control_plane.app import open_context
from control_plane.context import Context
from control_plane.people import second_factor
from control_plane.settings import Settings
from store.scripts import Scripts
from tests.control_plane.client import Client, assert_problem, created, ok
from tests.control_plane.conftest import SECRET
from tests.control_plane.people import PASSWORD, Person, cookie_of, log_in, mails_to, modes_of, sign_up, token_for
from tests.servers.postgres import DatabaseUrls

A = "a@example.com"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
async def context(database: DatabaseUrls, redis_url: str, scripts: Scripts, outbox: Path) -> AsyncIterator[Context]:
    settings = Settings(database.app, redis_url, SECRET, mail_url=f"file://{outbox}", shards=2)
    async with open_context(settings) as opened:
        yield opened


async def test_201_signing_up_gives_an_account_two_projects_and_a_session(http: httpx.AsyncClient, owner: Any) -> None:
    body = {"email": " A@Example.com ", "password": PASSWORD, "account": "Acme"}
    answer = await http.post("/v1/signup", json=body)
    made = created(answer)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert (made["person"]["email"], made["member"]["role"], made["person"]["email_verified"]) == (A, "owner", False)
    live, test = made["projects"]
    assert (live["mode"], test["mode"], test["twin_of"]) == ("live", "test", live["id"])
    for project in (live, test):
        ok(await Client(http, project["secret_key"]).get("/v1/vouchers"))
    person = Person(http, answer)
    me = ok(await person.get("/v1/me"))
    assert me == {name: made[name] for name in me}
    account = ok(await person.get("/v1/account"))
    assert (account["name"], account["plan"]) == ("Acme", "free")
    stored = await owner.fetchrow("SELECT p.*, s.token_hash FROM people p JOIN sessions s ON s.person_id = p.id")
    assert PASSWORD not in str(dict(stored))
    assert person.cookie.encode() not in stored["token_hash"]
    assert "m=65536,t=3,p=4" in stored["password_hash"]
    assert_problem(await http.post("/v1/signup", json={**body, "account": "Other"}), "email_taken")
    assert await owner.fetchval("SELECT count(*) FROM accounts") == 1


async def test_the_cookie_is_secure_but_on_plain_loopback(http: httpx.AsyncClient) -> None:
    answers = {}
    for number, headers in enumerate(
        ({"Host": "127.0.0.1:8700"}, {"Host": "localhost", "X-Forwarded-Proto": "https"}, {"Host": "shop.example"})
    ):
        body = {"email": f"p{number}@example.com", "password": PASSWORD, "account": "Acme"}
        answers[number] = (
            "; Secure" in (await http.post("/v1/signup", json=body, headers=headers)).headers["set-cookie"]
        )
    assert answers == {0: False, 1: True, 2: True}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"password": "short"}, "/password"),
        ({"password": "x" * 201}, "/password"),
        ({"email": "nobody"}, "/email"),
        ({"email": "a\n@example.com"}, "/email"),
        ({"email": f"{'a' * 65}@example.com"}, "/email"),
        ({"email": "a,b@example.com"}, "/email"),
        ({"email": "<b@example.com"}, "/email"),
        ({"account": ""}, "/account"),
        ({"currency": "euro"}, "/currency"),
        ({"plan": "unlimited"}, "/plan"),
    ],
)
async def test_422_signing_up(http: httpx.AsyncClient, change: dict[str, str], pointer: str) -> None:
    body = {"email": A, "password": PASSWORD, "account": "Acme", **change}
    assert_problem(await http.post("/v1/signup", json=body), "invalid_request", pointer)


async def test_a_session_ends_with_logout_and_nothing_else_does(http: httpx.AsyncClient) -> None:
    first = await sign_up(http, A)
    second = await log_in(http, A)
    answer = await first.post("/v1/logout")
    ok(answer)
    assert cookie_of(answer) == ""
    assert_problem(await first.get("/v1/me"), "invalid_session")
    ok(await second.get("/v1/me"))
    for nonsense in ("x", "A" * 43, "é" * 20):
        answer = await http.get("/v1/me", headers=[(b"Cookie", f"vf_session={nonsense}".encode())])
        assert_problem(answer, "invalid_session")


async def test_sessions_end_when_they_are_idle_and_when_they_are_old(http: httpx.AsyncClient, owner: Any) -> None:
    person = await sign_up(http, A)
    await owner.execute("UPDATE sessions SET seen_at = now() - interval '11 hours 59 minutes'")
    ok(await person.get("/v1/me"))
    assert await owner.fetchval("SELECT now() - seen_at < interval '1 minute' FROM sessions")
    await owner.execute("UPDATE sessions SET seen_at = now() - interval '12 hours 1 second'")
    assert_problem(await person.get("/v1/me"), "invalid_session")
    await owner.execute("UPDATE sessions SET seen_at = now(), created_at = now() - interval '30 days 1 second'")
    assert_problem(await person.get("/v1/me"), "invalid_session")


async def test_401_is_the_same_for_nobody_and_for_a_wrong_password(
    http: httpx.AsyncClient, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(http, A)
    worked: list[bool] = []
    verify = context.people.passwords._verify

    def counted(stored: str, password: str) -> bool:
        worked.append(True)
        return verify(stored, password)

    monkeypatch.setattr(context.people.passwords, "_verify", counted)
    bodies = []
    for email in (A, "nobody@example.com"):
        answer = await http.post("/v1/login", json={"email": email, "password": "wrong"})
        bodies.append({**assert_problem(answer, "invalid_credentials"), "request_id": ""})
    assert bodies[0] == bodies[1]
    assert worked == [True, True]  # as much work for nobody as for somebody


async def test_403_a_change_needs_the_pages_token_and_our_origin(http: httpx.AsyncClient) -> None:
    person = await sign_up(http, A)
    for wrong in ("", "x", person.csrf.upper() + "0"):
        answer = await person.post("/v1/projects", {"name": "B"}, headers={"Vauchflow-CSRF": wrong})
        assert_problem(answer, "csrf_failed")
    for origin in ("https://evil.example", "null"):
        answer = await person.post("/v1/projects", {"name": "B"}, headers={"Origin": origin})
        assert_problem(answer, "csrf_failed")
        answer = await http.post("/v1/login", json={"email": A, "password": PASSWORD}, headers={"Origin": origin})
        assert_problem(answer, "csrf_failed")
    created(await person.post("/v1/projects", {"name": "B"}, headers={"Origin": "http://control"}))
    other = await log_in(http, A)
    answer = await person.post("/v1/projects", {"name": "C"}, headers={"Vauchflow-CSRF": other.csrf})
    assert_problem(answer, "csrf_failed")


async def test_a_session_names_its_project_and_sees_no_other_accounts(http: httpx.AsyncClient) -> None:
    person, stranger = await sign_up(http, A), await sign_up(http, "b@example.com")
    project = person.body["projects"][0]["id"]
    assert_problem(await person.get("/v1/vouchers"), "secret_key_required")
    named = {"Vauchflow-Project": project}
    assert ok(await person.get("/v1/vouchers", headers=named))["data"] == []
    assert_problem(await stranger.get("/v1/vouchers", headers=named), "project_not_found")
    assert_problem(await stranger.get(f"/v1/members/{person.member_id}"), "member_not_found")


async def test_403_a_key_is_no_session(http: httpx.AsyncClient) -> None:
    person = await sign_up(http, A)
    key = Client(http, person.body["projects"][0]["secret_key"])
    assert_problem(await key.get("/v1/me"), "session_required")


async def test_429_too_many_attempts_at_an_address_and_by_a_client(
    http: httpx.AsyncClient, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_BY_ADDRESS", 2)
    await sign_up(http, A)
    wrong = {"email": A, "password": "wrong"}
    for _ in range(2):
        assert_problem(await http.post("/v1/login", json=wrong), "invalid_credentials")
    for password in ("wrong", PASSWORD):
        answer = await http.post("/v1/login", json={"email": A, "password": password})
        assert_problem(answer, "rate_limited")
    assert_problem(await http.post("/v1/login", json={**wrong, "email": "c@example.com"}), "invalid_credentials")
    context.people.client_attempts = 1
    assert_problem(await http.post("/v1/login", json={**wrong, "email": "d@example.com"}), "rate_limited")
    elsewhere = {"X-Forwarded-For": "198.51.100.7"}
    answer = await http.post("/v1/login", json={**wrong, "email": "d@example.com"}, headers=elsewhere)
    assert_problem(answer, "invalid_credentials")


async def test_the_second_factor_is_asked_for_and_no_code_is_taken_twice(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1_800_000_000]
    monkeypatch.setattr(second_factor, "now_ms", lambda: now_s[0] * 1000)
    person = await sign_up(http, A)
    assert_problem(await person.post("/v1/me/totp/confirm", {"code": "123456"}), "totp_inactive")
    begun = ok(await person.post("/v1/me/totp"))
    assert begun["otpauth_uri"].startswith("otpauth://totp/Vauchflow:a%40example.com?secret=")
    totp = pyotp.TOTP(begun["secret"])
    assert ok(await person.get("/v1/me"))["person"]["totp"] is False
    assert_problem(await person.post("/v1/me/totp/confirm", {"code": "abcdef"}), "invalid_credentials")
    first = totp.at(now_s[0])
    recovery = ok(await person.post("/v1/me/totp/confirm", {"code": first}))["recovery_codes"]
    assert len(set(recovery)) == 10
    assert_problem(await person.post("/v1/me/totp"), "totp_active")
    sent = {"email": A, "password": PASSWORD}
    assert_problem(await http.post("/v1/login", json=sent), "totp_required")
    assert_problem(await http.post("/v1/login", json={**sent, "password": "wrong"}), "invalid_credentials")
    assert_problem(await http.post("/v1/login", json={**sent, "totp": first}), "invalid_credentials")
    now_s[0] += 30
    await log_in(http, A, totp=totp.at(now_s[0]))
    assert_problem(await http.post("/v1/login", json={**sent, "totp": totp.at(now_s[0])}), "invalid_credentials")
    assert_problem(await http.post("/v1/login", json={**sent, "totp": totp.at(now_s[0] + 90)}), "invalid_credentials")
    back = await log_in(http, A, totp=recovery[0].lower())
    assert back.body["person"]["recovery_codes_left"] == 9
    assert_problem(await http.post("/v1/login", json={**sent, "totp": recovery[0]}), "invalid_credentials")
    assert_problem(await back("DELETE", "/v1/me/totp", {"code": recovery[0]}), "invalid_credentials")
    ok(await back("DELETE", "/v1/me/totp", {"code": recovery[1]}))
    assert_problem(await back("DELETE", "/v1/me/totp", {"code": recovery[2]}), "totp_inactive")
    await log_in(http, A)


async def test_a_changed_password_ends_every_session_but_the_one_that_asked(http: httpx.AsyncClient) -> None:
    person, other = await sign_up(http, A), await log_in(http, A)
    body = {"password": "wrong", "new_password": "another good password"}
    assert_problem(await person.post("/v1/me/password", body), "invalid_credentials")
    answer = await person.post("/v1/me/password", {**body, "password": PASSWORD})
    ok(answer)
    for ended in (person, other):
        assert_problem(await ended.get("/v1/me"), "invalid_session")
    ok(await Person(http, answer).get("/v1/me"))
    await log_in(http, A, "another good password")


async def test_a_password_is_reset_once_by_what_was_mailed(
    http: httpx.AsyncClient, context: Context, outbox: Path, owner: Any
) -> None:
    person = await sign_up(http, A)
    answers = [await http.post("/v1/password-resets", json={"email": email}) for email in (A, "nobody@example.com")]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    await context.people.chores.done()
    assert mails_to(outbox, "nobody@example.com") == []
    assert set(modes_of(outbox)) == {0o600}
    token = token_for(outbox, A, "reset-password")
    assert await owner.fetchval("SELECT position($1::text::bytea IN reset_hash) FROM people", token) == 0
    body = {"token": token, "password": "a wholly new password"}
    assert_problem(await http.post("/v1/password-resets/confirm", json={**body, "token": "x"}), "invalid_token")
    ok(await http.post("/v1/password-resets/confirm", json=body))
    assert_problem(await http.post("/v1/password-resets/confirm", json=body), "invalid_token")
    assert_problem(await person.get("/v1/me"), "invalid_session")
    assert (await log_in(http, A, body["password"])).body["person"]["email_verified"] is True
    await http.post("/v1/password-resets", json={"email": A})
    await context.people.chores.done()
    await owner.execute("UPDATE people SET reset_expires_at = now() - interval '1 second'")
    answer = await http.post("/v1/password-resets/confirm", json={**body, "token": token_for(outbox, A)})
    assert_problem(answer, "invalid_token")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE people SET password_hash = password_hash || 'x'", "invalid_credentials"),
        ("UPDATE members SET status = 'removed'", "not_a_member"),
    ],
)
async def test_no_session_begins_behind_what_ends_them(
    http: httpx.AsyncClient, context: Context, owner: Any, monkeypatch: pytest.MonkeyPatch, change: str, code: str
) -> None:
    await sign_up(http, A)
    await context.people.chores.done()
    opened, open_tx = list[tuple[str, ...]](), context.database.person_tx

    @asynccontextmanager
    async def changed_in_between(*ids: str) -> AsyncIterator[Any]:
        opened.append(ids)
        if len(opened) == 2:  # the password is right, the session has not begun
            await owner.execute(change)
        async with open_tx(*ids) as tx:
            yield tx

    monkeypatch.setattr(context.database, "person_tx", changed_in_between)
    assert_problem(await http.post("/v1/login", json={"email": A, "password": PASSWORD}), code)
    assert len(opened) == 2
