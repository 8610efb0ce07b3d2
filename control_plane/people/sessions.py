"""Sessions: begun, shown, ended. Must never answer with a token but in the cookie."""

from functools import partial
from typing import Any

from litestar import Response

from control_plane.audit import record_own
from control_plane.calls import AccountCall
from control_plane.clock import new_id
from control_plane.context import Context
from control_plane.cookies import NewSession, new_session, set_cookie
from control_plane.effects import answer
from control_plane.people.schemas import MembershipView, MeView, PersonView, SessionView
from control_plane.queries import list_body
from control_plane.rights import OF_ROLES
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_SWEEP = query("control_sweep_sessions")
_INSERT = query("control_insert_session")
_PERSON = query("control_person")
_MEMBERSHIPS = query("control_memberships")
_LIST = query("control_sessions")
_END = query("control_end_one_session")


async def begin(tx: Transaction, context: Context, person_id: str, member: Any) -> NewSession:
    """A session as this member; within the person's transaction."""
    made = new_session(context.secret)
    await tx.execute(_SWEEP, person_id)
    await tx.execute(_INSERT, person_id, new_id("ses"), member["account_id"], member["id"], made.token_hash)
    return made


async def membership(tx: Transaction, person_id: str, account_id: str | None) -> Any:
    """The person's membership in this account, or the first that they have; Refused where there is none."""
    for row in await tx.fetch(_MEMBERSHIPS, person_id):
        if account_id in (None, row["account_id"]):
            return row
    raise Refused("not_a_member")


async def account_ids(tx: Transaction, person_id: str) -> list[str]:
    """The accounts that the person is a member of; within the person's transaction."""
    return [row["account_id"] for row in await tx.fetch(_MEMBERSHIPS, person_id)]


async def list_own(call: AccountCall) -> Response[bytes]:
    """GET /v1/me/sessions; in all accounts of the person, newest first."""
    asked = call.query()
    page = asked.page()
    asked.done()
    who = call.principal
    async with call.context.database.person_tx(who.person_id) as tx:
        rows = await tx.fetch(_LIST, who.person_id, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, partial(_show, who.session_id)))


async def end_own(call: AccountCall, session_id: str) -> Response[bytes]:
    """DELETE /v1/me/sessions/{id}; from the next request on it is none. The one that asks may end itself."""
    who = call.principal
    async with call.context.database.person_tx(who.person_id) as tx:
        row = await tx.fetchrow(_END, who.person_id, session_id) if is_id("ses", session_id) else None
        if row is None:
            raise Refused("session_not_found")
        await record_own(tx, [row["account_id"]], "end_session")
    return answer(204, None)


def _show(current: str, row: Any) -> SessionView:
    return SessionView(
        id=row["id"],
        object="session",
        account_id=row["account_id"],
        member_id=row["member_id"],
        current=row["id"] == current,
        created_at=show_time(row["created_at"]),
        seen_at=show_time(row["seen_at"]),
        expires_at=show_time(row["expires_at"]),
    )


async def show(tx: Transaction, person_id: str, account_id: str, csrf: str) -> MeView:
    """The session as its owner sees it; within the person's transaction."""
    person = await tx.fetchrow(_PERSON, person_id)
    assert person is not None
    memberships = [_membership(row) for row in await tx.fetch(_MEMBERSHIPS, person_id)]
    member = next((known for known in memberships if known.account_id == account_id), None)
    if member is None:
        raise Refused("not_a_member")  # any more, since a moment ago
    shown = PersonView(
        id=person["id"],
        email=person["email"],
        email_verified=person["verified_at"] is not None,
        totp=person["totp_confirmed_at"] is not None,
        recovery_codes_left=person["recovery_count"],
    )
    return MeView("session", shown, member, memberships, sorted(OF_ROLES[member.role]), csrf)


def with_cookie(status: int, body: Any, token: str, is_secure: bool) -> Response[bytes]:
    """An answer that hands out a session, or takes it back."""
    response = answer(status, body)
    response.headers["Set-Cookie"] = set_cookie(token, is_secure)
    return response


def _membership(row: Any) -> MembershipView:
    projects = None if row["project_ids"] is None else list(row["project_ids"])
    return MembershipView(row["account_id"], row["id"], row["role"], projects)
