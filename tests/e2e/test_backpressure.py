"""PostgreSQL away in the middle of a sale: at most W unconfirmed grants, then a 503 with a time to come back; and when
it is back, all of it drains and the rest is sold, with nobody's help."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.chaos.tree import Patch
from tests.servers.factory import ServerFactory
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, voucher
from .versions import Versions

WINDOW, LIMIT = 60, 200
SMALL_WINDOW = (Patch("domain/definitions.py", "\nCOUNT_WINDOW = 20_000\n", f"\nCOUNT_WINDOW = {WINDOW}\n"),)


async def test_g1_g2_g4_postgresql_away_is_back_pressure_and_not_unbounded_debt(
    new_folder: Callable[[str], Path], server_factory: ServerFactory, redis_url: str
) -> None:
    postgres = server_factory.postgres()
    urls = await asyncio.to_thread(postgres.create_database)
    async with Versions(new_folder("backpressure"), urls, redis_url, SMALL_WINDOW) as shop:
        await shop.start("engine.reconciler", newer=True)
        _, control = await shop.start("control_plane", newer=True)
        _, engine = await shop.start("engine", newer=True)
        key = shop.account.secret_key
        async with Checkout(control, key) as admin:
            await voucher(admin, code="DEBT", discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
        async with Checkout(engine, key, connections=16) as checkout:

            async def sell(first: int, last: int) -> list[Answer]:
                return await checkout.all([partial(checkout.redeem, "DEBT", f"o-{n}") for n in range(first, last)])

            assert {answer.status for answer in await sell(0, 20)} == {200}
            ledger = Ledger(urls.owner)

            async def settled(count: int) -> bool:
                return len(await ledger.ids("DEBT")) == count

            await eventually(partial(settled, 20), "the ledger")
            await asyncio.to_thread(postgres.kill)
            answers = await sell(20, 120)
            assert Counter(answer.code or "200" for answer in answers) == {"200": WINDOW, "ledger_lagging": 40}
            assert all(answer.retry_after == "1" for answer in answers if answer.status == 503)
            await asyncio.to_thread(postgres.start)
            await eventually(partial(settled, 20 + WINDOW), "the debt's end")
            rest = await checkout.all([partial(checkout.insist, "DEBT", f"o-{n}") for n in range(20, 260)])
            sold = {answer.json()["id"] for answer in rest if answer.status == 200}
            assert len(sold) == LIMIT - 20
            assert {answer.code for answer in rest if answer.status != 200} == {"limit_reached"}
            await eventually(partial(settled, LIMIT), "the ledger")
