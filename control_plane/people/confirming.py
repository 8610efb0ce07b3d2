"""Addresses: that whoever has signed up with one reads its mail. It takes both what was mailed and the session of who
signed up: a stranger's link, clicked by the one whom the address belongs to, makes nobody its owner.

Until then all works but inviting others.
"""

import secrets

from litestar import Response

from control_plane import attempts, audit
from control_plane.bodies import NoBody
from control_plane.calls import AccountCall
from control_plane.context import Context
from control_plane.cookies import token_hash
from control_plane.effects import answer
from control_plane.mail import Mail
from control_plane.people import sessions
from control_plane.people.schemas import Done, EmailConfirm, MeView
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

DAY_S = 24 * 3600
LIVES_S = DAY_S
UNCONFIRMED_INVITATIONS = 3
"""A day."""

_PERSON = query("control_person")
_BEGIN = query("control_begin_confirmation")
_CONFIRM = query("control_confirm_address")
_ACCOUNT = query("control_account")
_CONFIRM_ACCOUNT = query("control_confirm_account")


async def mail_token(context: Context, person_id: str, email: str) -> None:
    """Mail what confirms an address; what was mailed before is void."""
    token = secrets.token_urlsafe(32)
    async with context.database.person_tx(person_id) as tx:
        await tx.execute(_BEGIN, person_id, token_hash(context.secret, token), LIVES_S)
    link = f"{context.people.public_url}/confirm-email#token={token}"
    text = (
        f"Somebody, hopefully you, signed up at Vauchflow with this address. Within a day, confirm it here:\n\n{link}\n"
    )
    await context.people.mail.send(Mail(email, "Your address at Vauchflow", text))


async def ask(call: AccountCall) -> Response[bytes]:
    """POST /v1/me/email-confirmation: another mail; 202 also where the address is confirmed, and then there is none."""
    call.body(NoBody)
    call.errors.raise_if_any()
    who = call.principal
    await attempts.count(call.context, "confirmation", who.person_id, call.client)
    async with call.context.database.person_tx(who.person_id) as tx:
        person = await tx.fetchrow(_PERSON, who.person_id)
    assert person is not None
    if person["verified_at"] is None:
        call.context.people.chores.start(mail_token(call.context, who.person_id, person["email"]))
    return answer(202, Done())


async def confirm(call: AccountCall) -> Response[bytes]:
    """POST /v1/me/email-confirmation/confirm"""
    body = call.body(EmailConfirm)
    call.errors.raise_if_any()
    who, context = call.principal, call.context
    await attempts.count(context, "confirmation token", who.person_id, call.client)
    async with context.database.person_tx(who.person_id, who.account_id) as tx:
        if await tx.fetchval(_CONFIRM, who.person_id, token_hash(context.secret, body.token)) is None:
            raise Refused("invalid_token")
        await tx.execute(_CONFIRM_ACCOUNT, who.account_id)
        await audit.record_own(tx, await sessions.account_ids(tx, who.person_id), "confirm_email")
        shown: MeView = await sessions.show(tx, who.person_id, who.account_id, who.csrf)
    return answer(200, shown)


async def require_confirmed(call: AccountCall) -> None:
    """Refuse all but a few invitations where nobody of the account is known to read mail, whoever asks, key or member:
    so that a team can begin at once, and nobody mails many strangers in another's name."""
    async with call.context.database.account_tx(call.account_id) as tx:
        if await _is_confirmed(tx, call.account_id):
            return
    if call.principal.kind == "MEMBER":
        who = call.principal
        async with call.context.database.person_tx(who.person_id, who.account_id) as tx:
            person = await tx.fetchrow(_PERSON, who.person_id)
            if person is not None and person["verified_at"] is not None:
                await tx.execute(_CONFIRM_ACCOUNT, who.account_id)
                return
    if await attempts.tally(call.context, "unconfirmed invitation", call.account_id, DAY_S) > UNCONFIRMED_INVITATIONS:
        raise Refused("email_unconfirmed")


async def _is_confirmed(tx: Transaction, account_id: str) -> bool:
    row = await tx.fetchrow(_ACCOUNT, account_id)
    return row is not None and row["confirmed_at"] is not None
