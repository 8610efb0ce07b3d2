"""Who is asking: from the bearer key to a principal, and from a principal to the tenant that the request is for.

Must never keep or log a key. Keys are looked up anew for each request, so that a revoked one ends at once here.
"""

import msgspec

from control_plane.context import Context
from domain.ids import is_id
from domain.problems import Refused
from store.credentials import Principal, find_principal, hash_key, parse_key
from store.queries import query

PROJECT_HEADER = "Vauchflow-Project"

_PROJECT = query("control_project")


class Tenant(msgspec.Struct, frozen=True):
    """The project that a request is for, and who acts."""

    actor: str
    account_id: str
    project_id: str
    shard: int
    currency: str
    decimals: int


async def authenticate(context: Context, authorization: str | None) -> Principal:
    """The principal of an Authorization header; Refused where it has none."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or parse_key(key) is None:
        raise Refused("invalid_api_key")
    principal = await find_principal(context.database, hash_key(context.secret, key))
    if principal is None:
        raise Refused("invalid_api_key")
    if principal.type == "PUBLISHABLE":
        raise Refused("publishable_key")
    if principal.is_suspended:
        raise Refused("account_suspended")
    return principal


async def tenant_of(context: Context, principal: Principal, named_project: str | None) -> Tenant:
    """The project of a secret key, or the one that an admin key's request names."""
    if principal.type == "SECRET":
        assert principal.project_id is not None
        assert principal.currency is not None
        assert principal.currency_decimals is not None
        if named_project not in (None, principal.project_id):
            raise Refused("project_not_found")
        return Tenant(
            principal.key_id,
            principal.account_id,
            principal.project_id,
            principal.shard,
            principal.currency,
            principal.currency_decimals,
        )
    if named_project is None:
        raise Refused("secret_key_required", f"An admin key names the project in the header {PROJECT_HEADER}.")
    return await _project_of_account(context, principal, named_project)


async def _project_of_account(context: Context, principal: Principal, project_id: str) -> Tenant:
    if not is_id("prj", project_id):
        raise Refused("project_not_found")
    async with context.database.account_tx(principal.account_id) as tx:
        row = await tx.fetchrow(_PROJECT, principal.account_id, project_id)
    if row is None:
        raise Refused("project_not_found")
    if row["status"] != "active":
        raise Refused("account_suspended")
    return Tenant(
        principal.key_id,
        principal.account_id,
        project_id,
        principal.shard,
        row["currency"],
        row["currency_decimals"],
    )


def require_admin(principal: Principal) -> None:
    """Refuse whoever is not the account's admin."""
    if principal.type != "ADMIN":
        raise Refused("admin_key_required")
