"""The production engine with a committer that does nothing: the yardstick of the benchmark.

Transport, routes, keys, decoding, definitions, decision, event and answer are the engine's own; only the commit script
is not called. Must never be run for anything but a benchmark: it grants everything.
"""

import time
from collections.abc import Sequence

import uvloop

from domain.ledger import CommitReply, Item, Outcome, Position
from domain.outcomes import Status, Verdict
from engine.server import serve
from engine.settings import Settings
from engine.shard import Gate
from engine.worker import Worker
from store.scripts import RECORD_TTL_MS, Scripts
from store.shards import Shard, Shards


class GrantingScripts(Scripts):
    """The scripts of a shard, of which commit grants everything at once and without I/O."""

    async def commit(
        self,
        items: Sequence[Item],
        record_ttl_ms: int = RECORD_TTL_MS,  # noqa: ARG002 - nothing is recorded
    ) -> CommitReply:
        # Before every position of a real stream: no lease claims to have seen it, and no ring waits for its confirm.
        entry = Position()
        outcomes = tuple(Outcome(Verdict.GRANTED, index) for index in range(len(items)))
        return CommitReply(Status.OK, int(time.time() * 1000), entry, entry, outcomes)


class GrantingShards(Shards):
    """Shards as everybody sees them, but for the committing."""

    async def refresh(self, shard: int) -> Shard:
        found = await super().refresh(shard)
        if not isinstance(found.scripts, GrantingScripts):
            found.scripts = GrantingScripts(found.link, found.keyspace)
        return found


async def main(settings: Settings) -> None:
    """Serve as the engine does."""
    worker = await Worker.start(settings)
    worker.shards = GrantingShards(worker.database, settings.redis_url)
    worker.gate = Gate(worker.shards, worker.database, worker.metrics, worker.id, worker.rings)
    await serve(worker)


if __name__ == "__main__":
    uvloop.run(main(Settings.from_environment()))
