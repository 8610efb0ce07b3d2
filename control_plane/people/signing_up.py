"""Signing up: a person, an account of theirs, its first project and the twin for tests, all or nothing."""

from zlib import crc32

import asyncpg
import msgspec
from litestar import Response

from control_plane import attempts, audit
from control_plane.clock import new_id
from control_plane.people import confirming, sessions
from control_plane.people.addresses import normalise
from control_plane.people.schemas import SignedUp, SignUp
from control_plane.projects.creation import MadeProject, create_project
from control_plane.projects.showing import show_created
from control_plane.visits import Visit
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

PLAN = "free"
_FIRST_PROJECT = "First project"

_PERSON = query("control_insert_person")
_ACCOUNT = query("control_insert_account")
_MEMBER = query("control_insert_member")


class Founder(msgspec.Struct, frozen=True):
    """Who acts while there is no session yet."""

    account_id: str
    actor: str
    person_id: str
    project_id: str | None = None


async def sign_up(visit: Visit) -> Response[bytes]:
    """POST /v1/signup"""
    body = visit.body(SignUp)
    visit.errors.raise_if_any()
    context, email = visit.context, normalise(body.email)
    await attempts.count(context, "signup", email, visit.client)
    stored = await context.people.passwords.hash(body.password)
    founder = Founder(new_id("acc"), new_id("mem"), new_id("per"))
    try:
        async with context.database.person_tx(founder.person_id, founder.account_id) as tx:
            await tx.execute(_PERSON, founder.person_id, email, stored, False)
            await _open_account(tx, founder, body.account, context.people.shards)
            member = await tx.fetchrow(
                _MEMBER, founder.account_id, founder.actor, founder.person_id, email, "owner", None, None, 0
            )
            projects = await _make_projects(tx, founder, context.secret, body)
            session = await sessions.begin(tx, context, founder.person_id, member)
            shown = await sessions.show(tx, founder.person_id, founder.account_id, session.csrf)
    except asyncpg.UniqueViolationError as error:
        raise Refused("email_taken") from error
    context.people.chores.start(confirming.mail_token(context, founder.person_id, email))
    view = SignedUp(**msgspec.structs.asdict(shown), projects=[show_created(made) for made in projects])
    return sessions.with_cookie(201, view, session.token, visit.is_secure)


async def _open_account(tx: Transaction, founder: Founder, name: str, shards: int) -> None:
    shard = crc32(founder.account_id.encode()) % shards
    await tx.execute(_ACCOUNT, founder.account_id, name, PLAN, shard, False)
    await audit.record(tx, founder, "account.create", founder.account_id, after={"name": name, "plan": PLAN})


async def _make_projects(tx: Transaction, founder: Founder, secret: bytes, body: SignUp) -> list[MadeProject]:
    name = body.project if isinstance(body.project, str) else _FIRST_PROJECT
    currency = body.currency if isinstance(body.currency, str) else "EUR"
    live = await create_project(tx, secret, founder.account_id, name, currency)
    twin = await create_project(tx, secret, founder.account_id, name, currency, twin_of=live.row["id"])
    for made in (live, twin):
        after = {"name": name, "currency": currency, "mode": made.row["mode"]}
        project_id = made.row["id"]
        await audit.record(tx, founder, "project.create", project_id, after=after, project_id=project_id)
    return [live, twin]
