"""A server that changes under open connections: a proxy in front of Redis keeps its clients and goes on with whoever
comes up. No connection breaks, so nobody is told; only who asks learns of it.
"""

import asyncio
import random
import signal
from dataclasses import dataclass
from typing import ClassVar

from tests.chaos.children import send
from tests.chaos.faults_redis import OlderCopy
from tests.chaos.world import World


@dataclass
class KeptConnections(OlderCopy):
    """Requests wait in the proxy while Redis is set back to a copy that is `stale_s` old; then they go on to it. The
    reconciler, who asks all the time whether the server is the same, stands still for `stops_s` more."""

    stale_s: float = 2.0
    stops_s: float = 1.0

    name = "older copy, connections kept"
    DRAINS_S: ClassVar[float] = 0.3
    COMES_UP_S: ClassVar[float] = 1.5

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(["valkey", "links to valkey", "reconciler-1", "reconciler-2"])

    async def apply(self, world: World, draw: random.Random) -> None:
        name = await self.copied(world)
        await asyncio.sleep(self.stale_s)
        links = [link for link in world.links.named(target="valkey") if not link.startswith("replication")]
        stopped = world.children.pids("reconciler-1")
        await world.links.set(links, "hold", keeps=True)
        try:
            # What is on its way is answered first: whose answer is gone would wait for it, and close the connection.
            await asyncio.sleep(self.DRAINS_S)
            send(stopped, signal.SIGSTOP)
            await self.come_back(world, name, draw)
            await world.links.set(links, "pass")
            await asyncio.sleep(self.stops_s)
        finally:
            send(stopped, signal.SIGCONT)
            await world.links.set(links, "pass", keeps=False)
