"""Many codes that Redis has not met: read from PostgreSQL together, and also while customers are upserted."""

import asyncio
from functools import partial

import msgspec
import pytest

from control_plane.accounts.creation import MadeAccount
from domain.definitions import change_scope, customer_key, voucher_key
from domain.rules import Rules
from store.definitions import project_change, stage_change
from tests.engine.conftest import SHARD, Shop
from tests.engine.conftest import shop as shop  # noqa: PLC0414 - a fixture is found by its name

CODES = 5_000
AT_ONCE = 256


async def sell(shop: Shop, codes: int) -> list[str]:
    """A campaign whose codes were made by the batch: nothing of them is in Redis."""
    await shop.campaign("cmp_1", Rules(discount_type="PERCENT", discount_value=200_000))
    names = [f"CODE-{number}" for number in range(codes)]
    await shop.owner.execute(
        "INSERT INTO vouchers (project_id, id, campaign_id, code, rules, status, version)"
        " SELECT $1, code, 'cmp_1', code, $2, 'active', 1 FROM unnest($3::text[]) AS n (code)",
        shop.account.project_id, msgspec.to_builtins(Rules()), names,
    )  # fmt: skip
    return names


async def upsert_customer(shop: Shop, customer_id: str) -> None:
    """As the control plane does, put in force."""
    account: MadeAccount = shop.account
    version = await shop.owner.fetchval(
        "INSERT INTO customers (project_id, id, segments, version) VALUES ($1, $2, '{vip}', 2)"
        " ON CONFLICT (project_id, id) DO UPDATE SET version = customers.version + 1 RETURNING version",
        account.project_id, customer_id,
    )  # fmt: skip
    await stage_change(shop.owner, SHARD, account.project_id, "customer", customer_id, version, ())
    served = await shop.worker.gate.enter(SHARD)
    open_tx = partial(shop.worker.database.tenant_tx, account.project_id)
    assert await project_change(open_tx, served.shard.scripts, account.project_id, "customer", customer_id)


def test_customers_and_products_have_change_numbers_of_their_own() -> None:
    assert change_scope("prj_x", voucher_key("prj_x", "FLASH")) == "prj_x"
    scopes = {change_scope("prj_x", customer_key("prj_x", f"cust_{number}")) for number in range(200)}
    assert len(scopes) == 8
    assert "prj_x" not in scopes


@pytest.mark.servers
async def test_an_upserted_customer_stops_no_code_that_is_being_read(shop: Shop) -> None:
    await sell(shop, 1)
    hydration = (await shop.worker.gate.enter(SHARD)).catalog._hydration
    key = voucher_key(shop.account.project_id, "CODE-0")
    change, _ = await hydration.peek(shop.account.project_id, [key])
    await upsert_customer(shop, "cust_1")
    found = await hydration.definitions(shop.account.project_id, shop.account.project_id, change, [key])
    assert found is not None
    assert found[0].key == key


@pytest.mark.servers
async def test_g6_a_customer_who_was_read_before_an_upsert_is_not_put(shop: Shop) -> None:
    hydration = (await shop.worker.gate.enter(SHARD)).catalog._hydration
    project_id, key = shop.account.project_id, customer_key(shop.account.project_id, "cust_1")
    change, _ = await hydration.peek(change_scope(project_id, key), [key])
    await upsert_customer(shop, "cust_1")
    assert await hydration.definitions(project_id, change_scope(project_id, key), change, [key]) is None


@pytest.mark.slow
@pytest.mark.servers
async def test_codes_are_read_together_whoever_is_upserted_beside_them(shop: Shop) -> None:
    names = await sell(shop, CODES)
    waiting = iter(names)
    over = asyncio.Event()

    async def ask() -> set[int]:
        body = {"order_value": 10, "customer_id": "cust_1"}
        return {(await shop.call("POST", f"/v1/vouchers/{name}/validate", body)).status for name in waiting}

    async def upsert() -> int:
        done = 0
        while not over.is_set():
            await upsert_customer(shop, f"regular-{done % 50}")
            done += 1
        return done

    upserting = asyncio.create_task(upsert())
    statuses = await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    over.set()
    assert await upserting > 5
    assert set[int]().union(*statuses) == {200}
    assert shop.worker.metrics.hydrations <= CODES / 50
