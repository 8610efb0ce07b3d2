"""Accounts, projects and API keys over HTTP, by route and status."""

from typing import Any

import pytest

from store.credentials import new_key
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import NewTenancy

PERCENT = {"discount_value": 20}


async def test_200_the_account_of_either_key(tenancy: Tenancy) -> None:
    for client in (tenancy.secret, tenancy.admin):
        body = ok(await client.get("/v1/account"))
        assert (body["id"], body["name"], body["plan"]) == (tenancy.made.account_id, "A", "unlimited")


async def test_201_a_project_comes_with_keys_that_work(tenancy: Tenancy, http: Any) -> None:
    body = created(await tenancy.admin.post("/v1/projects", {"name": "Client B"}))
    assert (body["object"], body["name"], body["currency"]) == ("project", "Client B", "EUR")
    created(await Client(http, body["secret_key"]).post("/v1/vouchers", PERCENT))
    assert_problem(await Client(http, body["publishable_key"]).get("/v1/vouchers"), "publishable_key")
    listed = ok(await tenancy.admin.get("/v1/projects"))
    assert [project["id"] for project in listed["data"]] == [body["twin"]["id"], body["id"], tenancy.project_id]
    assert (listed["data"][0]["mode"], listed["data"][0]["twin_of"]) == ("test", body["id"])
    created(await Client(http, body["twin"]["secret_key"]).post("/v1/vouchers", PERCENT))
    assert "secret_key" not in listed["data"][0]
    assert ok(await tenancy.admin.get(f"/v1/projects/{body['id']}"))["name"] == "Client B"


async def test_422_projects(tenancy: Tenancy) -> None:
    body = {"name": "", "currency": "euro", "x": 1}
    assert_problem(await tenancy.admin.post("/v1/projects", body), "invalid_request", "/name", "/currency", "/x")
    assert_problem(await tenancy.admin.post("/v1/projects", {}), "invalid_request", "/name")
    assert_problem(await tenancy.admin.post("/v1/projects", {"name": "x" * 201}), "invalid_request", "/name")


async def test_200_a_project_is_changed(tenancy: Tenancy, new_tenancy: NewTenancy) -> None:
    path = f"/v1/projects/{tenancy.project_id}"
    assert ok(await tenancy.admin.get(path))["release_withheld_after_s"] is None
    body = ok(await tenancy.admin.patch(path, {"release_withheld_after_s": 3600}))
    assert (body["name"], body["release_withheld_after_s"]) == ("P", 3600)
    assert ok(await tenancy.admin.patch(path, {"name": "Renamed"}))["release_withheld_after_s"] == 3600
    assert ok(await tenancy.admin.patch(path, {"release_withheld_after_s": None}))["release_withheld_after_s"] is None
    for wrong in (0, 31_536_001, "x", 1.5):
        answer = await tenancy.admin.patch(path, {"release_withheld_after_s": wrong})
        assert_problem(answer, "invalid_request", "/release_withheld_after_s")
    assert_problem(await tenancy.secret.patch(path, {"name": "B"}), "admin_key_required")
    other = await new_tenancy()
    assert_problem(await other.admin.patch(path, {"name": "B"}), "project_not_found")
    assert ok(await tenancy.admin.get(path))["name"] == "Renamed"


async def test_403_projects_are_the_admins(tenancy: Tenancy) -> None:
    assert_problem(await tenancy.secret.post("/v1/projects", {"name": "B"}), "admin_key_required")
    assert_problem(await tenancy.publishable.post("/v1/projects", {"name": "B"}), "publishable_key")


async def test_403_an_admin_key_names_its_project(tenancy: Tenancy, new_tenancy: NewTenancy) -> None:
    assert_problem(await tenancy.admin.get("/v1/vouchers"), "secret_key_required")
    named = {"Vauchflow-Project": tenancy.project_id}
    body = created(await tenancy.admin.post("/v1/vouchers", PERCENT, headers=named))
    assert ok(await tenancy.secret.get(f"/v1/vouchers/{body['id']}"))["id"] == body["id"]
    other = await new_tenancy()
    for project_id in (other.project_id, "prj_x", "prj_" + "0" * 26):
        answer = await tenancy.admin.get("/v1/vouchers", headers={"Vauchflow-Project": project_id})
        assert_problem(answer, "project_not_found")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", f"Bearer {new_key('SECRET')}", f"Basic {new_key('SECRET')}", "Bearer vf_sk_é"],
    ids=["none", "empty", "scheme", "word", "unknown", "basic", "not_ascii"],
)
async def test_401_what_is_no_key(http: Any, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    answer = await http.get("/v1/vouchers", headers=headers)
    assert_problem(answer, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "type_"), [({"type": "SECRET"}, "SECRET"), (None, "SECRET"), ({"type": "PUBLISHABLE"}, "PUBLISHABLE")]
)
async def test_201_a_key_is_shown_once(tenancy: Tenancy, http: Any, body: Any, type_: str) -> None:
    made = created(await tenancy.secret.post("/v1/api-keys", body))
    assert (made["type"], made["project_id"]) == (type_, tenancy.project_id)
    answer = await Client(http, made["key"]).get("/v1/vouchers")
    assert answer.status_code == (200 if type_ == "SECRET" else 403)
    listed = await tenancy.secret.get("/v1/api-keys")
    assert made["key"] not in listed.text
    shown = ok(listed)["data"][0]
    assert (shown["id"], shown["masked_key"]) == (made["id"], f"{made['key'][:6]}...{made['key'][-4:]}")


async def test_delete_revokes_at_once_and_again_is_the_same(tenancy: Tenancy, http: Any) -> None:
    made = created(await tenancy.secret.post("/v1/api-keys"))
    key = Client(http, made["key"])
    ok(await key.get("/v1/vouchers"))
    first = ok(await tenancy.secret.delete(f"/v1/api-keys/{made['id']}"))
    assert first["status"] == "revoked"
    assert_problem(await key.get("/v1/vouchers"), "invalid_api_key")
    assert ok(await tenancy.secret.delete(f"/v1/api-keys/{made['id']}")) == first
    assert_problem(await tenancy.secret.delete("/v1/api-keys/key_x"), "api_key_not_found")


async def test_keys_by_the_admin_who_names_the_project(tenancy: Tenancy, new_tenancy: NewTenancy) -> None:
    assert_problem(await tenancy.admin.post("/v1/api-keys"), "secret_key_required")
    made = created(await tenancy.admin.post("/v1/api-keys", {"project_id": tenancy.project_id}))
    assert made["project_id"] == tenancy.project_id
    types = [key["type"] for key in ok(await tenancy.admin.get("/v1/api-keys"))["data"]]
    assert sorted(types) == ["ADMIN", "PUBLISHABLE", "SECRET", "SECRET"]
    listed = ok(await tenancy.admin.get(f"/v1/api-keys?project_id={tenancy.project_id}"))
    assert len(listed["data"]) == 3
    other = await new_tenancy()
    for client in (tenancy.admin, tenancy.secret):
        answer = await client.post("/v1/api-keys", {"project_id": other.project_id})
        assert_problem(answer, "project_not_found")
    ok(await tenancy.admin.delete(f"/v1/api-keys/{made['id']}"))
    assert_problem(await tenancy.secret.post("/v1/api-keys", {"type": "ADMIN"}), "admin_key_required")


async def test_a_projects_key_sees_its_own_project_and_keys_only(tenancy: Tenancy, http: Any) -> None:
    sister = created(await tenancy.admin.post("/v1/projects", {"name": "Sister"}))
    assert [p["id"] for p in ok(await tenancy.secret.get("/v1/projects"))["data"]] == [tenancy.project_id]
    assert_problem(await tenancy.secret.get(f"/v1/projects/{sister['id']}"), "project_not_found")
    keys = ok(await Client(http, sister["secret_key"]).get("/v1/api-keys"))["data"]
    assert {key["project_id"] for key in keys} == {sister["id"]}
    for key in keys:
        assert_problem(await tenancy.secret.delete(f"/v1/api-keys/{key['id']}"), "api_key_not_found")


async def test_403_a_suspended_account_or_project(tenancy: Tenancy, owner: Any) -> None:
    await owner.execute("UPDATE projects SET status = 'suspended' WHERE id = $1", tenancy.project_id)
    assert_problem(await tenancy.secret.get("/v1/vouchers"), "account_suspended")
    named = {"Vauchflow-Project": tenancy.project_id}
    assert_problem(await tenancy.admin.get("/v1/vouchers", headers=named), "account_suspended")
    await owner.execute("UPDATE accounts SET status = 'suspended' WHERE id = $1", tenancy.made.account_id)
    assert_problem(await tenancy.admin.get("/v1/account"), "account_suspended")


async def test_the_audit_log_names_actor_and_object_and_holds_no_key(tenancy: Tenancy, owner: Any) -> None:
    made = created(await tenancy.secret.post("/v1/api-keys"))
    project = created(await tenancy.admin.post("/v1/projects", {"name": "B"}))
    ok(await tenancy.secret.delete(f"/v1/api-keys/{made['id']}"))
    rows = await owner.fetch("SELECT *, to_jsonb(audit_log)::text AS text FROM audit_log ORDER BY id")
    assert [row["action"] for row in rows] == [
        "api_key.create",
        "project.create",
        "project.create",
        "api_key.revoke",
    ]
    assert [row["object_id"] for row in rows] == [made["id"], project["id"], project["twin"]["id"], made["id"]]
    assert {row["actor"][:4] for row in rows} == {"key_"}
    for key in (made["key"], project["secret_key"], project["publishable_key"]):
        assert all(key[6:-6] not in row["text"] for row in rows)
