"""Whether one customer can refer another, as far as PostgreSQL knows before the commit; and what the event says of it.

The ledger's constraints have the last word. Must never let an address or an identity out of the request: what is kept
and compared are commitments.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.decisions import Found, Request
from domain.events import Referral
from domain.referrals import EMAIL, Facts, commitment, commitments
from domain.referrals import standing as judge
from store.database import Transaction
from store.queries import query

from .auth import Tenant
from .worker import Worker

Identities = tuple[tuple[str, bytes], ...]

_EMAILS = query("referral_emails")
_FACTS = query("referral_facts")


class Referred(NamedTuple):
    """`refusal` is the outcome code where the one cannot refer the other; `identities` are the referred customer's."""

    refusal: str | None
    identities: Identities = ()


async def standing(worker: Worker, tenant: Tenant, found: Found, request: Request) -> Referred:
    """How it stands between the code's owner and the customer; one of UNAVAILABLE where PostgreSQL is away."""
    code, program = found.redeemable, found.campaign
    assert code is not None, "a referral code was found"
    assert code.customer_id is not None, "a referral code is somebody's"
    assert program is not None, "a referral code is a program's"
    referrer, referee = code.customer_id, request.customer_id
    if referee is None or referee == referrer:
        return Referred(judge(Facts(referrer, referee)))
    secret, project_id = worker.settings.secret, tenant.project_id
    async with worker.database.tenant_tx(project_id) as tx:
        emails = await _emails(tx, project_id, (referrer, referee))
        identities = identities_of(secret, project_id, program.identity_keys, request, emails.get(referee))
        keys, values = [key for key, _ in identities], [value for _, value in identities]
        row = await tx.fetchrow(_FACTS, project_id, program.id, referrer, referee, keys, values)
    assert row is not None, "the facts are one row"
    shares = bool(row["shares_identity"])
    if referrer in emails:
        shares = shares or (EMAIL, commitment(secret, project_id, EMAIL, emails[referrer])) in identities
    facts = Facts(referrer, referee, shares, bool(row["is_referred"]), bool(row["is_ring"]))
    return Referred(judge(facts), identities)


def identities_of(
    secret: bytes, project_id: str, keys: tuple[str, ...], request: Request, stored_email: str | None
) -> Identities:
    """What tells the customer of a request apart: what the request states, and the address that the project keeps.
    Where those differ, each does."""
    stated = commitments(secret, project_id, keys, request.identity or {})
    stated += tuple([each for each in request.identities if each[0] in (EMAIL, *keys)])
    if stored_email is None:
        return stated
    return tuple(dict.fromkeys((*stated, (EMAIL, commitment(secret, project_id, EMAIL, stored_email)))))


def referral_of(found: Found, referred: Referred, customer_id: str, line: int) -> Referral:
    """What the event says of it; `line` is the number of the code's line, from 0."""
    code, program = found.redeemable, found.campaign
    assert code is not None, "a referral code was found"
    assert program is not None, "a referral code is a program's"
    return Referral(line, program.id, code.id, customer_id, referred.identities)


async def _emails(tx: Transaction, project_id: str, customer_ids: Sequence[str]) -> dict[str, str]:
    return {row["id"]: row["email"] for row in await tx.fetch(_EMAILS, project_id, list(customer_ids))}
