"""Effects: how every change is made, kept for its Idempotency-Key, put in force and answered.

One transaction makes the change; after it, Redis is told (steps (b) and (c) of every change). Where Redis cannot be
told, the answer says `pending`, and the projector goes on. Must never answer before the transaction has committed.
"""

from collections.abc import Awaitable, Callable

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from control_plane.calls import AccountCall, Call
from control_plane.idempotency import claim, keep
from control_plane.in_force import put_in_force
from domain.views import encode
from store.database import Transaction
from store.definitions import Object


class Change(msgspec.Struct, frozen=True):
    """A definition whose newest version Redis must be told."""

    object: Object
    id: str
    created: bool = False


class Removed(msgspec.Struct):
    """What a DELETE answers while Redis has not been told of it; afterwards nothing, with 204."""

    pending: bool | UnsetType = UNSET


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call: the answer when all is in force, and the one while it is not.

    `first` is put in force before `change`, which relies on it, and so are `more`. `sealed` is kept for the
    Idempotency-Key in the body's place where the body holds a secret.
    """

    status: int
    body: msgspec.Struct
    change: Change | None = None
    sealed: msgspec.Struct | None = None
    first: Change | None = None
    more: tuple[Change, ...] = ()

    @property
    def pending(self) -> "Outcome":
        if self.change is None:
            return self
        # Nothing of what was created can be in force elsewhere: it is created, whoever has been told.
        status = self.status if self.change.created else 202
        return msgspec.structs.replace(self, status=status, body=msgspec.structs.replace(self.body, pending=True))


NO_CONTENT = 204
Effect = Callable[[Transaction], Awaitable[Outcome]]
Reveal = Callable[[bytes], bytes]


def answer(status: int, body: msgspec.Struct) -> Response[bytes]:
    """An answer with a JSON body; with 204 without one."""
    return _sent(status, encode(body))


def _sent(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response[bytes]:
    if status == NO_CONTENT:
        return Response(b"", status_code=status, headers=headers)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


async def perform(call: AccountCall, effect: Effect, reveal: Reveal | None = None) -> Response[bytes]:
    """Make the effect once, whatever is retried, and answer. `reveal` opens an answer that was kept sealed."""
    async with call.open_tx() as tx:
        if call.idempotency_key is not None:
            kept = await claim(tx, call)
            if kept is not None:
                body = reveal(kept.body) if reveal else kept.body
                return _sent(kept.status, body, {"Idempotency-Replayed": "true"})
        outcome = await effect(tx)
        await _keep(tx, call, outcome.pending)
    if outcome.change is None:
        return answer(outcome.status, outcome.body)
    assert isinstance(call, Call)
    tenant = call.tenant
    for change in (outcome.first, *outcome.more, outcome.change):
        if change is not None and not await put_in_force(
            call.context, tenant.shard, tenant.project_id, change.object, change.id, change.created
        ):
            return answer(outcome.pending.status, outcome.pending.body)
    if call.idempotency_key is not None:
        async with call.open_tx() as tx:
            await _keep(tx, call, outcome)
    return answer(outcome.status, outcome.body)


async def _keep(tx: Transaction, call: AccountCall, outcome: Outcome) -> None:
    if call.idempotency_key is not None:
        await keep(tx, call, outcome.status, encode(outcome.sealed or outcome.body))
