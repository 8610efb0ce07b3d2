"""Takes a person out of what PostgreSQL keeps, for good, and leaves the chains of receipts whole.

What is done stands in functions of the role vauchflow_eraser (migration 0021), a part at a time: the salts go, so that
the commitments in the links can be opened by nobody, and rows lose everything that names the customer. Everything
happens in the caller's transactions. Must never be handed what to write: an event is made blank where it is kept.
"""

from datetime import datetime, timedelta

import msgspec

from store.database import Transaction
from store.definitions import Object, stage_change
from store.queries import query
from store.scripts import RECORD_TTL_MS

MOST_AT_ONCE = 500

_REDEMPTIONS = query("erase_redemptions")
_RESERVATIONS = query("erase_reservations")
_HISTORY = [query(f"erase_{what}") for what in ("events", "orders", "publications", "referrals")]
# Cards before codes before vouchers, as everywhere.
_BELONGINGS = [query(name) for name in ("erase_owner_of_gift_cards", "erase_belongings", "erase_owner_of_vouchers")]
_TRACES = query("erase_traces")
_DROP = query("drop_customer")
_SHARD = query("shard_of_project")
_SET_SCOPE = query("set_scope")


class ErasedRedemptions(msgspec.Struct, frozen=True):
    """How many redemptions have forgotten whose they were, and what Redis may have of them: records with the events
    that they hold from now on, and the customer's own counters, which are gone."""

    count: int
    records: tuple[tuple[str, bytes], ...] = ()
    counters: tuple[str, ...] = ()


class ErasedReservations(msgspec.Struct, frozen=True):
    """Reservations that are gone, how many are still held, and the last one that was looked at; None at the end."""

    ids: tuple[str, ...]
    held_count: int
    last_id: str | None


class Changed(msgspec.Struct, frozen=True):
    """A definition that has changed."""

    object: Object
    id: str


async def erase_redemptions(
    tx: Transaction, project_id: str, customer_id: str, now: datetime | None
) -> ErasedRedemptions:
    """The customer's next redemptions with their rollbacks; none at the end. Of those that Redis has no records of any
    more `now`, none are given; None: of no one."""
    since = None if now is None else now - timedelta(milliseconds=2 * RECORD_TTL_MS)
    count = 0
    records: list[tuple[str, bytes]] = []
    counters: tuple[str, ...] = ()
    for row in await tx.fetch(_REDEMPTIONS, project_id, customer_id, MOST_AT_ONCE):
        if row["record_id"] is None:
            counters = tuple(row["own_counters"])
            continue
        count += row["is_redemption"]
        if since is not None and row["made_at"] > since:
            records.append((row["record_id"], row["body"]))
    return ErasedRedemptions(count, tuple(records), counters)


async def erase_reservations(tx: Transaction, project_id: str, customer_id: str, since: str) -> ErasedReservations:
    """The customer's among the project's next reservations."""
    row = await tx.fetchrow(_RESERVATIONS, project_id, customer_id, since, 40 * MOST_AT_ONCE)
    assert row is not None
    return ErasedReservations(tuple(row["erased"]), row["held_count"], row["last_id"])


async def erase_history(tx: Transaction, project_id: str, customer_id: str) -> int:
    """The customer's next events, orders, publications and referrals; how many."""
    done = 0
    for statement in _HISTORY:
        done += await tx.fetchval(statement, project_id, customer_id, MOST_AT_ONCE)
    return done


async def erase_belongings(tx: Transaction, shard: int, project_id: str, customer_id: str) -> list[Changed]:
    """The customer's next vouchers, cards and codes are nobody's; they are staged."""
    changed = []
    for statement in _BELONGINGS:
        for row in await tx.fetch(statement, project_id, customer_id, MOST_AT_ONCE):
            await stage_change(tx, shard, project_id, row["object"], row["object_id"], row["version"], ())
            changed.append(Changed(row["object"], row["object_id"]))
    return changed


async def erase_traces(tx: Transaction, project_id: str, customer_id: str) -> list[str]:
    """What else tells of the customer; the ids of quarantine entries that do and are not settled."""
    entries: list[str] = await tx.fetchval(_TRACES, project_id, customer_id)
    return entries


async def drop_customer(tx: Transaction, shard: int, project_id: str, customer_id: str) -> bool:
    """The row goes with all that a shop has said of the customer, and is staged as gone; False where there was none.
    One who comes back is newer than what Redis may still have."""
    version = await tx.fetchval(_DROP, project_id, customer_id)
    if version is None:
        return False
    await stage_change(tx, shard, project_id, "customer", customer_id, version, ())
    return True


async def erase_customer(tx: Transaction, project_id: str, customer_id: str) -> int:
    """All of it at once, as the owner: how many redemptions have forgotten whose they were. Redis is not told."""
    await tx.execute(_SET_SCOPE, project_id, "", "", "", "")
    shard: int = await tx.fetchval(_SHARD, project_id)
    count = 0
    while done := (await erase_redemptions(tx, project_id, customer_id, None)).count:
        count += done
    since: str | None = ""
    while since is not None:
        since = (await erase_reservations(tx, project_id, customer_id, since)).last_id
    while await erase_history(tx, project_id, customer_id):
        pass
    while await erase_belongings(tx, shard, project_id, customer_id):
        pass
    await drop_customer(tx, shard, project_id, customer_id)
    await erase_traces(tx, project_id, customer_id)
    return count
