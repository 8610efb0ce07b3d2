"""Who may do what: every route of the application with each role and kinds of keys; and the scopes of keys."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from control_plane.app import create_app
from control_plane.context import Context
from control_plane.cookies import COOKIE, new_session
from control_plane.rights import ALL, OWN, PUBLIC, right_of
from control_plane.shell import Shell
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import SECRET

# As docs/people.md says it, not as the code does.
SHUT: dict[str, set[str]] = {
    "owner": set(),
    "admin": {"account:write"},
    "manager": {
        *(f"{area}:{verb}" for area in ("api_keys", "members", "audit_log") for verb in ("read", "write")),
        "account:write",
        "projects:write",
    },
}


def is_shut(role: str, right: str) -> bool:
    if role == "analyst":
        return is_shut("manager", right) or (right.endswith(":write") and right != "exports:write")
    return right in SHUT[role]


def routes_of(shell: Shell) -> Iterator[tuple[str, str, str]]:
    """Method, path with something in each parameter's place, and right of each route."""
    app = shell._app
    assert isinstance(app, Litestar)
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                path = "/".join("x" if part.startswith("{") else part for part in route.path_format.split("/"))
                yield method, path, right_of(method, dict(handler.opt))


def test_every_route_states_a_right_that_exists(context: Context) -> None:
    routes = list(routes_of(create_app(context)))
    assert len(routes) > 100
    assert {right for _, _, right in routes} - {PUBLIC, OWN} <= ALL
    public = {path.split("/x")[0] for _, path, right in routes if right == PUBLIC}
    assert public == {
        "/livez",
        "/readyz",
        "/metrics",
        "/docs",
        "/docs/redoc.js",
        "/v1/openapi.json",
        "/v1/results",
        "/v1/signup",
        "/v1/login",
        "/v1/password-resets",
        "/v1/password-resets/confirm",
        "/v1/invitations/accept",
    }


@pytest.fixture
async def cookies(tenancy: Tenancy, owner: Any) -> dict[str, dict[str, str]]:
    """The headers of one member of each role."""
    headers = {}
    for role in ("owner", "admin", "manager", "analyst"):
        made = new_session(SECRET)
        await owner.execute(
            "INSERT INTO people (id, email, password_hash) VALUES ($1, $2, '$argon2id$none')",
            f"per_{role}",
            f"{role}@example.com",
        )
        await owner.execute(
            "INSERT INTO members (account_id, id, person_id, email, role, status)"
            " VALUES ($1, $2, $3, $4, $5, 'active')",
            tenancy.made.account_id,
            f"mem_{role}",
            f"per_{role}",
            f"{role}@example.com",
            role,
        )
        await owner.execute(
            "INSERT INTO sessions (person_id, id, account_id, member_id, token_hash) VALUES ($1, 'ses_1', $2, $3, $4)",
            f"per_{role}",
            tenancy.made.account_id,
            f"mem_{role}",
            made.token_hash,
        )
        headers[role] = {
            "Cookie": f"{COOKIE}={made.token}",
            "Vauchflow-CSRF": made.csrf,
            "Vauchflow-Project": tenancy.project_id,
        }
    return headers


async def test_403_every_route_by_every_role(
    http: httpx.AsyncClient, context: Context, cookies: dict[str, dict[str, str]]
) -> None:
    wrong = []
    for method, path, right in routes_of(create_app(context)):
        if right in (PUBLIC, OWN):
            continue
        for role, headers in cookies.items():
            answer = await http.request(method, path, headers=headers, json={"?": 1} if method != "GET" else None)
            code = answer.json().get("code") if answer.status_code >= 400 else None
            if (code == "right_missing") != is_shut(role, right) or answer.status_code >= 500:
                wrong.append((role, method, path, right, answer.status_code, code))
    assert wrong == []


async def test_403_every_route_by_a_key_that_is_confined(
    http: httpx.AsyncClient, context: Context, tenancy: Tenancy
) -> None:
    made = created(await tenancy.secret.post("/v1/api-keys", {"name": "Reader", "scopes": ["vouchers:read"]}))
    assert (made["name"], made["scopes"]) == ("Reader", ["vouchers:read"])
    key, open_ = Client(http, made["key"]), set()
    for method, path, right in routes_of(create_app(context)):
        if right in (PUBLIC, OWN):
            continue
        answer = await key(method, path, {"?": 1} if method != "GET" else None)
        if answer.status_code >= 400 and answer.json()["code"] == "right_missing":
            continue
        open_.add(right)
    assert open_ == {"vouchers:read"}


async def test_a_confined_key_makes_none_that_may_more(http: httpx.AsyncClient, tenancy: Tenancy) -> None:
    scopes = ["api_keys:write", "vouchers:read"]
    key = Client(http, created(await tenancy.secret.post("/v1/api-keys", {"scopes": scopes}))["key"])
    assert created(await key.post("/v1/api-keys"))["scopes"] == scopes
    answer = await key.post("/v1/api-keys", {"scopes": ["vouchers:read", "vouchers:write"]})
    assert_problem(answer, "invalid_request", "/scopes/1")
    whole = created(await tenancy.secret.post("/v1/api-keys"))
    assert_problem(await key.post(f"/v1/api-keys/{whole['id']}/rotate"), "right_missing")
    for wrong in (["nonsense"], ["members:read"], []):
        answer = await tenancy.secret.post("/v1/api-keys", {"scopes": wrong})
        assert answer.json()["code"] == "invalid_request"


async def test_of_many_that_rotate_a_key_at_once_one_has_the_next(tenancy: Tenancy) -> None:
    for _ in range(3):
        old = created(await tenancy.secret.post("/v1/api-keys"))["id"]
        many = [tenancy.secret.post(f"/v1/api-keys/{old}/rotate", {"grace_s": 600}) for _ in range(4)]
        answers = sorted(await asyncio.gather(*many), key=lambda answer: answer.status_code)
        created(answers[0])
        for answer in answers[1:]:
            assert_problem(answer, "key_rotated")


async def test_an_idempotency_key_is_of_the_project_that_a_new_key_is_for(tenancy: Tenancy) -> None:
    other = created(await tenancy.admin.post("/v1/projects", {"name": "Other"}))["id"]
    once = {"Idempotency-Key": "k"}
    one = {**once, "Vauchflow-Project": tenancy.project_id}
    made = created(await tenancy.admin.post("/v1/api-keys", headers=one))
    assert created(await tenancy.admin.post("/v1/api-keys", headers=one)) == made
    answer = await tenancy.admin.post("/v1/api-keys", headers={**once, "Vauchflow-Project": other})
    assert_problem(answer, "idempotency_key_reused")


async def test_an_admin_key_is_made_by_admins_and_for_no_project(http: httpx.AsyncClient, tenancy: Tenancy) -> None:
    body = {"type": "ADMIN", "scopes": ["audit_log:read"]}
    made = created(await tenancy.admin.post("/v1/api-keys", body))
    assert made["project_id"] is None
    key = Client(http, made["key"])
    ok(await key.get("/v1/audit-log"))
    assert_problem(await key.get("/v1/projects"), "right_missing")
    answer = await tenancy.admin.post("/v1/api-keys", {**body, "project_id": tenancy.project_id})
    assert_problem(answer, "invalid_request", "/project_id")


async def test_a_key_is_rotated_with_two_that_live(http: httpx.AsyncClient, tenancy: Tenancy, owner: Any) -> None:
    old = created(await tenancy.secret.post("/v1/api-keys", {"name": "Shop", "scopes": ["vouchers:read"]}))
    new = created(await tenancy.secret.post(f"/v1/api-keys/{old['id']}/rotate", {"grace_s": 600}))
    assert (new["name"], new["scopes"], new["rotated_from"]) == ("Shop", ["vouchers:read"], old["id"])
    for key in (old, new):
        ok(await Client(http, key["key"]).get("/v1/vouchers"))
        assert_problem(await tenancy.secret.post(f"/v1/api-keys/{key['id']}/rotate"), "key_rotated")
    shown = {key["id"]: key["status"] for key in ok(await tenancy.secret.get("/v1/api-keys"))["data"]}
    assert (shown[old["id"]], shown[new["id"]]) == ("expiring", "active")
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", old["id"])
    assert_problem(await Client(http, old["key"]).get("/v1/vouchers"), "invalid_api_key")
    headers = {"Idempotency-Key": "r1"}
    last = created(await tenancy.secret.post(f"/v1/api-keys/{new['id']}/rotate", headers=headers))
    again = await tenancy.secret.post(f"/v1/api-keys/{new['id']}/rotate", headers=headers)
    assert again.json() == last
    assert_problem(await Client(http, new["key"]).get("/v1/vouchers"), "invalid_api_key")
    for wrong in (-1, 604_801, "x"):
        answer = await tenancy.secret.post(f"/v1/api-keys/{last['id']}/rotate", {"grace_s": wrong})
        assert_problem(answer, "invalid_request", "/grace_s")
    assert_problem(await tenancy.secret.post("/v1/api-keys/key_x/rotate"), "api_key_not_found")
