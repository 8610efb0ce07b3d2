"""Everything is killed at random, with two workers, while campaigns of two classes sell out. A seed replays a run's
choices; what happens in between is the machine's."""

import asyncio
import random
from collections import Counter, defaultdict
from functools import partial

import pytest

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Buy
from .conftest import Ledger, campaign, voucher
from .test_crashes import settled, shop_on

VICTIMS = ("engine", "engine-2", "reconciler", "control_plane", "valkey", "postgres", "caddy")
LIMIT, PER_CUSTOMER, COMMITTED_LIMIT = 6000, 2, 300
ORDERS, CUSTOMERS, COMMITTED_ORDERS = 6600, 3300, 400


class Nemesis:
    """Kills one process after the other, each when some more orders have been answered."""

    def __init__(self, stack: RunningStack, seed: int) -> None:
        self._stack = stack
        self._random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.answered = 0

    async def run(self, orders: int) -> None:
        while True:
            mark = self.answered + self._random.randrange(100, 900)
            if mark >= orders:
                return

            async def reached(mark: int = mark) -> bool:
                return self.answered >= mark

            await eventually(reached, f"{mark} answers", within_s=90)
            name = self._random.choice(VICTIMS)
            self.kills[name] += 1
            pid = self._stack.kill(name)
            await asyncio.to_thread(self._stack.wait_for_restart, name, pid, 20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 6, 11])
async def test_g1_g2_g3_g4_random_kills(stack_factory: StackFactory, seed: int) -> None:
    stack = stack_factory(engines=2)
    nemesis = Nemesis(stack, seed)
    async with shop_on(stack) as (checkout, ledger):
        rules = {"max_redemptions": LIMIT, "max_redemptions_per_customer": PER_CUSTOMER}
        cmp = await campaign(checkout, discount_type="AMOUNT", discount_value=5, **rules)
        await voucher(checkout, campaign_id=cmp, code="SOAK")
        gold = {"max_redemptions": COMMITTED_LIMIT, "durability": "committed"}
        made = await voucher(checkout, code="GOLD", discount_type="AMOUNT", discount_value=5, **gold)

        async def buy(code: str, n: int) -> Answer:
            answer = await checkout.insist(code, f"{code}-{n}", customer_id=f"c{n % CUSTOMERS}", within_s=90)
            nemesis.answered += 1
            return answer

        orders: list[Buy] = [partial(buy, "SOAK", n) for n in range(ORDERS)]
        orders += [partial(buy, "GOLD", n) for n in range(COMMITTED_ORDERS)]
        random.Random(seed).shuffle(orders)
        answers, _ = await asyncio.gather(checkout.all(orders), nemesis.run(len(orders)))
        await asyncio.to_thread(stack.wait_until_serving)
        acknowledged: dict[str, set[str]] = defaultdict(set)
        for answer in answers:
            if answer.status == 200:
                acknowledged[answer.json()["code"]].add(answer.json()["id"])
        tally = Counter(answer.code or str(answer.status) for answer in answers)
        sold = LIMIT + COMMITTED_LIMIT
        assert tally == {"200": sold, "limit_reached": len(orders) - sold}, nemesis.kills
        assert {code: len(ids) for code, ids in acknowledged.items()} == {"SOAK": LIMIT, "GOLD": COMMITTED_LIMIT}
        await settled(stack, ledger, "SOAK", f"r:{cmp}", acknowledged["SOAK"])
        await settled(stack, ledger, "GOLD", f"r:{made['id']}", acknowledged["GOLD"])
        assert await _most_of_one_customer(ledger, "SOAK") <= PER_CUSTOMER


async def _most_of_one_customer(ledger: Ledger, code: str) -> int:
    counts = (
        "SELECT max(n) FROM (SELECT count(*) AS n FROM redemptions r JOIN redemption_lines l"
        " ON (l.project_id, l.redemption_id) = (r.project_id, r.id) WHERE l.code = $1 GROUP BY r.customer_id) s"
    )
    return await ledger.number(counts, code)
