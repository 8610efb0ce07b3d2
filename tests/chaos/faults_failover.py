"""Failover to a replica that is behind, as happens to those who trust one: what was acknowledged last is gone, and one
engine does not know yet that there is another primary.
"""

import asyncio
import random
from dataclasses import dataclass

from tests.chaos.faults import Fault, Skipped
from tests.chaos.world import World
from tools.dev.ports import HOST


@dataclass
class StaleFailover(Fault):
    """`stale_s` without replication, then the replica is promoted; `straggler` reaches the old primary for
    `straggles_s` more; then that dies and comes back as a replica, or becomes one while it lives."""

    stale_s: float = 1.0
    straggles_s: float = 1.0
    straggler: str = "engine-1"
    old_dies: bool = False

    name = "stale failover"
    loses_data = True

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["valkey", "valkey-replica", "links to valkey"])

    async def apply(self, world: World, draw: random.Random) -> None:
        old, new = world.primary, world.replica
        if not await world.children.is_ready(new):
            raise Skipped(f"{new} is not there")
        replication = world.links.named("replication", old)
        await world.links.set(replication, "cut")
        try:
            await asyncio.sleep(self.stale_s)
            await self._promote(world, old, new)
        finally:
            await world.links.set(replication, "pass")

    async def _promote(self, world: World, old: str, new: str) -> None:
        async with world.redis(new) as client:
            await client.execute_command("REPLICAOF", "NO", "ONE")
        world.note(self.name, f"{old} to {new}, {self.straggler} follows {self.straggles_s:.1f} s later")
        world.primary = new
        world.lose("stale", old)
        port = world.servers.port_of(new)
        straggling = world.links.named(self.straggler, "valkey")
        followers = [link for link in world.links.named(target="valkey") if link.split("->")[0] != "replication"]
        await world.links.set([link for link in followers if link not in straggling], target_port=port)
        try:
            await asyncio.sleep(self.straggles_s)
        finally:
            await world.links.set(straggling, target_port=port)
        await self._retire(world, old, new)

    async def _retire(self, world: World, old: str, new: str) -> None:
        """The old primary follows the new one: started so after its death, or told so while it lives."""
        if self.old_dies:
            await world.children.kill(old)
            return
        async with world.redis(old) as client:
            port = world.links.ports[f"replication->{new}"]
            await client.execute_command("REPLICAOF", HOST, port)
