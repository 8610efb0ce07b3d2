"""Accepting an invitation. Whoever has the token has the mailbox: for a person who has not proven the address before,
it counts for more than a password that somebody may have set there in advance, and replaces it.
"""

from typing import Any

import asyncpg
from litestar import Response

from control_plane import attempts, audit
from control_plane.clock import new_id
from control_plane.context import Context
from control_plane.cookies import token_hash
from control_plane.effects import answer
from control_plane.members.schemas import Accepted
from control_plane.members.services import show
from control_plane.people import sessions
from control_plane.people.schemas import InvitationAccept
from control_plane.people.signing_up import Founder
from control_plane.visits import Visit
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_LOOKUP = query("control_lookup_invitation")
_FIND = query("control_lookup_person")
_LOCK = query("control_lock_person")
_INSERT = query("control_insert_person")
_PROVE = query("control_prove_address")
_PASSWORD = query("control_set_password")
_END_ALL = query("control_end_sessions")
_ACCEPT = query("control_accept_invitation")


async def accept(visit: Visit) -> Response[bytes]:
    """POST /v1/invitations/accept"""
    body = visit.body(InvitationAccept)
    visit.errors.raise_if_any()
    context = visit.context
    await attempts.count(context, "invitation", "", visit.client)
    hashed = token_hash(context.secret, body.token)
    async with context.database.anonymous_tx() as tx:
        invitation = await tx.fetchrow(_LOOKUP, hashed)
        found = None if invitation is None else await tx.fetchrow(_FIND, invitation["email"])
    if invitation is None:
        raise Refused("invalid_token")
    person_id = new_id("per") if found is None else found["id"]
    stored = await context.people.passwords.hash(body.password) if isinstance(body.password, str) else None
    account_id = invitation["account_id"]
    try:
        async with context.database.person_tx(person_id, account_id) as tx:
            await _settle_person(tx, visit, person_id, invitation["email"], stored, is_new=found is None)
            member = await tx.fetchrow(_ACCEPT, account_id, invitation["member_id"], hashed, person_id)
            if member is None:
                raise Refused("invalid_token")
            founder = Founder(account_id, member["id"], person_id)
            before, after = ({"role": member["role"], "status": status} for status in ("invited", "active"))
            await audit.record(tx, founder, "member.accept", member["id"], before=before, after=after)
            if stored is None:
                return answer(200, Accepted(show(member), None))
            return await _with_session(tx, context, person_id, member, visit.is_secure)
    except asyncpg.UniqueViolationError as error:
        raise Refused("member_exists") from error  # the person is one already, by another address or in this moment


async def _settle_person(
    tx: Transaction, visit: Visit, person_id: str, email: str, stored: str | None, *, is_new: bool
) -> None:
    """The person with the address proven; a password where, and only where, it takes one."""
    known: Any = None if is_new else await tx.fetchrow(_LOCK, person_id)
    if known is not None and known["verified_at"] is not None:
        if stored is not None:
            visit.errors.add("/password", "the person has one: leave it out, and sign in")
            visit.errors.raise_if_any()
        return
    if stored is None:
        visit.errors.add("/password", "is required")
        visit.errors.raise_if_any()
    if known is None:
        await tx.execute(_INSERT, person_id, email, stored, True)
        return
    await tx.execute(_PROVE, person_id)
    await tx.execute(_PASSWORD, person_id, stored)
    await tx.execute(_END_ALL, person_id)


async def _with_session(
    tx: Transaction, context: Context, person_id: str, member: Any, is_secure: bool
) -> Response[bytes]:
    session = await sessions.begin(tx, context, person_id, member)
    shown = await sessions.show(tx, person_id, member["account_id"], session.csrf)
    return sessions.with_cookie(200, Accepted(show(member), shown), session.token, is_secure)
