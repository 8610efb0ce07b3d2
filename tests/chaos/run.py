"""One run: a world, a shop that sells in it, a nemesis that harms it; then it heals, and the checker judges.

Owns the order of these things. Must never judge, and never hide a run that could not be carried out.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tests.chaos import report
from tests.chaos.admin import Admin
from tests.chaos.checker import check
from tests.chaos.client import Client
from tests.chaos.counters_right import check_at_rest
from tests.chaos.facts import AWAY, Stores
from tests.chaos.history import Evidence, Facts, Loss, Sample, Setting, Tenancy, dump
from tests.chaos.holds_right import check_stores_hold_the_same
from tests.chaos.judging import Case
from tests.chaos.nemesis import Nemesis
from tests.chaos.shelves import cards_of, goods_of, sets_of
from tests.chaos.shop import Shop, Tenant
from tests.chaos.tree import CHAOS_PATCHES, CHAOS_WINDOW, Patch, make_tree
from tests.chaos.world import World
from tools.dev.console import LauncherError

SAMPLE_S = 0.7
SELLS_ON_S = 2.0
REST_WITHIN_S = 30.0
HAND_IN_S = 12.0
"""How long workers may take to hand in what they hold, before the operator takes them for dead: no fault that they
survive lasts longer."""


@dataclass(frozen=True)
class Plan:
    """What to run."""

    seed: int
    minutes: float
    calm: bool = False
    mutation: str = ""
    patches: tuple[Patch, ...] = ()

    @property
    def appendfsync(self) -> Literal["always", "everysec"]:
        return "everysec" if self.seed % 4 == 0 else "always"

    @property
    def has_replica(self) -> bool:
        return self.seed % 4 == 2 or self.seed % 8 == 0

    @property
    def world(self) -> str:
        return f"{self.appendfsync}{', replica' if self.has_replica else ''}"


class Run:
    """One run, from an empty folder to a verdict."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.samples: list[Sample] = []
        self.released_at: list[float] = []
        self.faults: Counter[str] = Counter()

    async def carry_out(self) -> report.Result:
        """All of it; the world is gone afterwards, its folder is not."""
        plan = self.plan
        tree = make_tree(self.folder / "tree", [*CHAOS_PATCHES, *plan.patches])
        self.world = World(
            self.folder / "world", plan.seed, tree, appendfsync=plan.appendfsync, replica=plan.has_replica
        )
        await self.world.start()
        try:
            evidence = await self._sell()
        finally:
            await self.world.stop()
        dump(evidence, self.folder / "history.jsonl")
        notes = "".join(f"{note.at:.3f} {note.what}: {note.detail}\n" for note in self.world.notes)
        (self.folder / "notes.txt").write_text(notes)
        result = report.result_of(
            evidence, plan.seed, plan.minutes, plan.world, self.faults, self._disturbances(), check(evidence),
            plan.mutation,
        )  # fmt: skip
        (self.folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
        return result

    async def _sell(self) -> Evidence:
        world, seed = self.world, self.plan.seed
        self.stores = Stores(world.database_url)
        engines = [Client(url) for url in world.engine_urls]
        control = Client(world.control_url)
        tenants = [
            Tenant(number, each.secret_key, Admin(control, number, each.secret_key, random.Random(f"{seed} {number}")))
            for number, each in enumerate(world.tenants)
        ]
        for tenant in tenants:
            tenant.goods += await goods_of(tenant.admin, self.stores, self.plan.minutes)
            tenant.sets += await sets_of(tenant.admin, self.plan.minutes)
            tenant.cards += await cards_of(tenant.admin)
        await tenants[1].admin.apply_what_can_be()
        shop = Shop(seed, engines, control, tenants)
        counters = [f"r:{goods.offer.campaign_id}" for tenant in tenants for goods in tenant.all_goods]
        beside = [asyncio.create_task(self._keep_sampling(counters)), asyncio.create_task(self._operate())]
        try:
            await self._harm(shop)
            await self._sells_again()
            healed_at = time.monotonic()
            await shop.finish(REST_WITHIN_S)
            facts = await self._at_rest()
        finally:
            for task in beside:
                task.cancel()
            for client in (*engines, control):
                client.close()
        return Evidence(
            setting=self._setting(healed_at),
            tenants=self._tenancies(),
            offers=[goods.offer for tenant in tenants for goods in tenant.all_goods],
            calls=shop.calls,
            changes=[each for tenant in tenants for each in (*tenant.admin.changes, *tenant.admin.unfinished)],
            samples=self.samples,
            losses=self._losses(),
            facts=facts,
            cards=[card for tenant in tenants for card in tenant.cards],
        )

    async def _harm(self, shop: Shop) -> None:
        """Sell under faults, and heal. The shop sells on a little, so that the last recovery is seen too."""
        plan = self.plan
        nemesis = Nemesis(self.world, plan.seed, plan.minutes, () if plan.calm else None)
        selling = asyncio.create_task(shop.work())
        try:
            await asyncio.gather(nemesis.run(), asyncio.sleep(plan.minutes * 60))
        finally:
            await nemesis.heal()
            shop.close_in(SELLS_ON_S)
            await selling
        self.faults = nemesis.counts

    async def _keep_sampling(self, counters: Sequence[str]) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            sample = await self.stores.sample(self.world.redis_url, counters)
            if sample is not None:
                self.samples.append(sample)

    async def _operate(self) -> None:
        """Be the operator: release what is withheld for workers that had their time to hand in what they hold."""
        since: dict[tuple[int, int], float] = {}
        while True:
            await asyncio.sleep(0.3)
            with suppress(*AWAY, LauncherError):
                for epoch in await self.stores.epochs():
                    is_withheld = epoch.state == "open" and epoch.withheld_epochs and not epoch.released
                    first = since.setdefault((epoch.shard, epoch.epoch), time.monotonic()) if is_withheld else 0.0
                    if is_withheld and time.monotonic() - first > HAND_IN_S:
                        self.released_at.append(time.monotonic())
                        await self.world.command_line("epoch", "release", "--shard", str(epoch.shard), "--by", "chaos")
                        self.world.note("released", f"shard {epoch.shard}, epoch {epoch.epoch}")

    async def _sells_again(self) -> None:
        """Every shard has an open epoch that withholds nothing; or it has had its time."""
        deadline = time.monotonic() + REST_WITHIN_S
        while time.monotonic() < deadline:
            with suppress(*AWAY):
                opened = [epoch for epoch in await self.stores.epochs() if epoch.state == "open"]
                withholding = any(epoch.withheld_epochs and not epoch.released for epoch in opened)
                if len(opened) == len(self.world.tenants) and not withholding:
                    return
            await asyncio.sleep(0.2)

    async def _at_rest(self) -> Facts:
        """The facts as soon as nothing is under way any more, or as they are when the time is over."""
        deadline = time.monotonic() + REST_WITHIN_S
        while True:
            facts = await self.stores.facts(self.world.redis_url)
            if time.monotonic() > deadline or self._is_at_rest(facts):
                return facts
            await asyncio.sleep(0.3)

    def _is_at_rest(self, facts: Facts) -> bool:
        case = Case(Evidence(self._setting(0.0), self._tenancies(), [], [], [], [], [], facts))
        check_at_rest(case)
        check_stores_hold_the_same(case)
        return not case.violations

    def _setting(self, healed_at: float) -> Setting:
        durability: Literal["durable", "fast"] = "durable" if self.plan.appendfsync == "always" else "fast"
        return Setting(
            CHAOS_WINDOW,
            durability,
            healed_at,
            tuple(self.released_at),
            injected=tuple(self.world.injected),
            apart=tuple(self.world.injected_campaigns.values()),
            surprises=tuple(self.world.surprises),
            has_stepped=bool(self.faults["clock step"]),
            repeated=tuple(self.world.repeated),
        )

    def _tenancies(self) -> list[Tenancy]:
        return [Tenancy(tenant.project_id, tenant.shard) for tenant in self.world.tenants]

    def _losses(self) -> list[Loss]:
        """A primary that died under everysec has lost what it had not written, and nothing more."""
        return [
            Loss(loss.at, "crash" if loss.kind == "disk" and "(everysec)" in loss.name else loss.kind, loss.name)
            for loss in self.world.losses
        ]

    def _disturbances(self) -> list[float]:
        return [note.at for note in self.world.notes if note.what in ("died", "undone")]
