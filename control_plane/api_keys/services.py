"""What is done with keys: made, listed masked, revoked. A revoked key ends here at once, in the engine within 2 s."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.api_keys.creation import create_key
from control_plane.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyView
from control_plane.api_keys.sealing import Seal, unsealed
from control_plane.audit import record
from control_plane.calls import AccountCall
from control_plane.effects import Outcome, answer, perform
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.credentials import masked_key
from store.database import Transaction
from store.queries import query

_PROJECT = query("control_project")
_LIST = query("control_api_keys")
_REVOKE = query("control_revoke_api_key")


async def create_api_key(call: AccountCall) -> Response[bytes]:
    """POST /v1/api-keys"""
    body = call.body(ApiKeyCreate)
    call.errors.raise_if_any()
    named = body.project_id if isinstance(body.project_id, str) else None
    project_id = _project(call, named)
    if project_id is None:
        raise Refused("secret_key_required", "An admin key names the project that the key is for: project_id.")
    type_ = "PUBLISHABLE" if body.type == "PUBLISHABLE" else "SECRET"
    return await perform(call, partial(_insert, call, project_id, type_), partial(_reveal, call))


async def _insert(call: AccountCall, project_id: str, type_: Any, tx: Transaction) -> Outcome:
    if await tx.fetchrow(_PROJECT, call.account_id, project_id) is None:
        raise Refused("project_not_found")
    secret = call.context.secret
    seal = Seal(secret, call.idempotency_key is not None)
    made = await create_key(tx, secret, call.account_id, project_id, type_, seal.entropy(type_))
    await record(tx, call, "api_key.create", made.id, after={"type": type_}, project_id=project_id)
    body = ApiKeyCreated(made.id, "api_key", made.key, type_, project_id)
    return Outcome(201, body, sealed=msgspec.structs.replace(body, key=seal.sealed()))


def _reveal(call: AccountCall, kept: bytes) -> bytes:
    body = msgspec.json.decode(kept, type=ApiKeyCreated)
    body.key = unsealed(call.context.secret, body.key, body.type)
    return msgspec.json.encode(body)


async def list_api_keys(call: AccountCall) -> Response[bytes]:
    """GET /v1/api-keys"""
    asked = call.query()
    named, page = asked.text("project_id", 64), asked.page()
    asked.done()
    project_id = _project(call, named)
    async with call.open_tx() as tx:
        if named is not None and await tx.fetchrow(_PROJECT, call.account_id, project_id) is None:
            raise Refused("project_not_found")
        rows = await tx.fetch(_LIST, call.account_id, project_id, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, _show))


async def revoke_api_key(call: AccountCall, key_id: str) -> Response[bytes]:
    """DELETE /v1/api-keys/{id}; the same answer when it was revoked before."""
    project_id = _project(call, None)
    async with call.open_tx() as tx:
        row = await tx.fetchrow(_REVOKE, call.account_id, project_id, key_id) if is_id("key", key_id) else None
        if row is None:
            raise Refused("api_key_not_found")
        await record(tx, call, "api_key.revoke", key_id, project_id=row["project_id"])
    return answer(200, _show(row))


def _project(call: AccountCall, named: str | None) -> str | None:
    """The project that is meant: the key's own, or for an admin key the one that is named."""
    named = named or call.named_project
    own = call.principal.project_id
    if own is not None and named not in (None, own):
        raise Refused("project_not_found")
    return own or named


def _show(row: Any) -> ApiKeyView:
    revoked_at = row["revoked_at"]
    return ApiKeyView(
        id=row["id"],
        object="api_key",
        type=row["type"],
        project_id=row["project_id"],
        masked_key=masked_key(row["type"], row["hint"]),
        status="active" if revoked_at is None else "revoked",
        created_at=show_time(row["created_at"]),
        revoked_at=None if revoked_at is None else show_time(revoked_at),
    )
