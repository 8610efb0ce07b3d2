"""What is done with members: invited, listed, changed, removed. What changes holds from their next request on."""

import secrets
from functools import partial
from typing import Any

from litestar import Response
from msgspec import UnsetType

from control_plane.audit import record
from control_plane.calls import AccountCall
from control_plane.clock import new_id
from control_plane.cookies import token_hash
from control_plane.effects import Outcome, answer, perform
from control_plane.mail import Mail
from control_plane.members.schemas import MemberInvite, MemberUpdate, MemberView
from control_plane.people.addresses import normalise
from control_plane.people.confirming import require_confirmed
from control_plane.queries import list_body
from control_plane.rights import OF_ROLES
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

INVITATION_LIVES_S = 7 * 24 * 3600
_CONFINABLE = ("manager", "analyst")
_STATUSES = ("invited", "active", "removed")

_BY_EMAIL = query("control_lock_member_by_email")
_INSERT = query("control_insert_member")
_AGAIN = query("control_invite_again")
_LIST = query("control_members")
_GET = query("control_member")
_LOCK = query("control_lock_member")
_LOCK_OWNERS = query("control_lock_owners")
_UPDATE = query("control_update_member")
_REMOVE = query("control_remove_member")
_PROJECTS = query("control_known_projects")


async def invite(call: AccountCall) -> Response[bytes]:
    """POST /v1/members; again for somebody who has not accepted yet: a new token, the old one is void."""
    body = call.body(MemberInvite)
    call.errors.raise_if_any()
    _require_standing(call, body.role)
    _require_rights(call, body.role)
    await require_confirmed(call)
    token = secrets.token_urlsafe(32)
    response = await perform(call, partial(_invite, call, body, token))
    if "Idempotency-Replayed" not in response.headers:
        call.context.people.chores.start(_mail(call, normalise(body.email), token))
    return response


async def _invite(call: AccountCall, body: MemberInvite, token: str, tx: Transaction) -> Outcome:
    projects = None if isinstance(body.project_ids, UnsetType) else body.project_ids
    await _check_projects(tx, call, body.role, projects)
    email, hashed = normalise(body.email), token_hash(call.context.secret, token)
    terms = (body.role, projects, hashed, INVITATION_LIVES_S)
    known = await tx.fetchrow(_BY_EMAIL, call.account_id, email)
    row = None if known is not None else await tx.fetchrow(_INSERT, call.account_id, new_id("mem"), None, email, *terms)
    if row is None:
        known = known or await tx.fetchrow(_BY_EMAIL, call.account_id, email)
        if known is None or known["status"] == "active":
            raise Refused("member_exists")
        _require_standing(call, known["role"])
        row = await tx.fetchrow(_AGAIN, call.account_id, known["id"], *terms)
    assert row is not None
    before = None if known is None else _facts(known)
    await record(tx, call, "member.invite", row["id"], before=before, after=_facts(row))
    return Outcome(201, show(row))


async def _mail(call: AccountCall, email: str, token: str) -> None:
    link = f"{call.context.people.public_url}/accept-invitation#token={token}"
    text = f"You have been invited to work in an account at Vauchflow. Within seven days, accept here:\n\n{link}\n"
    await call.context.people.mail.send(Mail(email, "You have been invited to Vauchflow", text))


async def list_members(call: AccountCall) -> Response[bytes]:
    """GET /v1/members; without those who were removed unless they are asked for."""
    asked = call.query()
    status, page = asked.choice("status", _STATUSES), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.account_id, page.after, page.after_id, status, page.rows)
    return answer(200, list_body(rows, page, show))


async def get_member(call: AccountCall, member_id: str) -> Response[bytes]:
    """GET /v1/members/{id}"""
    call.query().done()
    row = None
    if is_id("mem", member_id):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.account_id, member_id)
    if row is None:
        raise Refused("member_not_found")
    return answer(200, show(row))


async def update_member(call: AccountCall, member_id: str) -> Response[bytes]:
    """PATCH /v1/members/{id}"""
    body = call.body(MemberUpdate)
    call.errors.raise_if_any()
    return await perform(call, partial(_update, call, member_id, body))


async def _update(call: AccountCall, member_id: str, body: MemberUpdate, tx: Transaction) -> Outcome:
    before = await _locked(tx, call, member_id)
    role = before["role"] if isinstance(body.role, UnsetType) else body.role
    if not isinstance(body.project_ids, UnsetType):
        projects = body.project_ids
    else:
        # Whoever may see the whole account from now on is confined no longer.
        projects = before["project_ids"] if role in _CONFINABLE else None
    _require_standing(call, role)
    _require_rights(call, role)
    await _check_projects(tx, call, role, projects)
    if role != "owner":
        await _keep_an_owner(tx, call, before)
    row = await tx.fetchrow(_UPDATE, call.account_id, member_id, role, projects)
    assert row is not None
    if _facts(row) != _facts(before):
        await record(tx, call, "member.update", member_id, before=_facts(before), after=_facts(row))
    return Outcome(200, show(row))


async def remove_member(call: AccountCall, member_id: str) -> Response[bytes]:
    """DELETE /v1/members/{id}; their sessions in this account end with it."""
    async with call.open_tx() as tx:
        before = await _locked(tx, call, member_id)
        await _keep_an_owner(tx, call, before)
        row = await tx.fetchrow(_REMOVE, call.account_id, member_id)
        await record(tx, call, "member.remove", member_id, before=_facts(before), after=_facts(row))
    return answer(200, show(row))


async def _locked(tx: Transaction, call: AccountCall, member_id: str) -> Any:
    """The member's row; the owners' first, so that everybody locks in one order."""
    if not is_id("mem", member_id):
        raise Refused("member_not_found")
    await tx.fetch(_LOCK_OWNERS, call.account_id)
    row = await tx.fetchrow(_LOCK, call.account_id, member_id)
    if row is None:
        raise Refused("member_not_found")
    _require_standing(call, row["role"])
    return row


async def _keep_an_owner(tx: Transaction, call: AccountCall, before: Any) -> None:
    if before["role"] != "owner" or before["status"] != "active":
        return
    if [row["id"] for row in await tx.fetch(_LOCK_OWNERS, call.account_id)] == [before["id"]]:
        raise Refused("last_owner")


def _require_standing(call: AccountCall, role: str) -> None:
    """Owners are made, changed and removed by owners alone."""
    if role == "owner" and call.principal.role != "owner":
        raise Refused("right_missing", "It takes an owner.")


def _require_rights(call: AccountCall, role: str) -> None:
    """Who is confined makes nobody who is not."""
    if not call.principal.rights >= OF_ROLES[role]:
        raise Refused("right_missing", f"The role {role} may more than you.")


async def _check_projects(tx: Transaction, call: AccountCall, role: str, projects: list[str] | None) -> None:
    if projects is None:
        return
    if role not in _CONFINABLE:
        call.errors.add("/project_ids", f"an {role} works in all projects")
    known = {row["id"] for row in await tx.fetch(_PROJECTS, call.account_id, projects)}
    for index, project_id in enumerate(projects):
        if project_id not in known:
            call.errors.add(f"/project_ids/{index}", "there is no such project")
    call.errors.raise_if_any()


def _facts(row: Any) -> dict[str, Any]:
    """What the audit log keeps: not the address, which goes when the member does."""
    return {"role": row["role"], "project_ids": row["project_ids"], "status": row["status"]}


def show(row: Any) -> MemberView:
    """A member's row as the API shows it."""
    expires_at = row["invite_expires_at"]
    return MemberView(
        id=row["id"],
        object="member",
        email=row["email"],
        role=row["role"],
        project_ids=row["project_ids"],
        status=row["status"],
        invitation_expires_at=None if expires_at is None else show_time(expires_at),
        created_at=show_time(row["created_at"]),
    )
