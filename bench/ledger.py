"""Whether what was acknowledged is in the ledger: rows, counters, exposure. Reads as the owner, past every cache."""

import asyncio
import time
from collections.abc import Mapping

import asyncpg
import msgspec
import redis

from store.keys import Keyspace

from .queries import query

PATIENCE_S = 30.0
_POLL_S = 0.02


class Settled(msgspec.Struct, frozen=True):
    """What PostgreSQL and Redis have of one campaign when all should be settled."""

    acknowledged: int
    lines: int
    redemptions: int
    granted: int
    granted_by_codes: int
    exposure: int
    quarantined: int

    def complaints(self) -> list[str]:
        """Where the ledger says anything else than what was answered."""
        wrong = [
            f"{count} {what}, but {self.acknowledged} were acknowledged"
            for what, count in (
                ("redemption lines", self.lines),
                ("redemptions", self.redemptions),
                ("units on the campaign's counter", self.granted),
                ("units on the codes' counters", self.granted_by_codes),
            )
            if count != self.acknowledged
        ]
        if self.exposure:
            wrong.append(f"{self.exposure} units still exposed")
        if self.quarantined:
            wrong.append(f"{self.quarantined} entries in quarantine")
        return wrong


def wait_until_settled(url: str, campaign_id: str, acknowledged: int, patience_s: float = PATIENCE_S) -> float:
    """Wait until the campaign's counter says what was acknowledged; how long that took, whether it did or not."""
    return asyncio.run(_wait(url, campaign_id, acknowledged, patience_s))


async def _wait(url: str, campaign_id: str, acknowledged: int, patience_s: float) -> float:
    began = time.monotonic()
    connection = await asyncpg.connect(url)
    try:
        while time.monotonic() - began < patience_s:
            granted = await connection.fetchval(query("settled_of_campaign"), f"r:{campaign_id}")
            if (granted or 0) >= acknowledged:
                break
            await asyncio.sleep(_POLL_S)
    finally:
        await connection.close()
    return time.monotonic() - began


def inspect(url: str, redis_url: str, campaign_id: str, project_id: str, acknowledged: int) -> Settled:
    """Count everything of one campaign."""
    rows, names, keyspace = asyncio.run(_read(url, campaign_id, project_id))
    return Settled(acknowledged=acknowledged, exposure=_exposure(redis_url, keyspace, names), **rows)


async def _read(url: str, campaign_id: str, project_id: str) -> tuple[Mapping[str, int], list[str], Keyspace]:
    connection = await asyncpg.connect(url)
    try:
        lines = await connection.fetchrow(query("rows_of_campaign"), campaign_id)
        ledger = await connection.fetchrow(query("rows_of_ledger"))
        counters = await connection.fetch(query("counters_of_campaign"), campaign_id)
        shard = await connection.fetchval(query("shard_of_project"), project_id)
        epochs = {row["shard"]: row["epoch"] for row in await connection.fetch(query("open_epochs"))}
    finally:
        await connection.close()
    assert lines is not None, "a count is a row"
    assert ledger is not None, "a count is a row"
    own = f"r:{campaign_id}"
    rows = {
        "lines": lines["lines"],
        "redemptions": lines["redemptions"],
        "granted": sum(row["granted"] for row in counters if row["id"] == own),
        "granted_by_codes": sum(row["granted"] for row in counters if row["id"].startswith("r:") and row["id"] != own),
        "quarantined": ledger["quarantined"],
    }
    return rows, [row["id"] for row in counters], Keyspace(shard, epochs[shard])


def _exposure(redis_url: str, keyspace: Keyspace, names: list[str]) -> int:
    """Units that Redis has granted and PostgreSQL has not confirmed."""
    with redis.Redis.from_url(redis_url) as client, client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hmget(keyspace.counter(name), "granted", "confirmed")
        return sum(int(granted or 0) - int(confirmed or 0) for granted, confirmed in pipeline.execute())
