"""Who is asking: from a bearer key or a session cookie to a principal, and from a principal to the request's tenant.

Must never keep or log a key or a token. Both are looked up anew for each request, so that what is revoked ends at once.
"""

from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Literal

import msgspec
from litestar import Request

from control_plane.context import Context
from control_plane.cookies import COOKIE, CSRF_HEADER, csrf_token, is_token, token_hash
from control_plane.rights import OF_KEYS, OF_ROLES, OWN
from control_plane.visits import SAFE_METHODS, require_own_origin
from domain.ids import is_id
from domain.problems import Refused
from store.credentials import find_principal, hash_key, parse_key
from store.queries import query

PROJECT_HEADER = "Vauchflow-Project"
_SEEN_AGAIN = timedelta(minutes=5)

_PROJECT = query("control_project")
_SESSION = query("control_lookup_session")
_SEEN = query("control_see_session")


class Principal(msgspec.Struct, frozen=True):
    """Who acts, for which account or project, and what they may do. `actor` is a key's id or a member's."""

    kind: Literal["ADMIN", "SECRET", "MEMBER"]
    actor: str
    account_id: str
    shard: int
    rights: frozenset[str]
    project_id: str | None = None
    currency: str | None = None
    decimals: int | None = None
    is_scoped: bool = False
    projects: tuple[str, ...] | None = None
    role: str = "admin"
    person_id: str = ""
    session_id: str = ""
    csrf: str = ""

    def may_see(self, project_id: str) -> bool:
        """Whether the project is among those that a member is confined to."""
        return self.projects is None or project_id in self.projects


class Tenant(msgspec.Struct, frozen=True):
    """The project that a request is for, and who acts."""

    actor: str
    account_id: str
    project_id: str
    shard: int
    currency: str
    decimals: int


async def authenticate(context: Context, request: Request[Any, Any, Any]) -> Principal:
    """The principal of a request's Authorization header, else of its cookie; Refused where it has neither."""
    authorization = request.headers.get("Authorization")
    token = request.cookies.get(COOKIE)
    if authorization is None and token:
        return await _of_session(context, request, token)
    return await _of_key(context, authorization or "")


def require(principal: Principal, right: str) -> None:
    """Refuse whoever does not have a route's right, in words that say what would have it."""
    if right == OWN:
        if principal.kind != "MEMBER":
            raise Refused("session_required")
        return
    if right in principal.rights:
        return
    if principal.kind == "SECRET" and not principal.is_scoped and right in OF_KEYS["ADMIN"]:
        raise Refused("admin_key_required")
    raise Refused("right_missing", f"It takes the right {right}.")


async def tenant_of(context: Context, principal: Principal, named_project: str | None) -> Tenant:
    """The project of a secret key, or the one that an admin key's or a member's request names."""
    if principal.project_id is not None:
        assert principal.currency is not None
        assert principal.decimals is not None
        if named_project not in (None, principal.project_id):
            raise Refused("project_not_found")
        return Tenant(
            principal.actor,
            principal.account_id,
            principal.project_id,
            principal.shard,
            principal.currency,
            principal.decimals,
        )
    if named_project is None:
        raise Refused("secret_key_required", f"Without a project's key, the header {PROJECT_HEADER} names the project.")
    return await _project_of_account(context, principal, named_project)


async def _project_of_account(context: Context, principal: Principal, project_id: str) -> Tenant:
    if not is_id("prj", project_id) or not principal.may_see(project_id):
        raise Refused("project_not_found")
    async with context.database.account_tx(principal.account_id) as tx:
        row = await tx.fetchrow(_PROJECT, principal.account_id, project_id)
    if row is None:
        raise Refused("project_not_found")
    if row["status"] != "active":
        raise Refused("account_suspended")
    return Tenant(
        principal.actor,
        principal.account_id,
        project_id,
        principal.shard,
        row["currency"],
        row["currency_decimals"],
    )


async def _of_key(context: Context, authorization: str) -> Principal:
    scheme, _, key = authorization.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or parse_key(key) is None:
        raise Refused("invalid_api_key")
    found = await find_principal(context.database, hash_key(context.secret, key))
    if found is None:
        raise Refused("invalid_api_key")
    if found.type == "PUBLISHABLE":
        raise Refused("publishable_key")
    if found.is_suspended:
        raise Refused("account_suspended")
    rights = OF_KEYS[found.type]
    return Principal(
        kind=found.type,
        actor=found.key_id,
        account_id=found.account_id,
        shard=found.shard,
        rights=rights if found.scopes is None else rights & set(found.scopes),
        project_id=found.project_id,
        currency=found.currency,
        decimals=found.currency_decimals,
        is_scoped=found.scopes is not None,
    )


async def _of_session(context: Context, request: Request[Any, Any, Any], token: str) -> Principal:
    row = None
    if is_token(token):
        async with context.database.anonymous_tx() as tx:
            row = await tx.fetchrow(_SESSION, token_hash(context.secret, token))
    if row is None:
        raise Refused("invalid_session")
    csrf = csrf_token(context.secret, token)
    require_own_origin(context, request)
    if request.method not in SAFE_METHODS and not compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), csrf.encode()
    ):
        raise Refused("csrf_failed")
    if row["account_status"] != "active":
        raise Refused("account_suspended")
    if datetime.now(UTC) - row["seen_at"] > _SEEN_AGAIN:
        async with context.database.person_tx(row["person_id"]) as tx:
            await tx.execute(_SEEN, row["person_id"], row["id"])
    return Principal(
        kind="MEMBER",
        actor=row["member_id"],
        account_id=row["account_id"],
        shard=row["shard"],
        rights=OF_ROLES[row["role"]],
        projects=None if row["project_ids"] is None else tuple(row["project_ids"]),
        role=row["role"],
        person_id=row["person_id"],
        session_id=row["id"],
        csrf=csrf,
    )
