"""Faults of what stands in the stream, and of who confirms it: poison, one too many, the same twice, an old confirm.

What is injected is told to the judge: ids in world.injected, the campaign that is made for it in
world.injected_campaigns. What must never happen and is seen here at once goes into world.surprises.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from domain.events import Line, Redeemed, decode, encode
from domain.ids import redemption_id
from domain.ledger import Position, Settlement
from domain.outcomes import Status
from engine.reconciler.servers import read_meta
from store.database import owner_connection
from store.keys import Keyspace
from store.link import FencedOut, Link, RedisFull, RedisUnavailable, ScriptFailed
from store.scripts import Scripts
from tests.chaos.faults import Fault, Skipped
from tests.chaos.injecting import batch_of, current_keyspace, inject
from tests.chaos.servers import SHARDS
from tests.chaos.world import World
from tests.e2e.checkout import Checkout
from tools.dev.ports import HOST

_MOVES_WITHIN_S = 2.0

_REDEMPTIONS = """
SELECT body FROM redemptions WHERE shard = $1 AND status = 'redeemed' AND body IS NOT NULL
ORDER BY created_at DESC LIMIT 30
"""
_OF_CARDS = """
SELECT body FROM redemptions r WHERE shard = $1 AND status = 'redeemed' AND body IS NOT NULL AND EXISTS (
    SELECT FROM redemption_lines l WHERE (l.project_id, l.redemption_id) = (r.project_id, r.id)
        AND l.object IN ('gift_card', 'loyalty_card'))
ORDER BY created_at DESC LIMIT 30
"""
_PARTIAL_ROLLBACKS = """
SELECT body FROM redemption_rollbacks WHERE shard = $1 AND NOT is_whole ORDER BY created_at DESC LIMIT 30
"""


@dataclass
class _OfStream(Fault):
    shard: int = 0

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset([f"stream {self.shard % SHARDS}"])


@dataclass
class Poison(_OfStream):
    """An entry that no reader of ours can read in full."""

    variant: str = "garbage"

    name = "poison"

    async def apply(self, world: World, draw: random.Random) -> None:
        garbage = bytes(draw.randrange(256) for _ in range(draw.randint(1, 200)))
        now = str(time.time_ns() // 1_000_000)
        fields: dict[str, bytes | str] = {"v": "1", "t": now, "e": garbage}
        # Counted as many as the reader will take it for: what does not even have a header counts as nothing.
        events = 0
        if self.variant == "garbage":
            fields["e"] = b"\xc1" + garbage
        elif self.variant == "fields":
            fields = {"w": "1", "x": garbage}
        elif self.variant == "time":
            fields["t"] = "yesterday"
        elif self.variant == "torn":
            fields["e"], events = b"\x92" + encode_nothing() + b"\xdb\xff", 2
        else:
            fields["e"], events = batch_of(encode_nothing()), 1
        place = await inject(world, await current_keyspace(world, self.shard), fields, events)
        world.note(self.name, f"{self.variant} at {place} of shard {self.shard}")


def encode_nothing() -> bytes:
    """MessagePack that is well formed and no event."""
    return b"\x92\xa7unknown\x01"


@dataclass
class OneTooMany(_OfStream):
    """A redemption that nobody granted, of a campaign of its own whose limit it exceeds."""

    name = "over the limit"

    async def apply(self, world: World, draw: random.Random) -> None:
        tenant = world.tenants[self.shard]
        campaign = await _sold_out_campaign(world, self.shard)
        key = f"chaos-{draw.randrange(2**40):x}"
        moves = ((f"r:{campaign}", 2, ""),)
        event = Redeemed(
            id=redemption_id(tenant.project_id, "redeem", key),
            account_id=tenant.account_id,
            project_id=tenant.project_id,
            fingerprint=bytes(16),
            idempotency_key=key,
            customer_id=None,
            currency="EUR",
            decimals=2,
            order_value_minor=1000,
            discount_minor=500,
            committed=False,
            lines=(Line("voucher", "vch_injected", campaign, "INJECTED", 500, moves),),
        )
        world.injected.append(event.id)
        fields: dict[str, bytes | str] = {
            "v": "1",
            "t": str(time.time_ns() // 1_000_000),
            "e": batch_of(encode(event)),
        }
        place = await inject(world, await current_keyspace(world, self.shard), fields, 1)
        world.note(self.name, f"{event.id} at {place} of shard {self.shard}")


@dataclass
class DeliveredTwice(_OfStream):
    """A redemption that the ledger has comes once more, as if a worker had granted it again in another epoch; one that
    has spent of a card, and a rollback of a part of one, likewise."""

    name = "delivered twice"

    async def apply(self, world: World, draw: random.Random) -> None:
        keyspace = await current_keyspace(world, self.shard)
        redemptions = await _newest(world, self.shard, _REDEMPTIONS)
        of_cards = await _newest(world, self.shard, _OF_CARDS)
        rollbacks = await _newest(world, self.shard, _PARTIAL_ROLLBACKS)
        for body in draw.sample(rollbacks, min(1, len(rollbacks))):
            place = await inject(world, keyspace, _entry_of(body), 1)
            world.note(self.name, f"a rollback at {place} of shard {self.shard}")
        why = [await self._once_more(world, keyspace, draw.sample(each, len(each))) for each in (of_cards, redemptions)]
        if all(why):
            raise Skipped(why[-1])

    async def _once_more(self, world: World, keyspace: Keyspace, bodies: Sequence[bytes]) -> str:
        """The first of them that there is room for; where there is none, why."""
        why = "there is no redemption"
        for body in bodies:
            event = decode(body)
            assert isinstance(event, Redeemed)
            counters: Counter[str] = Counter()
            for line in event.lines:
                for counter, amount, _ in line.moves:
                    counters[counter] += amount
            asked_at = time.monotonic()
            try:
                place = await inject(world, keyspace, _entry_of(body), 1, counters)
            except Skipped as full:
                why = str(full)
                continue
            spent = [(name, amount) for name, amount in counters.items() if name[:2] in ("a:", "y:")]
            world.repeated += [(asked_at, name, amount) for name, amount in spent]
            world.note(self.name, f"{event.id} at {place} of shard {self.shard}")
            return ""
        return why


def _entry_of(body: bytes) -> dict[str, bytes | str]:
    return {"v": "2", "t": str(time.time_ns() // 1_000_000), "e": batch_of(body)}


async def _newest(world: World, shard: int, question: str) -> list[bytes]:
    """Events of a shard that the ledger has taken in, the newest first."""
    async with owner_connection(world.database_url, "chaos") as connection:
        return [row["body"] for row in await connection.fetch(question, shard)]


@dataclass
class ConfirmedTwice(_OfStream):
    """A confirm from a position where Redis does not stand any more: as from a reconciler that slept."""

    name = "confirmed twice"

    async def apply(self, world: World, draw: random.Random) -> None:
        keyspace = await current_keyspace(world, self.shard)
        link = Link(world.redis_url, max_connections=1)
        try:
            before = await read_meta(link, keyspace)
            deadline = time.monotonic() + _MOVES_WITHIN_S
            meta = before
            while before is not None and meta is not None and meta.position == before.position:
                if time.monotonic() > deadline:
                    raise Skipped("the position did not move")
                await asyncio.sleep(0.01)
                meta = await read_meta(link, keyspace)
            if before is None or meta is None:
                raise Skipped("the epoch is gone")
            beyond = Position(meta.position.entry_ms + 3_600_000, 0)
            settlements = [Settlement("r:nothing", world.tenants[self.shard].project_id, 1, 1)]
            status, _ = await Scripts(link, keyspace).confirm(before.position, beyond, 7, settlements)
        except (FencedOut, RedisFull, RedisUnavailable, ScriptFailed) as error:
            raise Skipped(f"{type(error).__name__}: {error}") from error
        finally:
            await link.close()
        world.note(self.name, f"from {before.position} of shard {self.shard}: {status.name}")
        if status is Status.OK:
            world.surprises.append(f"a confirm from {before.position} was taken at {meta.position}")


async def _sold_out_campaign(world: World, shard: int) -> str:
    """The campaign of a shard that only injected redemptions use, with a limit of 1."""
    known = world.injected_campaigns.get(shard)
    if known is not None:
        return known
    url = f"http://{HOST}:{world.servers.port_of('control_plane')}"
    async with Checkout(url, world.tenants[shard].secret_key, connections=1, timeout_s=3.0) as admin:
        rules = {"discount_type": "AMOUNT", "discount_value": 5, "max_redemptions": 1}
        answer = await admin.call("POST", "/v1/campaigns", {"name": "Injected", "type": "DISCOUNT", "rules": rules})
    if answer.status != 201:
        raise Skipped(f"no campaign could be made: {answer.status}")
    world.injected_campaigns[shard] = str(answer.json()["id"])
    return world.injected_campaigns[shard]
