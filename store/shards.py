"""Which epoch each shard is in, and the scripts bound to it: what a process knows of the fence.

Reads epochs from PostgreSQL (written there by the reconciler's recovery alone) and binds a Link to the identity that
the epoch was opened on. Must never open or close an epoch.
"""

import msgspec

from .database import Database, Transaction
from .keys import Keyspace
from .link import Identity, Link
from .queries import query
from .scripts import Scripts

_CURRENT_EPOCH = query("current_epoch")


class Epoch(msgspec.Struct, frozen=True):
    """An open epoch. `first`: no epoch came before it, so that Redis knows every idempotency record; else the ledger
    knows those of before `opened_ms`."""

    shard: int
    number: int
    identity: Identity
    withheld_epochs: int
    first: bool
    opened_ms: int


class Recovering(Exception):
    """The shard has no open epoch: nothing is sold until the reconciler has opened one."""


class Shard:
    """One shard as this process sees it: its epoch, its link, its scripts."""

    def __init__(self, epoch: Epoch, link: Link) -> None:
        self.epoch = epoch
        self.link = link
        self.keyspace = Keyspace(epoch.shard, epoch.number)
        self.scripts = Scripts(link, self.keyspace)


async def current_epoch(tx: Transaction, shard: int) -> Epoch | None:
    """The shard's open epoch as PostgreSQL has it."""
    row = await tx.fetchrow(_CURRENT_EPOCH, shard)
    if row is None:
        return None
    return Epoch(
        shard,
        row["epoch"],
        Identity(row["run_id"], row["replication_id"]),
        0 if row["released_at"] else row["withheld_epochs"],
        row["epoch"] == row["first_epoch"],
        int(row["opened_at"].timestamp() * 1000),
    )


class Shards:
    """The shards of one process, each opened when first asked for."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self._database = database
        self._redis_url = redis_url
        self._open: dict[int, Shard] = {}

    async def get(self, shard: int) -> Shard:
        """The open shard; Recovering where it has no epoch, one of UNAVAILABLE where PostgreSQL is away."""
        found = self._open.get(shard)
        return found if found is not None else await self.refresh(shard)

    async def refresh(self, shard: int) -> Shard:
        """Read the epoch again, and bind a new link if it is another one."""
        async with self._database.shard_tx(shard) as tx:
            epoch = await current_epoch(tx, shard)
        known = self._open.get(shard)
        if epoch is None:
            await self.forget(shard)
            raise Recovering(f"shard {shard} has no open epoch")
        if known is not None and known.epoch == epoch:
            return known
        await self.forget(shard)
        self._open[shard] = Shard(epoch, Link(self._redis_url, epoch.identity))
        return self._open[shard]

    async def forget(self, shard: int) -> None:
        """The epoch turned out to be over: close its connections."""
        gone = self._open.pop(shard, None)
        if gone is not None:
            await gone.link.close()

    async def close(self) -> None:
        for shard in list(self._open):
            await self.forget(shard)
