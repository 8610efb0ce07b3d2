"""Epochs in PostgreSQL: how one follows another, and how a person releases or abandons one.

Every function works in the caller's transaction and compares before it sets: the loser of a race gets EpochMoved and
reads again. Must never talk to a Redis, but for `release`, which tells it what PostgreSQL says already.
"""

from typing import Any

import asyncpg
import msgspec

from domain.ledger import Position
from store.database import Transaction
from store.keys import Keyspace
from store.link import FencedOut, Identity, Link, RedisFull, RedisUnavailable, ScriptFailed
from store.quarantine import raise_alarm, resolve_alarm
from store.queries import query
from store.scripts import Scripts

_NEWEST = query("newest_epoch")
_LOCK = query("lock_shard")
_BEGIN_CLOSING = query("begin_closing")
_CLOSE = query("close_epoch")
_ACCOUNT_FOR = query("account_for_epochs")
_UNACCOUNTED = query("count_unaccounted")
_INSERT = query("insert_epoch")
_INSERT_POSITION = query("insert_position")
_MOVE_POSITION = query("move_position_to_epoch")
_OPEN = query("open_epoch")
_RELEASE = query("release_epoch")
_WRITE_OFF = query("write_off_unaccounted")
_ABANDON = query("abandon_epoch")
_LIST = query("list_epochs")
_WORKERS = query("registered_workers")
_OVER_LEASES = query("over_leases")
_FORGET_DRAINED = query("forget_drained_leases")
_LATE_RINGS = query("has_late_rings")
_MAY_WITHHOLD_LESS = query("may_withhold_less")
_CLOSED_BEFORE = query("closed_epochs_before")
_SWEEP_LEASES = query("sweep_leases")
_SWEEP_RINGS = query("sweep_ring_entries")


class EpochMoved(Exception):
    """Another reconciler was faster: read again."""


class ShardState(msgspec.Struct, frozen=True):
    """The newest epoch of a shard, and where the ledger stands. `withheld_epochs` counts what nobody released,
    `ever_open` says whether any epoch of the shard ever was."""

    shard: int
    epoch: int
    state: str
    identity: Identity
    withheld_epochs: int
    position_epoch: int
    position: Position
    ever_open: bool


async def read_state(tx: Transaction, shard: int) -> ShardState | None:
    """The shard's newest epoch; None where there never was one."""
    row = await tx.fetchrow(_NEWEST, shard)
    if row is None:
        return None
    identity = Identity(row["run_id"], row["replication_id"])
    position = Position(row["entry_ms"], row["entry_seq"])
    return ShardState(
        shard,
        row["epoch"],
        row["state"],
        identity,
        row["withheld_epochs"],
        row["position_epoch"],
        position,
        row["ever_open"],
    )


async def begin_first(tx: Transaction, shard: int, identity: Identity) -> int:
    """Epoch 1, opening."""
    try:
        await tx.execute(_INSERT, shard, 1, identity.run_id, identity.replication_id, 0)
        await tx.execute(_INSERT_POSITION, shard, 1)
    except asyncpg.UniqueViolationError as error:
        raise EpochMoved(f"shard {shard} has an epoch already") from error
    return 1


async def begin_closing(tx: Transaction, shard: int, epoch: int) -> None:
    """From here on no worker enters the epoch, and those that are in it seal their rings and hand them in."""
    await tx.execute(_LOCK, shard)
    await tx.execute(_BEGIN_CLOSING, shard, epoch)


async def begin_next(
    tx: Transaction, old: ShardState, identity: Identity, unaccounted: str | None, reason: str
) -> tuple[int, int]:
    """Close the old epoch and begin the next, in one transaction with the position: its number, and for how many
    epochs it withholds. `unaccounted` is `workers` or `abandoned` where the old one may have acknowledged what is
    nowhere; `reason` says why its data are not believed."""
    new = old.epoch + 1
    await tx.execute(_CLOSE, old.shard, old.epoch, unaccounted, reason)
    await tx.execute(_ACCOUNT_FOR, old.shard)
    withheld = await tx.fetchval(_UNACCOUNTED, old.shard)
    try:
        await tx.execute(_INSERT, old.shard, new, identity.run_id, identity.replication_id, withheld)
    except asyncpg.UniqueViolationError as error:
        raise EpochMoved(f"shard {old.shard} has epoch {new} already") from error
    position = old.position
    moved = await tx.fetchrow(_MOVE_POSITION, old.shard, new, old.position_epoch, position.entry_ms, position.entry_seq)
    if moved is None:
        raise EpochMoved(f"shard {old.shard} is not at {position} of epoch {old.position_epoch}")
    if withheld:
        detail = {"epoch": new, "withheld_epochs": withheld, "reason": reason}
        await raise_alarm(tx, "epoch_withheld", old.shard, detail)
    else:
        await resolve_alarm(tx, "epoch_withheld", old.shard)
    return new, withheld


async def open_epoch(tx: Transaction, shard: int, epoch: int) -> None:
    """Opening becomes open: from here on workers use it."""
    if await tx.fetchrow(_OPEN, shard, epoch) is None:
        raise EpochMoved(f"epoch {epoch} of shard {shard} is not opening any more")


class WorkerReport(msgspec.Struct, frozen=True):
    """One worker that had a lease in an epoch. `accounted`: nothing that it has answered can be missing."""

    worker_id: str
    acknowledged: Position
    accounted: bool
    lease_is_over: bool


async def registered_workers(tx: Transaction, shard: int, epoch: int) -> list[WorkerReport]:
    """Everyone who may have answered in the epoch and is not known to be settled."""
    return [
        WorkerReport(
            row["worker_id"], Position(row["last_ack_ms"], row["last_ack_seq"]), row["is_accounted"], row["is_over"]
        )
        for row in await tx.fetch(_WORKERS, shard, epoch)
    ]


async def over_leases(tx: Transaction, shard: int, epoch: int) -> list[str]:
    """Workers of an open epoch whose lease has run out, so that they answer nothing more under it."""
    return [row["worker_id"] for row in await tx.fetch(_OVER_LEASES, shard, epoch)]


async def forget_drained(tx: Transaction, shard: int, epoch: int, workers: list[str], last: Position) -> None:
    """Forget those workers, if all up to `last`, read after their leases were over, is settled."""
    await tx.execute(_FORGET_DRAINED, shard, epoch, workers, last.entry_ms, last.entry_seq)


async def has_late_rings(tx: Transaction, shard: int, epoch: int) -> bool:
    """Whether a ring of an epoch before this one has been handed in."""
    return bool(await tx.fetchval(_LATE_RINGS, shard, epoch))


async def may_withhold_less(tx: Transaction, shard: int, epoch: int) -> bool:
    """Whether the next epoch would withhold less than the open one."""
    return bool(await tx.fetchval(_MAY_WITHHOLD_LESS, shard, epoch))


async def closed_epochs_before(tx: Transaction, shard: int, epoch: int) -> list[int]:
    """Epochs that are over and settled, the newest first."""
    return [row["epoch"] for row in await tx.fetch(_CLOSED_BEFORE, shard, epoch)]


async def sweep_leases(tx: Transaction, shard: int) -> None:
    """Forget the leases of epochs that are accounted for, and what was handed in of an open one and is settled."""
    await tx.execute(_SWEEP_LEASES, shard)
    await tx.execute(_SWEEP_RINGS, shard)


# -- what a person does; these work with the owner's connection and with shard_tx --------------------------------------


async def list_epochs(tx: Transaction, shard: int | None = None) -> list[dict[str, Any]]:
    """All epochs of one shard or of all, oldest first: state, times, what is withheld, who released it."""
    return [dict(row) for row in await tx.fetch(_LIST, shard)]


async def release_epoch(tx: Transaction, shard: int, by: str) -> tuple[int, Identity] | None:
    """Say that what the open epoch withholds is accounted for; None where nothing is withheld. The reconciler
    tells Redis within half a second, `release` at once."""
    row = await tx.fetchrow(_RELEASE, shard, by)
    if row is None:
        return None
    await tx.execute(_WRITE_OFF, shard)
    await resolve_alarm(tx, "epoch_withheld", shard)
    return row["epoch"], Identity(row["run_id"], row["replication_id"])


async def abandon_epoch(tx: Transaction, shard: int, by: str) -> int | None:
    """A person's answer to `ledger_behind`: this epoch is over, the reconciler opens the next with one more window
    withheld. None where no epoch is open."""
    epoch = await tx.fetchval(_ABANDON, shard)
    if epoch is not None:
        # Raised and resolved: the alarm's row keeps who decided.
        await raise_alarm(tx, "ledger_behind", shard, {"abandoned_epoch": epoch, "by": by})
        await resolve_alarm(tx, "ledger_behind", shard)
    return epoch  # type: ignore[no-any-return]


async def release(connection: Any, redis_url: str, shard: int, by: str) -> bool:
    """Release a shard's epoch in PostgreSQL, and in Redis if that answers. `connection` is the owner's, or a
    transaction of the reconciler's; False where nothing was withheld."""
    async with connection.transaction():
        released = await release_epoch(connection, shard, by)
    if released is None:
        return False
    epoch, identity = released
    link = Link(redis_url, identity, max_connections=1)
    try:
        await Scripts(link, Keyspace(shard, epoch)).release()
    except (FencedOut, RedisFull, RedisUnavailable, ScriptFailed):
        # The reconciler sees in PostgreSQL that it is released, and tells Redis as soon as that answers.
        return True
    finally:
        await link.close()
    return True
