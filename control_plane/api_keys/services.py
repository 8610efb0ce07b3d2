"""What is done with keys: made, listed masked, rotated, revoked. A revoked key ends here at once, in the engine
within 2 s."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import asyncpg
import msgspec
from litestar import Response

from control_plane.api_keys.creation import KeyTerms, create_key
from control_plane.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, ApiKeyView
from control_plane.api_keys.sealing import Seal, unsealed
from control_plane.audit import record
from control_plane.calls import AccountCall
from control_plane.effects import Outcome, answer, perform
from control_plane.queries import list_body
from control_plane.rights import OF_KEYS
from control_plane.rules.times import show_time
from domain.ids import fingerprint, is_id
from domain.problems import Refused
from store.credentials import KeyType, masked_key
from store.database import Transaction
from store.queries import query

_PROJECT = query("control_project")
_LOCK = query("control_lock_api_key")
_EXPIRE = query("control_expire_api_key")
_LIST = query("control_api_keys")
_REVOKE = query("control_revoke_api_key")


async def create_api_key(call: AccountCall) -> Response[bytes]:
    """POST /v1/api-keys"""
    body = call.body(ApiKeyCreate)
    call.errors.raise_if_any()
    type_: Any = body.type if isinstance(body.type, str) else "SECRET"
    named = body.project_id if isinstance(body.project_id, str) else None
    if type_ == "ADMIN":
        _require_account_wide(call, named)
        project_id = None
    else:
        project_id = _project(call, named)
        if project_id is None:
            raise Refused("secret_key_required", "An admin key names the project that the key is for: project_id.")
    if call.principal.project_id is None:
        # The header may name the project: the same body for another one is another request.
        call.fingerprint = fingerprint(f"{call.operation} {project_id}", call.raw_body)
    name = body.name if isinstance(body.name, str) else None
    terms = KeyTerms(name, _scopes(call, type_, body.scopes))
    return await perform(call, partial(_insert, call, project_id, type_, terms), partial(_reveal, call))


def _require_account_wide(call: AccountCall, named: str | None) -> None:
    if named is not None:
        call.errors.add("/project_id", "an ADMIN key is for all of the account")
        call.errors.raise_if_any()
    if call.principal.kind == "SECRET":
        raise Refused("admin_key_required")


def _scopes(call: AccountCall, type_: KeyType, wanted: Any) -> list[str] | None:
    """The rights that the new key is confined to: of its type, and none that its maker does not have."""
    may = OF_KEYS[type_] & call.principal.rights if type_ != "PUBLISHABLE" else OF_KEYS[type_]
    if not isinstance(wanted, list):
        # Who is confined cannot make a key that is not.
        return None if may == OF_KEYS[type_] else sorted(may)
    for index, scope in enumerate(wanted):
        if scope not in may:
            call.errors.add(f"/scopes/{index}", "is no right that such a key can be given by you")
    call.errors.raise_if_any()
    return sorted(set(wanted))


async def _insert(
    call: AccountCall, project_id: str | None, type_: KeyType, terms: KeyTerms, tx: Transaction
) -> Outcome:
    if project_id is not None and await tx.fetchrow(_PROJECT, call.account_id, project_id) is None:
        raise Refused("project_not_found")
    return await _make(call, tx, project_id, type_, terms, "api_key.create")


async def _make(
    call: AccountCall,
    tx: Transaction,
    project_id: str | None,
    type_: KeyType,
    terms: KeyTerms,
    action: str,
    more: dict[str, Any] | None = None,
) -> Outcome:
    secret = call.context.secret
    seal = Seal(secret, call.idempotency_key is not None)
    made = await create_key(tx, secret, call.account_id, project_id, type_, seal.entropy(type_), terms)
    after = {"type": type_, "scopes": terms.scopes, "rotated_from": terms.rotated_from, **(more or {})}
    await record(tx, call, action, made.id, after=after, project_id=project_id)
    body = ApiKeyCreated(made.id, "api_key", made.key, type_, project_id, terms.name, terms.scopes, terms.rotated_from)
    return Outcome(201, body, sealed=msgspec.structs.replace(body, key=seal.sealed()))


def _reveal(call: AccountCall, kept: bytes) -> bytes:
    body = msgspec.json.decode(kept, type=ApiKeyCreated)
    body.key = unsealed(call.context.secret, body.key, body.type)
    return msgspec.json.encode(body)


async def rotate_api_key(call: AccountCall, key_id: str) -> Response[bytes]:
    """POST /v1/api-keys/{id}/rotate: a new key with the same terms; of one key at most two live at a time."""
    body = call.body(ApiKeyRotate)
    call.errors.raise_if_any()
    grace_s = body.grace_s if isinstance(body.grace_s, int) else 0
    try:
        return await perform(call, partial(_rotate, call, key_id, grace_s), partial(_reveal, call))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "api_keys_rotations":
            raise
        raise Refused("key_rotated") from error  # by somebody else, in this moment


async def _rotate(call: AccountCall, key_id: str, grace_s: int, tx: Transaction) -> Outcome:
    project_id = _project(call, None)
    row = await tx.fetchrow(_LOCK, call.account_id, project_id, key_id) if is_id("key", key_id) else None
    if row is None:
        raise Refused("api_key_not_found")
    if row["has_successor"] or row["has_living_origin"]:
        raise Refused("key_rotated")
    if not call.principal.rights >= (OF_KEYS[row["type"]] if row["scopes"] is None else set(row["scopes"])):
        raise Refused("right_missing", "The key may more than you.")
    await tx.execute(_EXPIRE, call.account_id, key_id, grace_s)
    terms = KeyTerms(row["name"], row["scopes"], key_id)
    return await _make(call, tx, row["project_id"], row["type"], terms, "api_key.rotate", {"grace_s": grace_s})


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
        if row["was_revoked_at"] is None:
            before, after = ({"type": row["type"], "status": status} for status in ("active", "revoked"))
            await record(tx, call, "api_key.revoke", key_id, before, after, project_id=row["project_id"])
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
        name=row["name"],
        scopes=row["scopes"],
        rotated_from=row["rotated_from"],
        project_id=row["project_id"],
        masked_key=masked_key(row["type"], row["hint"]),
        status=_status(row),
        expires_at=None if row["expires_at"] is None else show_time(row["expires_at"]),
        created_at=show_time(row["created_at"]),
        revoked_at=None if revoked_at is None else show_time(revoked_at),
    )


def _status(row: Any) -> Literal["active", "expiring", "expired", "revoked"]:
    if row["revoked_at"] is not None:
        return "revoked"
    if row["expires_at"] is None:
        return "active"
    return "expiring" if row["expires_at"] > datetime.now(UTC) else "expired"
