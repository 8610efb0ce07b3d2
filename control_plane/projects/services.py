"""What is done with projects, by those who may: the account's admins."""

from functools import partial

import msgspec
from litestar import Response
from msgspec import UnsetType

from control_plane.api_keys.sealing import Seal, unsealed
from control_plane.audit import record
from control_plane.calls import AccountCall
from control_plane.effects import Outcome, answer, perform
from control_plane.projects.creation import MadeProject, create_project
from control_plane.projects.schemas import ProjectCreate, ProjectCreated, ProjectUpdate
from control_plane.projects.showing import show, show_created
from control_plane.queries import list_body
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

DEFAULT_CURRENCY = "EUR"
_TWIN = "twin"

Entropies = tuple[bytes | None, bytes | None]

_GET = query("control_project")
_LIST = query("control_projects")
_LOCK = query("control_lock_project")
_UPDATE = query("control_update_project")


async def make_project(call: AccountCall) -> Response[bytes]:
    """POST /v1/projects"""
    body = call.body(ProjectCreate)
    call.errors.raise_if_any()
    currency = body.currency if isinstance(body.currency, str) else DEFAULT_CURRENCY
    return await perform(call, partial(_insert, call, body.name, currency), partial(_reveal, call))


async def _insert(call: AccountCall, name: str, currency: str, tx: Transaction) -> Outcome:
    secret = call.context.secret
    seal = Seal(secret, call.idempotency_key is not None)
    made = await _create(call, tx, name, currency, (seal.entropy("SECRET"), seal.entropy("PUBLISHABLE")))
    entropies = seal.entropy("SECRET", _TWIN), seal.entropy("PUBLISHABLE", _TWIN)
    twin = await _create(call, tx, name, currency, entropies, made.row["id"])
    body = show_created(made, twin)
    replace, kept = msgspec.structs.replace, {"secret_key": seal.sealed(), "publishable_key": seal.sealed()}
    assert body.twin is not None
    return Outcome(201, body, sealed=replace(body, **kept, twin=replace(body.twin, **kept)))


async def _create(
    call: AccountCall, tx: Transaction, name: str, currency: str, entropies: Entropies, twin_of: str | None = None
) -> MadeProject:
    made = await create_project(tx, call.context.secret, call.account_id, name, currency, entropies, twin_of)
    project_id = made.row["id"]
    after = {"name": name, "currency": currency, "mode": made.row["mode"]}
    await record(tx, call, "project.create", project_id, after=after, project_id=project_id)
    return made


def _reveal(call: AccountCall, kept: bytes) -> bytes:
    body, secret = msgspec.json.decode(kept, type=ProjectCreated), call.context.secret
    body.secret_key = unsealed(secret, body.secret_key, "SECRET")
    body.publishable_key = unsealed(secret, body.publishable_key, "PUBLISHABLE")
    if body.twin is not None:
        body.twin.secret_key = unsealed(secret, body.twin.secret_key, "SECRET", _TWIN)
        body.twin.publishable_key = unsealed(secret, body.twin.publishable_key, "PUBLISHABLE", _TWIN)
    return msgspec.json.encode(body)


async def update_project(call: AccountCall, project_id: str) -> Response[bytes]:
    """PATCH /v1/projects/{id}"""
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
        return Outcome(200, show(before))
    row = await tx.fetchrow(_UPDATE, call.account_id, project_id, *wish.values())
    await record(tx, call, "project.update", project_id, before=was, after=wish, project_id=project_id)
    return Outcome(200, show(row))


async def get_project(call: AccountCall, project_id: str) -> Response[bytes]:
    """GET /v1/projects/{id}; with a project's own key, that project alone is there."""
    call.query().done()
    row = None
    if is_id("prj", project_id) and call.principal.may_see(project_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.account_id, project_id)
    if row is None:
        raise Refused("project_not_found")
    return answer(200, show(row))


async def list_projects(call: AccountCall) -> Response[bytes]:
    """GET /v1/projects; with a project's own key, that project alone is there."""
    asked = call.query()
    page = asked.page()
    asked.done()
    confined_to = call.principal.projects
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.account_id, page.after, page.after_id, confined_to, page.rows)
    return answer(200, list_body(rows, page, show))
