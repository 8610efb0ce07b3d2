"""The audit log: one entry for each change, in its transaction. Must never be given a key or a body."""

from collections.abc import Sequence
from typing import Any, Protocol

from control_plane.clock import new_id
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_audit")
_OWN = query("control_audit_own")


class Acting(Protocol):
    """Whoever changes something: a call, or somebody who signs up and has no session yet."""

    @property
    def account_id(self) -> str: ...
    @property
    def project_id(self) -> str | None: ...
    @property
    def actor(self) -> str: ...


async def record(
    tx: Transaction,
    call: Acting,
    action: str,
    object_id: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    project_id: str | None = None,
) -> None:
    """An entry `object.verb`, by the call's key or member."""
    await tx.execute(
        _INSERT,
        call.account_id,
        project_id or call.project_id,
        new_id("aud"),
        call.actor,
        action,
        action.partition(".")[0],
        object_id,
        before,
        after,
    )


async def record_own(tx: Transaction, account_ids: Sequence[str], action: str) -> None:
    """An entry `member.action` in the log of each of these accounts of which the person is a member, by themselves;
    within the person's transaction."""
    await tx.execute(_OWN, action, list(account_ids), [new_id("aud") for _ in account_ids])
