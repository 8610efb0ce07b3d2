"""One shard with a project on it, and hands to do what engines and people do to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from domain.definitions import change_key
from domain.events import Event, Line, Redeemed, Released, Reserved, RolledBack, Settled, encode
from domain.ledger import CommitReply, CounterHold, CounterState, HoldUse, Item, Mode, Move, Position
from domain.outcomes import Status, Verdict
from engine.reconciler.metrics import Metrics
from engine.reconciler.process import Reconciler
from engine.reconciler.recovery import Recovery
from engine.reconciler.servers import Servers, read_meta
from engine.reconciler.settings import Settings
from engine.reconciler.settler import Settler
from store.database import Database
from store.keys import Keyspace
from store.ledger_rows import Fate, Place, Summary, alias_of
from store.link import Link
from store.queries import query
from store.recovery import ShardState, read_state
from store.rings import Answer, hand_in, report
from store.scripts import Scripts
from tests.servers.postgres import DatabaseUrls
from tests.servers.waiting import eventually

SHARD = 3
PROJECT = "prj_a"
ACCOUNT = "acc_a"
CODE = "r:vch_1"
"""A code's counter with a limit of 5."""

FAMILY = "u:cmp_1"
"""The template of customers' counters, with a limit of 2."""

SEED_SQL = Path(__file__).parent / "seed.sql"


def redeemed(
    redemption_id: str, *, customer: str | None = None, amount: int = 1, committed: bool = False, **changes: Any
) -> Redeemed:
    """A redemption of the code; with a customer, of his counter too."""
    moves = [(CODE, amount, "")]
    if customer is not None:
        moves.append((f"{FAMILY}:{customer}", amount, FAMILY))
    fields: dict[str, Any] = {
        "id": redemption_id,
        "account_id": ACCOUNT,
        "project_id": PROJECT,
        "fingerprint": b"f" * 16,
        "idempotency_key": None,
        "customer_id": customer,
        "currency": "EUR",
        "decimals": 2,
        "order_value_minor": 8999,
        "discount_minor": 1800,
        "committed": committed,
        "lines": (Line("voucher", "vch_1", "cmp_1", "SAVE20", 1800, tuple(moves)),),
    }
    return Redeemed(**{**fields, **changes})


def rolled_back(redemption_id: str, **changes: Any) -> RolledBack:
    """A whole one as schema 1 has it, or whatever is said of it."""
    return RolledBack(redemption_id, ACCOUNT, PROJECT, **changes)


def reserved(reservation_id: str, *, amount: int = 1, tag: str = "cart_9", **changes: Any) -> Reserved:
    """A hold of the code's units, for an hour."""
    fields: dict[str, Any] = {
        "id": reservation_id,
        "account_id": ACCOUNT,
        "project_id": PROJECT,
        "fingerprint": b"f" * 16,
        "idempotency_key": None,
        "session": tag,
        "tag": tag,
        "expires_ms": int(time.time() * 1000) + 3_600_000,
        "currency": "EUR",
        "decimals": 2,
        "order_value_minor": 8999,
        "discount_minor": 1800,
        "committed": False,
        "request": b"{}",
        "lines": (Line("voucher", "vch_1", "cmp_1", "SAVE20", 1800, ((CODE, amount, ""),)),),
    }
    return Reserved(**{**fields, **changes})


def released(reservation_id: str, *, tag: str = "cart_9") -> Released:
    return Released(reservation_id, ACCOUNT, PROJECT, tag)


def settled(entry_id: str, action: str) -> Settled:
    return Settled(entry_id, PROJECT, action, "usr_boss")


class Lab:
    """Shard 3 of one database on one Redis. Steps are taken by hand; `running` is the whole reconciler."""

    def __init__(self, database: Database, owner: Any, urls: DatabaseUrls, redis_url: str) -> None:
        self.database = database
        self.owner = owner
        self.urls = urls
        self.redis_url = redis_url
        self.servers = Servers(redis_url)
        self.metrics = Metrics()
        self.fates: list[Fate] = []

    # -- the reconciler, in pieces and whole -----------------------------------------------------------------------

    def recovery(self, *, trust_aof: bool = True) -> Recovery:
        return Recovery(SHARD, self.database, self.servers, trust_aof, self.fates.extend)

    async def state(self) -> ShardState:
        async with self.database.shard_tx(SHARD) as tx:
            state = await read_state(tx, SHARD)
        assert state is not None
        return state

    async def open(self) -> ShardState:
        await self.recovery().first()
        return await self.state()

    async def settler(self) -> Settler:
        state = await self.state()
        link = self.servers.link(state.identity)
        return Settler(self.database, link, Place(SHARD, state.epoch, "durable"), self.fates.extend)

    async def settle(self, *, confirm: bool = True) -> Summary:
        """One batch of all that is in the stream; without confirm, as if the reconciler had died before it."""
        settler, position = await self.settler(), (await self.state()).position
        entries = await settler.entries(position)
        self.fates.clear()
        summary = await settler.settle(position, entries)
        if confirm:
            assert await settler.confirm(position, entries, summary) is Status.OK
        return summary

    @asynccontextmanager
    async def running(self, *, trust_aof: bool = True, ready: bool = True) -> AsyncIterator[Reconciler]:
        """The whole reconciler on shards 0 to 3; ready, unless it is not expected to be."""
        settings = Settings(self.urls.reconciler, self.redis_url, shards=SHARD + 1, trust_aof=trust_aof)
        reconciler = Reconciler(settings)
        task = asyncio.create_task(reconciler.run())

        async def is_ready() -> bool:
            if task.done():
                task.result()
            return reconciler.is_ready()

        try:
            if ready:
                await eventually(is_ready, "readiness")
            yield reconciler
        finally:
            reconciler.stop()
            await task

    # -- an engine -------------------------------------------------------------------------------------------------

    async def register(self, worker_id: str = "wrk_lab", lease_s: float = 3.0, epoch: int | None = None) -> None:
        """A worker enters the epoch, as it does before it grants."""
        await self.owner.execute(
            "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at)"
            " VALUES ($1, $2, $3, now() + make_interval(secs => $4))"
            " ON CONFLICT (shard, epoch, worker_id) DO UPDATE SET expires_at = excluded.expires_at",
            SHARD,
            (await self.state()).epoch if epoch is None else epoch,
            worker_id,
            lease_s,
        )

    async def hand_in(self, epoch: int, *answers: Answer, worker_id: str = "wrk_lab") -> None:
        """A worker hands in its ring and reports."""
        await hand_in(self.owner, SHARD, epoch, worker_id, answers)
        await report(self.owner, SHARD, epoch, worker_id)

    async def scripts(self) -> Scripts:
        state = await self.state()
        return Scripts(self.servers.link(state.identity), Keyspace(SHARD, state.epoch))

    async def hydrate(self, scripts: Scripts, names: Sequence[str], withheld: int = 0) -> None:
        """As the engine does it, from PostgreSQL; without limits, because the tests mean the ledger's."""
        _, change, _ = await scripts.peek(PROJECT, [change_key(PROJECT)])
        rows = await self.owner.fetch(
            "SELECT id, granted + quarantined AS granted, returned FROM counters WHERE id = ANY($1)", list(names)
        )
        known = {row["id"]: row for row in rows}
        held = await self.holds(names)
        states = []
        for name in names:
            granted, returned = (known[name]["granted"], known[name]["returned"]) if name in known else (0, 0)
            states.append((name, CounterState(None, granted, returned, granted, 0, withheld, 1, held.get(name, ()))))
        assert await scripts.hydrate(PROJECT, change, Position(), [], states) is Status.OK

    async def grant(self, *events: Event | bytes) -> CommitReply:
        """These events through the commit script, in one entry; bytes go in as they are."""
        await self.register()
        scripts = await self.scripts()
        items = [self.item(event) for event in events]
        await self.hydrate(scripts, sorted({move.counter for item in items for move in item.moves}))
        reply = await scripts.commit(items)
        assert reply.status is Status.OK
        assert {outcome.verdict for outcome in reply.outcomes} == {Verdict.GRANTED}
        return reply

    @staticmethod
    def item(event: Event | bytes) -> Item:
        if isinstance(event, bytes):
            return Item(Mode.COMMIT, payload=event)
        if isinstance(event, Released):
            hold = HoldUse(event.tag, event.reservation_id)
            return Item(Mode.RELEASE, payload=encode(event), moves=(Move(CODE, 1, None, 10**9),), hold=hold)
        if not isinstance(event, Redeemed | Reserved):
            return Item(Mode.COMMIT, payload=encode(event))
        moves = tuple(Move(name, amount, None, 10**9) for line in event.lines for name, amount, _ in line.moves)
        if isinstance(event, Reserved):
            hold = HoldUse(event.tag, event.id, event.expires_ms, event.revision > 0)
            return Item(Mode.HOLD, None, b"", encode(event), moves=moves, hold=hold)
        alias = alias_of(event.order.key) or None if event.order is not None else None
        use = HoldUse(event.hold.tag, event.hold.reservation_id) if event.hold is not None else None
        return Item(Mode.COMMIT, event.id, event.fingerprint, encode(event), moves=moves, alias=alias, hold=use)

    # -- looking ---------------------------------------------------------------------------------------------------

    async def in_redis(self, name: str = CODE) -> dict[str, int]:
        """A counter's numbers; empty where it is absent."""
        scripts = await self.scripts()
        link = self.servers.link((await self.state()).identity)
        names = ("granted", "returned", "confirmed")
        found = await link.command("HMGET", scripts.keyspace.counter(name), *names)
        return {} if None in found else dict(zip(names, map(int, found), strict=True))

    async def in_ledger(self, name: str = CODE) -> dict[str, int]:
        row = await self.owner.fetchrow(
            "SELECT granted, returned, quarantined FROM counters WHERE project_id = $1 AND id = $2", PROJECT, name
        )
        return dict(row) if row else {}

    async def holds(self, names: Sequence[str] = (CODE,)) -> dict[str, tuple[CounterHold, ...]]:
        """What the ledger says is held of these counters, as hydration asks for it."""
        rows = await self.owner.fetch(query("live_holds"), PROJECT, list(names))
        found: dict[str, tuple[CounterHold, ...]] = {}
        for row in rows:
            hold = CounterHold(row["tag"], row["amount"], row["expires_ms"], row["reservation_id"])
            found[row["counter_id"]] = (*found.get(row["counter_id"], ()), hold)
        return found

    async def redemptions(self) -> dict[str, str]:
        """Status of each redemption that the ledger has."""
        return {row["id"]: row["status"] for row in await self.owner.fetch("SELECT id, status FROM redemptions")}

    async def quarantine(self) -> list[tuple[str | None, str, str]]:
        """Redemption, reason and status of each entry."""
        rows = await self.owner.fetch("SELECT redemption_id, reason, status FROM quarantine ORDER BY created_at, id")
        return [tuple(row) for row in rows]

    async def alarms(self) -> set[str]:
        """Kinds of the shard's open alarms."""
        rows = await self.owner.fetch("SELECT kind FROM alarms WHERE resolved_at IS NULL AND shard = $1", SHARD)
        return {row["kind"] for row in rows}

    async def position_in_redis(self) -> Position:
        state = await self.state()
        meta = await read_meta(self.servers.link(state.identity), Keyspace(SHARD, state.epoch))
        assert meta is not None
        return meta.position

    async def is_settled(self) -> bool:
        """Whether nothing is pending: Redis has confirmed all that it has granted."""
        state = await self.state()
        if state.state != "open":
            return False
        meta = await read_meta(self.servers.link(state.identity), Keyspace(SHARD, state.epoch))
        return meta is not None and meta.position == meta.entry == state.position


def plain_link(redis_url: str) -> Link:
    """A link to whoever answers."""
    return Link(redis_url, max_connections=1)
