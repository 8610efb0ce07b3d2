"""Signing in and out. What is wrong, the address, the password or the code, is not said, and cannot be timed."""

from litestar import Response

from control_plane import attempts, audit
from control_plane.bodies import NoBody
from control_plane.calls import AccountCall
from control_plane.effects import answer
from control_plane.people import sessions
from control_plane.people.addresses import normalise
from control_plane.people.schemas import Done, LogIn, PasswordChange
from control_plane.people.second_factor import take_code
from control_plane.people.signing_up import Founder
from control_plane.visits import Visit
from domain.problems import Refused
from store.queries import query

_FIND = query("control_lookup_person")
_LOCK = query("control_lock_person")
_END = query("control_end_session")
_END_ALL = query("control_end_sessions")
_PASSWORD = query("control_set_password")


async def log_in(visit: Visit) -> Response[bytes]:
    """POST /v1/login"""
    body = visit.body(LogIn)
    visit.errors.raise_if_any()
    context, email = visit.context, normalise(body.email)
    await attempts.count(context, "login", email, visit.client)
    async with context.database.anonymous_tx() as tx:
        found = await tx.fetchrow(_FIND, email)
    is_right = await context.people.passwords.verify(None if found is None else found["password_hash"], body.password)
    if found is None or not is_right:
        raise Refused("invalid_credentials")
    person_id = found["id"]
    async with context.database.person_tx(person_id) as tx:
        person = await tx.fetchrow(_LOCK, person_id)
        assert person is not None
        if person["password_hash"] != found["password_hash"]:
            raise Refused("invalid_credentials")  # changed while it was verified
        if person["totp_confirmed_at"] is not None:
            if not isinstance(body.totp, str):
                raise Refused("totp_required")
            if not await take_code(tx, context.secret, person, body.totp):
                raise Refused("invalid_credentials")
        wanted = body.account_id if isinstance(body.account_id, str) else None
        member = await sessions.membership(tx, person_id, wanted)
    account_id = member["account_id"]
    async with context.database.person_tx(person_id, account_id) as tx:
        person = await tx.fetchrow(_LOCK, person_id)
        if person is None or person["password_hash"] != found["password_hash"]:
            raise Refused("invalid_credentials")  # sessions that a new password ends must not begin behind it
        session = await sessions.begin(tx, context, person_id, member)
        shown = await sessions.show(tx, person_id, account_id, session.csrf)
        await audit.record(tx, Founder(account_id, member["id"], person_id), "member.log_in", member["id"])
    await attempts.forget(context, "login", email)
    return sessions.with_cookie(200, shown, session.token, visit.is_secure)


async def log_out(call: AccountCall) -> Response[bytes]:
    """POST /v1/logout"""
    call.body(NoBody)
    call.errors.raise_if_any()
    person_id = call.principal.person_id
    async with call.context.database.person_tx(person_id) as tx:
        await tx.execute(_END, person_id, call.principal.session_id)
        await audit.record_own(tx, [call.account_id], "log_out")
    return sessions.with_cookie(200, Done(), "", call.is_secure)


async def show_me(call: AccountCall) -> Response[bytes]:
    """GET /v1/me"""
    call.query().done()
    who = call.principal
    async with call.context.database.person_tx(who.person_id) as tx:
        return answer(200, await sessions.show(tx, who.person_id, who.account_id, who.csrf))


async def change_password(call: AccountCall) -> Response[bytes]:
    """POST /v1/me/password; every session ends, and the one that asked is begun anew."""
    body = call.body(PasswordChange)
    call.errors.raise_if_any()
    who, context = call.principal, call.context
    await attempts.count(context, "password", who.person_id, call.client)
    async with context.database.person_tx(who.person_id) as tx:
        before = await tx.fetchrow(_LOCK, who.person_id)
    assert before is not None
    if not await context.people.passwords.verify(before["password_hash"], body.password):
        raise Refused("invalid_credentials")
    stored = await context.people.passwords.hash(body.new_password)
    async with context.database.person_tx(who.person_id, who.account_id) as tx:
        person = await tx.fetchrow(_LOCK, who.person_id)
        if person is None or person["password_hash"] != before["password_hash"]:
            raise Refused("invalid_credentials")
        await tx.execute(_PASSWORD, who.person_id, stored)
        await tx.execute(_END_ALL, who.person_id)
        member = await sessions.membership(tx, who.person_id, who.account_id)
        session = await sessions.begin(tx, context, who.person_id, member)
        shown = await sessions.show(tx, who.person_id, who.account_id, session.csrf)
        await audit.record_own(tx, await sessions.account_ids(tx, who.person_id), "change_password")
    return sessions.with_cookie(200, shown, session.token, call.is_secure)
