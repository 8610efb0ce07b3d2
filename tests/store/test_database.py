"""The one door to PostgreSQL: what a transaction sets, what it leaves behind, and how it fails."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from store.database import UNAVAILABLE, Database, Timeouts
from tests.servers.postgres import DatabaseUrls

SETTINGS = "SELECT app_project_id(), app_account_id(), app_shard(), app_worker_id()"


@pytest.fixture
async def single(database: DatabaseUrls) -> Any:
    """One connection only, so that each transaction follows the other on it."""
    db = await Database.connect(
        database.app,
        application_name="test-single",
        max_size=1,
        timeouts=Timeouts(statement_ms=200, acquire_s=0.3),
    )
    yield db
    await db.close()


async def test_each_transaction_sets_its_own_and_nothing_stays(single: Database) -> None:
    async with single.tenant_tx("prj_a", "acc_a") as tx:
        assert tuple(await tx.fetchrow(SETTINGS) or ()) == ("prj_a", "acc_a", None, None)
    async with single.shard_tx(3, worker_id="wrk_1") as tx:
        assert tuple(await tx.fetchrow(SETTINGS) or ()) == (None, None, 3, "wrk_1")
    async with single.account_tx("acc_b") as tx:
        assert tuple(await tx.fetchrow(SETTINGS) or ()) == (None, "acc_b", None, None)
    async with single.anonymous_tx() as tx:
        assert tuple(await tx.fetchrow(SETTINGS) or ()) == (None, None, None, None)


async def test_g5_a_setting_of_the_session_is_not_in_force_in_the_next_transaction(single: Database) -> None:
    async with single.anonymous_tx() as tx:
        await tx.execute("SET app.project_id = 'prj_a'")
    async with single.account_tx("acc_b") as tx:
        assert await tx.fetchval("SELECT app_project_id()") is None


@pytest.mark.usefixtures("tenants")
async def test_a_transaction_that_fails_leaves_nothing(single: Database) -> None:
    inserts = "INSERT INTO customers (project_id, id) VALUES ('prj_a', $1)"
    with pytest.raises(asyncpg.CheckViolationError):
        async with single.tenant_tx("prj_a") as tx:
            await tx.executemany(inserts, [("cust_new",), ("",)])
    async with single.tenant_tx("prj_a") as tx:
        assert await tx.fetchval("SELECT count(*) FROM customers WHERE id = 'cust_new'") == 0


async def test_a_transaction_names_its_tenant(app: Database) -> None:
    with pytest.raises(ValueError, match="without a project"):
        async with app.tenant_tx(""):
            pass
    with pytest.raises(ValueError, match="without an account"):
        async with app.account_tx(""):
            pass


async def test_jsonb_comes_and_goes_as_values(app: Database) -> None:
    async with app.anonymous_tx() as tx:
        value = {"discount_value": 20, "codes": ["Ä", None], "nested": {"on": True}}
        assert await tx.fetchval("SELECT $1::jsonb", value) == value
        assert await tx.fetchval("SELECT $1::jsonb", msgspec.Raw(b'[["r:x", 1]]')) == [["r:x", 1]]
        assert await tx.fetchval("SELECT $1::jsonb[]", [msgspec.Raw(b"[1]"), {}]) == [[1], {}]


async def test_a_slow_statement_is_ended_by_the_server(single: Database) -> None:
    with pytest.raises(asyncpg.QueryCanceledError) as slow:
        async with single.anonymous_tx() as tx:
            await tx.execute("SELECT pg_sleep(30)")
    assert isinstance(slow.value, UNAVAILABLE)


async def test_a_pool_with_no_connection_left_gives_up_in_time(single: Database) -> None:
    async with single.anonymous_tx():
        with pytest.raises(UNAVAILABLE):
            async with single.anonymous_tx():
                pass


@pytest.mark.usefixtures("tenants")
async def test_a_connection_that_is_cut_is_told_as_such_and_replaced(single: Database) -> None:
    with pytest.raises(UNAVAILABLE):
        async with single.tenant_tx("prj_a") as tx:
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with single.tenant_tx("prj_a") as tx:
        assert await tx.fetchval("SELECT count(*) FROM projects") == 1


async def test_a_cancelled_transaction_gives_its_connection_back(single: Database) -> None:
    started = asyncio.Event()

    async def wait_in_transaction() -> None:
        async with single.anonymous_tx():
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_in_transaction())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with single.anonymous_tx() as tx:
        assert await tx.fetchval("SELECT 1") == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UNAVAILABLE):
        await Database.connect("postgresql://vauchflow_app:x@127.0.0.1:1/none", application_name="test")


async def test_each_process_is_known_by_its_name_and_its_limits(app: Database) -> None:
    async with app.anonymous_tx() as tx:
        for setting, value in (("application_name", "test-app"), ("TimeZone", "UTC"), ("lock_timeout", "2s")):
            assert await tx.fetchval("SELECT current_setting($1)", setting) == value
