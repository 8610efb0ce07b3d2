"""`quarantine`: what the ledger could not take, of all tenants, and the way out of it.

A wish travels through the shard's stream like every event: the reconciler stays the ledger's only writer. Must never
show what an event says of a person.
"""

import asyncio
from typing import Any, Literal

import click
import msgspec

from control_plane.cli.answering import AWAY, CommandFailed, answer
from control_plane.cli.parameters import SHARD, Name, operator
from domain.events import Settled, decode
from domain.events import encode as encode_event
from domain.ids import fingerprint
from domain.ledger import Item, Mode
from domain.outcomes import Status, Verdict
from store.database import owner_connection
from store.environment import required
from store.keys import Keyspace
from store.link import Link
from store.queries import query
from store.scripts import Scripts
from store.shards import current_epoch

WAIT_S = 10.0
_LOOK_S = 0.1
_MOST = 1000
_FIND = query("operator_quarantine")

Action = Literal["apply", "void"]


@click.group()
def quarantine() -> None:
    """Events that could not be settled."""


@quarantine.command("list")
@click.option("--shard", type=SHARD)
@click.option("--project", help="its id")
@click.option("--status", type=click.Choice(["open", "applied", "void", "refused"]), default="open", show_default=True)
def list_(shard: int | None, project: str | None, status: str) -> None:
    """Entries of all tenants, the oldest first, a thousand at most."""
    answer(_list(shard, project, status))


@quarantine.command("show")
@click.argument("entry_id")
def show(entry_id: str) -> None:
    """One entry, with what its event would move."""
    answer(_show(entry_id))


@quarantine.command("apply")
@click.argument("entry_id")
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def apply_(entry_id: str, by: str | None) -> None:
    """It happened and shall count. 1 if the ledger still cannot take it: the detail says why."""
    answer(_settle(entry_id, "apply", operator(by)))


@quarantine.command("void")
@click.argument("entry_id")
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def void(entry_id: str, by: str | None) -> None:
    """It shall not count, and its units come back."""
    answer(_settle(entry_id, "void", operator(by)))


async def _list(shard: int | None, project: str | None, status: str) -> list[dict[str, Any]]:
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        rows = await connection.fetch(_FIND, shard, status, project, _MOST, None)
    return [_shown(row) for row in rows]


async def _show(entry_id: str) -> dict[str, Any]:
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        row = await _load(connection, entry_id)
    return {**_shown(row), "event": _told(row["payload"])}


async def _load(connection: Any, entry_id: str) -> Any:
    row = None
    if "\x00" not in entry_id:
        row = await connection.fetchrow(_FIND, None, None, None, 1, entry_id)
    if row is None:
        raise CommandFailed(f"there is no entry {entry_id[:100]}")
    return row


def _shown(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "payload"}


def _told(payload: bytes) -> dict[str, Any]:
    """Kind and moves of an event, and nothing that it says of a person: whose counter it is stays with its family."""
    try:
        event = decode(payload)
    except msgspec.DecodeError:
        return {"kind": "unreadable", "bytes": len(payload)}
    told: dict[str, Any] = {"kind": type(event).__name__.lower(), "bytes": len(payload)}
    lines = getattr(event, "lines", ())
    if lines:
        told["lines"] = [
            {
                "object": line.object,
                "id": line.redeemable_id,
                "moves": [(family or counter, amount) for counter, amount, family in line.moves],
            }
            for line in lines
        ]
    return told


async def _settle(entry_id: str, action: Action, by: str) -> dict[str, Any]:
    """Put the wish into the stream, and wait for what the ledger makes of it."""
    redis_url = required("VAUCHFLOW_REDIS_URL")
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        entry = await _load(connection, entry_id)
        if entry["status"] != "open":
            raise CommandFailed(f"the entry is {entry['status']} already", status=entry["status"])
        await _wish(connection, redis_url, entry, action, by)
        loop = asyncio.get_running_loop()
        ends = loop.time() + WAIT_S
        while loop.time() < ends:
            now = await _load(connection, entry_id)
            if now["status"] != "open":
                return _shown(now)
            if now["detail"] != entry["detail"]:
                raise CommandFailed("the ledger cannot take it", detail=now["detail"].partition("\n")[0])
            await asyncio.sleep(_LOOK_S)
    raise CommandFailed("the wish is in the stream, and no reconciler has taken it yet", AWAY)


async def _wish(connection: Any, redis_url: str, entry: Any, action: Action, by: str) -> None:
    """As POST /v1/quarantine/{id}/{action} does it, for entries of every tenant and of none. The record is of entry,
    action and detail: a second wish adds nothing, but goes through where the ledger could not do the first one."""
    epoch = await current_epoch(connection, entry["shard"])
    if epoch is None:
        raise CommandFailed(f"shard {entry['shard']} has no open epoch", AWAY)
    wish = fingerprint(f"quarantine/{entry['id']}/{action}", entry["detail"].encode())
    item = Item(
        Mode.COMMIT,
        record_id=f"q:{entry['id']}:{action}:{wish.hex()}",
        fingerprint=wish,
        payload=encode_event(Settled(entry["id"], entry["project_id"] or "", action, by)),
    )
    link = Link(redis_url, epoch.identity)
    try:
        reply = await Scripts(link, Keyspace(epoch.shard, epoch.number)).commit([item])
    finally:
        await link.close()
    if reply.status is not Status.OK:
        raise CommandFailed(f"the epoch of shard {entry['shard']} is not open in Redis", AWAY)
    if reply.outcomes[0].verdict is Verdict.BACKLOG:
        raise CommandFailed("the ledger lags: too much waits for it", AWAY)
