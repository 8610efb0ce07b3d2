"""Ways back in for who forgot their password: by a token that is mailed, works once and for an hour.

Whether there is anybody at an address is not said: the answer is the same, and what there is to do is done after it.
"""

import secrets

from litestar import Response

from control_plane import attempts, audit
from control_plane.context import Context
from control_plane.cookies import token_hash
from control_plane.effects import answer
from control_plane.mail import Mail
from control_plane.people import sessions
from control_plane.people.addresses import normalise
from control_plane.people.schemas import Done, ResetConfirm, ResetRequest
from control_plane.visits import Visit
from domain.problems import Refused
from store.queries import query

LIVES_S = 3600

_FIND = query("control_lookup_person")
_BEGIN = query("control_begin_reset")
_LOOKUP = query("control_lookup_reset")
_CLAIM = query("control_claim_reset")
_PROVE = query("control_prove_address")
_PASSWORD = query("control_set_password")
_END_ALL = query("control_end_sessions")


async def ask(visit: Visit) -> Response[bytes]:
    """POST /v1/password-resets; 202, whoever there is."""
    body = visit.body(ResetRequest)
    visit.errors.raise_if_any()
    email = normalise(body.email)
    await attempts.count(visit.context, "reset", email, visit.client)
    visit.context.people.chores.start(_mail_token(visit.context, email))
    return answer(202, Done())


async def _mail_token(context: Context, email: str) -> None:
    async with context.database.anonymous_tx() as tx:
        found = await tx.fetchrow(_FIND, email)
    if found is None:
        return
    token = secrets.token_urlsafe(32)
    async with context.database.person_tx(found["id"]) as tx:
        await tx.execute(_BEGIN, found["id"], token_hash(context.secret, token), LIVES_S)
    link = f"{context.people.public_url}/reset-password#token={token}"
    text = f"Somebody, hopefully you, asked for a new password at Vauchflow. Within an hour, set it here:\n\n{link}\n"
    await context.people.mail.send(Mail(email, "Your new password at Vauchflow", text))


async def confirm(visit: Visit) -> Response[bytes]:
    """POST /v1/password-resets/confirm; every session ends."""
    body = visit.body(ResetConfirm)
    visit.errors.raise_if_any()
    context = visit.context
    await attempts.count(context, "reset token", "", visit.client)
    hashed = token_hash(context.secret, body.token)
    async with context.database.anonymous_tx() as tx:
        person_id = await tx.fetchval(_LOOKUP, hashed)
    if person_id is None:
        raise Refused("invalid_token")
    stored = await context.people.passwords.hash(body.password)
    async with context.database.person_tx(person_id) as tx:
        if await tx.fetchval(_CLAIM, person_id, hashed) is None:
            raise Refused("invalid_token")  # used a moment ago
        await tx.execute(_PROVE, person_id)
        await tx.execute(_PASSWORD, person_id, stored)
        await tx.execute(_END_ALL, person_id)
        await audit.record_own(tx, await sessions.account_ids(tx, person_id), "reset_password")
    return answer(200, Done())
