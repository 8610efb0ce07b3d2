"""One effect per Idempotency-Key, for ever: the answer is kept in the transaction of the effect, and given again for a
day.

Must never keep a secret: the answers of calls that make API keys are kept sealed (see api_keys/sealing.py).
"""

import asyncpg
import msgspec

from control_plane.calls import AccountCall
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

_FORGET_OLD = query("control_forget_old_answers")
_CLAIM = query("control_claim_idempotency_key")
_KEPT = query("control_kept_answer")
_KEEP = query("control_keep_answer")
_FORGET = query("control_forget_answer")


class KeptAnswer(msgspec.Struct, frozen=True):
    """What the first request with a key was answered."""

    status: int
    body: bytes


async def claim(tx: Transaction, call: AccountCall) -> KeptAnswer | None:
    """Take the call's key for this transaction, or return what it was answered before."""
    name = (call.account_id, call.project_id, call.operation, call.idempotency_key)
    try:
        await tx.execute(_FORGET_OLD, *name)
        if await tx.fetchval(_CLAIM, *name, call.fingerprint):
            return None
        row = await tx.fetchrow(_KEPT, *name)
    except asyncpg.LockNotAvailableError as error:
        raise Refused("idempotency_in_progress") from error
    if row is None:  # what had it turned out to be refused, a moment ago
        raise Refused("idempotency_in_progress")
    if row["fingerprint"] != call.fingerprint:
        raise Refused("idempotency_key_reused")
    if row["body"] is None:
        raise Refused("idempotency_key_expired")
    return KeptAnswer(row["status"], row["body"])


async def keep(tx: Transaction, call: AccountCall, status: int, body: bytes) -> None:
    """Keep the answer under the key that this call has claimed."""
    name = (call.account_id, call.project_id, call.operation, call.idempotency_key)
    await tx.execute(_KEEP, *name, status, body)


async def forget(tx: Transaction, call: AccountCall) -> None:
    """Let go of the call's key: what was answered as pending turned out to be refused."""
    await tx.execute(_FORGET, call.account_id, call.project_id, call.operation, call.idempotency_key)
