"""Erasing a customer: ordered by a request, done by the worker, a part at a time, whoever is killed meanwhile.

PostgreSQL first, then Redis: what it is to let go of is noted in the transaction that erases it, and told until it has
been heard. Over only when the ledger has settled all that was granted before it was asked for. Must never write into
the audit log or keep with the action, once it is over, who it was.
"""

import secrets
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import Literal

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.bodies import NoBody
from control_plane.calls import Call
from control_plane.customers.schemas import ErasureAccepted
from control_plane.effects import Change, Outcome, perform
from control_plane.in_force import NOT_TOLD, on_shard
from control_plane.jobs.kinds import Failure, Run, Step
from control_plane.jobs.ordering import insert_action
from control_plane.jobs.spool import drop_input, read_chunk, write_chunk
from control_plane.shop_ids import is_shop_id
from domain.definitions import customer_key
from domain.ledger import Position
from domain.outcomes import Status
from domain.problems import Refused
from store.database import Transaction
from store.erasing import (
    drop_customer,
    erase_belongings,
    erase_history,
    erase_redemptions,
    erase_reservations,
    erase_traces,
)
from store.queries import query
from store.scripts import Forgotten, Scripts

ACTION_TYPE = "customer_erasure"
MOST_KEYS = 500
"""Of one script: Redis answers nobody else meanwhile."""
_REDIS_AWAY_S = 5.0
_UNSETTLED_S = 1.0
_HELD_S = 30.0
"""How long an erasure waits before it asks again: for Redis, for the ledger, for a reservation to end."""

_UNDER_WAY = query("control_erasure_under_way")
_FORGET_PARAMS = query("control_forget_params")
_SETTLED = query("control_settled")

Phase = Literal["redemptions", "reservations", "history", "belongings", "settling"]


class Place(msgspec.Struct, frozen=True):
    """How far an erasure is. `telling`: the spool holds what Redis is still to let go of. `since`: the last reservation
    that was looked at; `held`: how many are not over. `epoch` and `entry`: up to where the ledger must have come."""

    phase: Phase = "redemptions"
    telling: bool = False
    since: str = ""
    held: int = 0
    epoch: int = 0
    entry: str = ""


class Spool(msgspec.Struct, frozen=True, array_like=True):
    """What Redis is still to let go of."""

    records: list[tuple[str, bytes]] = []
    counters: list[str] = []


async def erase_customer(call: Call, customer_id: str) -> Response[bytes]:
    """POST /v1/customers/{id}/erase: taken on, whoever it is; another call while it is under way answers the same."""
    call.body(NoBody)
    call.errors.raise_if_any()
    if not is_shop_id(customer_id):
        raise Refused("customer_not_found")
    response = await perform(call, partial(_order, call, customer_id))
    call.context.batches_due.set()
    return response


async def _order(call: Call, customer_id: str, tx: Transaction) -> Outcome:
    tenant = call.tenant
    change = Change("customer", customer_id)
    await drop_customer(tx, tenant.shard, tenant.project_id, customer_id)
    action_id = await tx.fetchval(_UNDER_WAY, tenant.project_id, ACTION_TYPE, customer_id)
    if action_id is None:
        params = {"customer_id": customer_id}
        action_id = await insert_action(tx, call, ACTION_TYPE, 0, params, is_open_ended=True, keeps_chunks=True)
        # Nobody keeps the salt: that it happened stands there, and whoever knows the id cannot find it.
        salted = blake2b(customer_id.encode(), key=secrets.token_bytes(32), digest_size=16).hexdigest()
        await record(tx, call, "customer.erase", f"erased:{salted}", after={"async_action_id": action_id})
    return Outcome(202, ErasureAccepted(action_id), change)


async def erase_part(tx: Transaction, run: Run) -> Step:
    """The next part."""
    place = msgspec.convert(run.position, Place)
    if place.telling:
        return await _tell(tx, run, place)
    if not place.epoch:
        return await _begin(run, place)
    return await _PARTS[place.phase](tx, run, place)


async def _begin(run: Run, place: Place) -> Step:
    """Where the stream ends now: what stands in it may be the customer's."""
    told = await _forget(run, definitions=[_key(run)])
    if told is None:
        return Step(wait_s=_REDIS_AWAY_S)
    epoch, forgotten = told
    return Step(position=_moved(place, epoch=epoch, entry=str(forgotten.last)))


async def _redemptions(tx: Transaction, run: Run, place: Place) -> Step:
    erased = await erase_redemptions(tx, run.action.project_id, _customer(run), datetime.now(UTC))
    if not erased.count:
        return Step(position=_moved(place, phase="reservations"))
    await _note(tx, run, Spool(list(erased.records), list(erased.counters)))
    return Step(done=erased.count, position=_moved(place, telling=True))


async def _reservations(tx: Transaction, run: Run, place: Place) -> Step:
    erased = await erase_reservations(tx, run.action.project_id, _customer(run), place.since)
    if erased.ids:
        await _note(tx, run, Spool([(id_, b"") for id_ in erased.ids]))
    at_end = erased.last_id is None
    held = place.held + erased.held_count
    phase: Phase = "history" if at_end else "reservations"
    return Step(position=_moved(place, phase=phase, since=erased.last_id or "", held=held, telling=bool(erased.ids)))


async def _history(tx: Transaction, run: Run, place: Place) -> Step:
    done = await erase_history(tx, run.action.project_id, _customer(run))
    return Step(position=place if done else _moved(place, phase="belongings"))


async def _belongings(tx: Transaction, run: Run, place: Place) -> Step:
    changed = await erase_belongings(tx, run.action.shard, run.action.project_id, _customer(run))
    changes = tuple(Change(each.object, each.id) for each in changed)
    return Step(position=place if changed else _moved(place, phase="settling"), changes=changes)


async def _settling(tx: Transaction, run: Run, place: Place) -> Step:
    """The end, once the ledger has come so far and has nothing of the customer's."""
    if not await _is_settled(run, place):
        return Step(wait_s=_UNSETTLED_S)
    if place.held:
        return Step(position=_moved(place, phase="redemptions", held=0), wait_s=_HELD_S)
    step = await _redemptions(tx, run, place)
    if step.done:
        return Step(done=step.done, position=_moved(place, phase="redemptions", telling=True))
    if await _forget(run, definitions=[_key(run)]) is None:
        return Step(wait_s=_REDIS_AWAY_S)
    entries = await erase_traces(tx, run.action.project_id, _customer(run))
    await tx.execute(_FORGET_PARAMS, run.action.project_id, run.action.id)
    why = "stands in quarantine: settle it, then ask for the erasure again"
    failures = [Failure(number, entry, why) for number, entry in enumerate(entries, 1)]
    return Step(failures=failures, position=Place(), is_over=True)


_PARTS = {
    "redemptions": _redemptions,
    "reservations": _reservations,
    "history": _history,
    "belongings": _belongings,
    "settling": _settling,
}


async def _tell(tx: Transaction, run: Run, place: Place) -> Step:
    """Redis lets go of what is noted; what it cannot let go of yet is noted again."""
    data = await read_chunk(tx, run.action.project_id, run.action.id, "input", 0)
    spool = Spool() if data is None else msgspec.msgpack.decode(data, type=Spool)
    records, counters, kept = spool.records, spool.counters, list[str]()
    while records or counters:
        told = await _forget(run, counters=counters[:MOST_KEYS], records=records[:MOST_KEYS])
        if told is None:
            return Step(wait_s=_REDIS_AWAY_S)
        records, counters = records[MOST_KEYS:], counters[MOST_KEYS:]
        kept += told[1].kept
    await drop_input(tx, run.action.project_id, run.action.id)
    if kept:
        await _note(tx, run, Spool(counters=kept))
        return Step(wait_s=_UNSETTLED_S)
    return Step(position=_moved(place, telling=False))


async def _forget(
    run: Run,
    definitions: list[str] | None = None,
    counters: list[str] | None = None,
    records: list[tuple[str, bytes]] | None = None,
) -> tuple[int, Forgotten] | None:
    """What Redis says, and in which epoch; None where it cannot be told now."""
    said: list[tuple[int, Forgotten]] = []

    async def forget(scripts: Scripts) -> bool:
        forgotten = await scripts.forget(run.action.project_id, definitions or (), counters or (), records or ())
        said.append((scripts.keyspace.epoch, forgotten))
        return forgotten.status is Status.OK

    try:
        return said[-1] if await on_shard(run.context, run.action.shard, forget) else None
    except NOT_TOLD:
        return None


async def _is_settled(run: Run, place: Place) -> bool:
    async with run.context.database.shard_tx(run.action.shard) as tx:
        row = await tx.fetchrow(_SETTLED, run.action.shard)
    if row is None:
        return False
    # An epoch opens when all of those before it is settled, or is in quarantine.
    settled = row["epoch"], Position(row["entry_ms"], row["entry_seq"])
    return settled >= (place.epoch, Position.parse(place.entry))


async def _note(tx: Transaction, run: Run, spool: Spool) -> None:
    await write_chunk(tx, run.action.project_id, run.action.id, "input", 0, msgspec.msgpack.encode(spool))


def _moved(place: Place, **to: object) -> Place:
    return msgspec.structs.replace(place, **to)


def _customer(run: Run) -> str:
    return str(run.params["customer_id"])


def _key(run: Run) -> str:
    return customer_key(run.action.project_id, _customer(run))
