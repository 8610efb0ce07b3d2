"""What is done with projects, by the account's admin."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.api_keys.sealing import Seal, unsealed
from control_plane.audit import record
from control_plane.auth import require_admin
from control_plane.calls import AccountCall
from control_plane.effects import Outcome, answer, perform
from control_plane.projects.creation import create_project
from control_plane.projects.schemas import ProjectCreate, ProjectCreated, ProjectUpdate, ProjectView
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

DEFAULT_CURRENCY = "EUR"

_GET = query("control_project")
_LIST = query("control_projects")
_LOCK = query("control_lock_project")
_UPDATE = query("control_update_project")


async def make_project(call: AccountCall) -> Response[bytes]:
    """POST /v1/projects"""
    require_admin(call.principal)
    body = call.body(ProjectCreate)
    call.errors.raise_if_any()
    currency = body.currency if isinstance(body.currency, str) else DEFAULT_CURRENCY
    return await perform(call, partial(_insert, call, body.name, currency), partial(_reveal, call))


async def _insert(call: AccountCall, name: str, currency: str, tx: Transaction) -> Outcome:
    secret = call.context.secret
    seal = Seal(secret, call.idempotency_key is not None)
    entropies = seal.entropy("SECRET"), seal.entropy("PUBLISHABLE")
    made = await create_project(tx, secret, call.account_id, name, currency, entropies)
    project_id = made.row["id"]
    await record(
        tx, call, "project.create", project_id, after={"name": name, "currency": currency}, project_id=project_id
    )
    body = ProjectCreated(**_fields(made.row), secret_key=made.secret_key.key, publishable_key=made.publishable_key.key)
    sealed = msgspec.structs.replace(body, secret_key=seal.sealed(), publishable_key=seal.sealed())
    return Outcome(201, body, sealed=sealed)


def _reveal(call: AccountCall, kept: bytes) -> bytes:
    body = msgspec.json.decode(kept, type=ProjectCreated)
    body.secret_key = unsealed(call.context.secret, body.secret_key, "SECRET")
    body.publishable_key = unsealed(call.context.secret, body.publishable_key, "PUBLISHABLE")
    return msgspec.json.encode(body)


async def update_project(call: AccountCall, project_id: str) -> Response[bytes]:
    """PATCH /v1/projects/{id}"""
    require_admin(call.principal)
    body = call.body(ProjectUpdate)
    call.errors.raise_if_any()
    if not is_id("prj", project_id):
        raise Refused("project_not_found")
    return await perform(call, partial(_change, call, project_id, body))


async def _change(call: AccountCall, project_id: str, body: ProjectUpdate, tx: Transaction) -> Outcome:
    before = await tx.fetchrow(_LOCK, call.account_id, project_id)
    if before is None:
        raise Refused("project_not_found")
    wish = {
        "name": before["name"] if isinstance(body.name, UnsetType) else body.name,
        "release_withheld_after_s": before["release_withheld_after_s"]
        if isinstance(body.release_withheld_after_s, UnsetType)
        else body.release_withheld_after_s,
    }
    was = {name: before[name] for name in wish}
    if wish == was:
        return Outcome(200, ProjectView(**_fields(before)))
    row = await tx.fetchrow(_UPDATE, call.account_id, project_id, *wish.values())
    await record(tx, call, "project.update", project_id, before=was, after=wish, project_id=project_id)
    return Outcome(200, ProjectView(**_fields(row)))


async def get_project(call: AccountCall, project_id: str) -> Response[bytes]:
    """GET /v1/projects/{id}; with a project's own key, that project alone is there."""
    call.query().done()
    row = None
    if is_id("prj", project_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.account_id, project_id)
    if row is None:
        raise Refused("project_not_found")
    return answer(200, ProjectView(**_fields(row)))


async def list_projects(call: AccountCall) -> Response[bytes]:
    """GET /v1/projects; with a project's own key, that project alone is there."""
    asked = call.query()
    page = asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.account_id, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, lambda row: ProjectView(**_fields(row))))


def _fields(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "project",
        "name": row["name"],
        "currency": row["currency"],
        "mode": row["mode"],
        "status": row["status"],
        "release_withheld_after_s": row["release_withheld_after_s"],
        "created_at": show_time(row["created_at"]),
    }
