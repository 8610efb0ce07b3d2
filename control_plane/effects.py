"""Effects: how every change is made, kept for its Idempotency-Key, put in force and answered.

One transaction makes the change; after it, Redis is told (steps (b) and (c) of every change). Where Redis cannot be
told, the answer says `pending`, and the projector goes on. Must never answer before the transaction has committed.
"""

from collections.abc import Awaitable, Callable

import msgspec
from litestar import Response

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


class Pending(msgspec.Struct, frozen=True):
    """The answer where something is gone, but not out of force yet; where it is, the answer is empty."""

    pending: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call: the answer when all is in force, and the one while it is not. Without a body it is 204.

    `first` is put in force before `change`, which relies on it, and so are `more`. `sealed` is kept for the
    Idempotency-Key in the body's place where the body holds a secret.
    """

    status: int
    body: msgspec.Struct | None
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
        if self.body is None:
            return msgspec.structs.replace(self, status=status, body=Pending())
        return msgspec.structs.replace(self, status=status, body=msgspec.structs.replace(self.body, pending=True))


Effect = Callable[[Transaction], Awaitable[Outcome]]
Reveal = Callable[[bytes], bytes]


def answer(status: int, body: msgspec.Struct | None) -> Response[bytes]:
    """An answer with a JSON body, or with none."""
    if body is None:
        return Response(b"", status_code=status)
    return Response(encode(body), status_code=status, media_type="application/json")


async def perform(call: AccountCall, effect: Effect, reveal: Reveal | None = None) -> Response[bytes]:
    """Make the effect once, whatever is retried, and answer. `reveal` opens an answer that was kept sealed."""
    async with call.open_tx() as tx:
        if call.idempotency_key is not None:
            kept = await claim(tx, call)
            if kept is not None:
                again = {"Idempotency-Replayed": "true"}
                if not kept.body:
                    return Response(b"", status_code=kept.status, headers=again)
                body = reveal(kept.body) if reveal else kept.body
                return Response(body, status_code=kept.status, media_type="application/json", headers=again)
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
        kept = outcome.sealed or outcome.body
        await keep(tx, call, outcome.status, b"" if kept is None else encode(kept))
