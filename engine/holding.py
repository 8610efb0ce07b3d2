"""Reservations as they are known: by their record in Redis, or by their row in PostgreSQL."""

import msgspec

from domain.events import Reserved, decode
from domain.ids import is_id
from domain.ledger import Record
from domain.problems import Refused
from store.database import Database
from store.queries import query
from store.scripts import parse_record

from .records import in_either
from .shard import ServedShard

_ROWS = query("reservations_by_id")


class Held(msgspec.Struct, frozen=True):
    """A reservation: its last event that is known, when it was made, until when it holds, and what became of it.
    `record` is that of this epoch, whose event may not be settled yet; None where the ledger has the row."""

    event: Reserved
    status: str
    made_ms: int
    expires_ms: int
    redemption_id: str | None = None
    record: Record | None = None

    def status_at(self, now_ms: int) -> str:
        """What it is now: a hold whose time is over is expired, whoever has noticed."""
        return "expired" if self.status == "held" and self.expires_ms <= now_ms else self.status


async def find_reservation(database: Database, served: ServedShard, project_id: str, id_: str) -> Held:
    """The reservation, from the ledger or from this epoch's record; Refused where the project has none."""
    if not is_id("rsv", id_):
        raise Refused("reservation_not_found")
    found = await in_either(
        _in_redis(served, project_id, id_), lambda: reservation_in_ledger(database, project_id, id_)
    )
    if found is None:
        raise Refused("reservation_not_found")
    return found


async def _in_redis(served: ServedShard, project_id: str, id_: str) -> Held | None:
    raw = await served.shard.link.command("GET", served.shard.keyspace.record(id_))
    if raw is None:
        return None
    record = parse_record(raw)
    event = decode(record.payload)
    if not isinstance(event, Reserved) or event.project_id != project_id:
        return None
    return Held(event, "held", record.time_ms, event.expires_ms, record=record)


async def reservation_in_ledger(database: Database, project_id: str, id_: str) -> Held | None:
    """The row, if the ledger has it; one of UNAVAILABLE where PostgreSQL is away."""
    async with database.tenant_tx(project_id) as tx:
        row = await tx.fetchrow(_ROWS, project_id, [id_])
    if row is None or not row["body"]:
        return None
    event = decode(row["body"])
    assert isinstance(event, Reserved), "a reservation's body is its event"
    return Held(event, row["status"], row["created_ms"], row["expires_ms"], row["redemption_id"])
