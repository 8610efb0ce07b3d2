"""A referrer's code: one for each customer of a program, however often it is asked for.

Must never keep an identity: commitments to them are.
"""

import re
from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.campaigns.storing import StoredCampaign
from control_plane.clock import new_id
from control_plane.codes import insert_coded
from control_plane.effects import Change, Outcome, perform
from control_plane.programs import join_program
from control_plane.referral_programs.schemas import ReferralCodeCreate, ReferralCodeView
from control_plane.referral_programs.services import REFERRAL
from control_plane.rules.schemas import Used
from control_plane.rules.times import show_time
from domain.problems import FieldError, Refused
from domain.referrals import EMAIL, commitment, commitments, referral_program
from store.database import Transaction
from store.definitions import stage_change
from store.ledger_rows import columns
from store.queries import query

MOST_IDENTITIES = 50
"""Of one referrer: whoever states more changes devices faster than people do."""
_DRAWN = 6
_LONGEST_PREFIX = 20
_NAMELESS = "REF"

_INSERT = query("control_insert_referral_code")
_GET = query("control_referral_code")
_ADD_IDENTITIES = query("control_add_referrer_identities")
_COUNT_IDENTITIES = query("control_count_referrer_identities")
_EMAILS = query("referral_emails")


class StoredCode(msgspec.Struct, frozen=True):
    """A code's row with what the ledger has counted, and what its program allows each code."""

    id: str
    code: str
    program_id: str
    customer_id: str
    status: str
    version: int
    metadata: str
    created_at: datetime
    updated_at: datetime
    used: int
    inherited_limit: int | None


async def issue_code(call: Call, program_id: str) -> Response[bytes]:
    """POST /v1/referral-programs/{id}/codes"""
    body, errors = call.body(ReferralCodeCreate), call.errors
    stated = dict(body.identity) if isinstance(body.identity, dict) else {}
    if isinstance(body.email, str) and stated.setdefault(EMAIL, body.email) != body.email:
        errors.add(f"/identity/{EMAIL}", "is not the customer's email")
    errors.raise_if_any()
    prefix = body.prefix.upper() if isinstance(body.prefix, str) else _prefix_of(body.customer_id)
    return await perform(call, partial(_issue, call, program_id, body.customer_id, prefix, stated))


async def _issue(
    call: Call, program_id: str, customer_id: str, prefix: str, stated: dict[str, str], tx: Transaction
) -> Outcome:
    program = await join_program(tx, call.tenant.project_id, REFERRAL, program_id)
    code, made = await ensure_code(tx, call, program, customer_id, prefix, stated)
    # Redis is told also of one that was there: 200 says that it is in force.
    return Outcome(201 if made else 200, show_code(code), Change("referral_code", code.id, created=made))


async def ensure_code(
    tx: Transaction,
    call: Call,
    program: StoredCampaign,
    customer_id: str,
    prefix: str | None = None,
    stated: dict[str, str] | None = None,
) -> tuple[StoredCode, bool]:
    """The customer's code in the program, and whether it was made now, staged; `stated`: what tells them apart."""
    tenant, program_id, prefix = call.tenant, program.id, prefix or _prefix_of(customer_id)
    keys = referral_program(program.program).identity_keys
    _declared(call, keys, stated or {})
    new, ids = new_id("rfc"), list[str]()

    def insert(drawn: str) -> Awaitable[object]:
        row = (tenant.project_id, new, program_id, f"{prefix}-{drawn[:_DRAWN]}", customer_id)
        return _insert(tx, row, ids)

    await insert_coded(None, insert)
    made = ids[0] == new
    await _identify(tx, call, program_id, customer_id, keys, stated or {})
    code = code_from_row(await tx.fetchrow(_GET, tenant.project_id, program_id, customer_id))
    if made:
        await stage_change(tx, tenant.shard, tenant.project_id, "referral_code", code.id, code.version, ())
        await record(tx, call, "referral_code.create", code.id, after={"program_id": program_id})
    return code, made


async def _insert(tx: Transaction, row: tuple[str, ...], ids: list[str]) -> object:
    """The id of the customer's code, new or not; None where this one is another's."""
    project_id, _, program_id, _, customer_id = row
    found: str | None = await tx.fetchval(_INSERT, *row)
    if found is None:
        there = await tx.fetchrow(_GET, project_id, program_id, customer_id)
        found = None if there is None else there["id"]
    if found is not None:
        ids.append(found)
    return found


def _declared(call: Call, keys: tuple[str, ...], stated: dict[str, str]) -> None:
    for name in stated:
        if name != EMAIL and name not in keys:
            call.errors.add(f"/identity/{name[:32]}", "is not among the program's identity_keys")
    call.errors.raise_if_any()


async def _identify(
    tx: Transaction, call: Call, program_id: str, customer_id: str, keys: tuple[str, ...], stated: dict[str, str]
) -> None:
    """Note what tells the referrer apart: what is stated, and the address that the project keeps."""
    project_id, secret = call.tenant.project_id, call.context.secret
    found = set(commitments(secret, project_id, keys, stated))
    for row in await tx.fetch(_EMAILS, project_id, [customer_id]):
        found.add((EMAIL, commitment(secret, project_id, EMAIL, row["email"])))
    if not found:
        return
    await tx.execute(_ADD_IDENTITIES, project_id, program_id, customer_id, *columns(sorted(found), 2))
    if await tx.fetchval(_COUNT_IDENTITIES, project_id, program_id, customer_id) > MOST_IDENTITIES:
        detail = f"a referrer has {MOST_IDENTITIES} identities at most"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/identity"),))


def _prefix_of(customer_id: str) -> str:
    """What of a customer's id can stand in a code, which others see: of an address not whose it is altogether."""
    return re.sub("[^A-Z0-9]", "", customer_id.partition("@")[0].upper())[:_LONGEST_PREFIX] or _NAMELESS


def code_from_row(row: Any) -> StoredCode:
    """The code of a row."""
    return msgspec.convert(dict(row), StoredCode)


def show_code(code: StoredCode) -> ReferralCodeView:
    """The code as the API shows it."""
    return ReferralCodeView(
        id=code.id,
        object="referral_code",
        code=code.code,
        program_id=code.program_id,
        customer_id=code.customer_id,
        status=code.status,
        metadata=msgspec.Raw(code.metadata.encode()),
        referrals=Used(code.used, code.inherited_limit),
        version=code.version,
        created_at=show_time(code.created_at),
        updated_at=show_time(code.updated_at),
    )
