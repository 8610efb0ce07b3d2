"""G5 with real rows: what a transaction of one project sees and touches, table by table, and what not."""

from typing import Any

import asyncpg
import pytest

from store.database import Database

pytestmark = pytest.mark.usefixtures("tenants")

# What the app may reach through its tenant, with the column that says whose a row is.
TABLES = """
SELECT c.relname::text AS name, CASE c.relname WHEN 'projects' THEN 'id' ELSE 'project_id' END AS project,
    coalesce(array_agg(a.attname::text) FILTER (WHERE
        has_column_privilege('vauchflow_app', c.oid, a.attnum, 'INSERT')), '{}') AS insertable,
    coalesce(array_agg(a.attname::text) FILTER (WHERE
        has_column_privilege('vauchflow_app', c.oid, a.attnum, 'UPDATE')), '{}') AS updatable,
    has_table_privilege('vauchflow_app', c.oid, 'DELETE') AS deletable
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    AND a.attgenerated = '' AND a.attidentity = ''
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND has_any_column_privilege('vauchflow_app', c.oid, 'SELECT')
GROUP BY c.oid, c.relname
HAVING c.relname = 'projects' OR bool_or(a.attname = 'project_id')"""


async def reachable(owner: Any) -> list[asyncpg.Record]:
    tables: list[asyncpg.Record] = await owner.fetch(TABLES)
    assert len(tables) >= 14
    return tables


async def projects_seen(tx: Any, table: asyncpg.Record) -> set[str | None]:
    rows = await tx.fetch(f"SELECT DISTINCT {table['project']} FROM {table['name']}")  # noqa: S608
    return {row[0] for row in rows}


async def test_g5_a_project_sees_its_own_rows_only(owner: Any, app: Database) -> None:
    for table in await reachable(owner):
        for project_id in ("prj_a", "prj_b"):
            async with app.tenant_tx(project_id) as tx:
                assert await projects_seen(tx, table) == {project_id}, table["name"]


async def test_g5_a_project_does_not_see_its_sisters_even_with_the_account_set(owner: Any, app: Database) -> None:
    for table in await reachable(owner):
        async with app.tenant_tx("prj_a", "acc_a") as tx:
            assert await projects_seen(tx, table) == {"prj_a"}, table["name"]
    async with app.tenant_tx("prj_a", "acc_a") as tx:
        assert [row["id"] for row in await tx.fetch("SELECT id FROM accounts")] == ["acc_a"]


async def test_g5_an_account_sees_its_projects_and_no_data_of_theirs(owner: Any, app: Database) -> None:
    account_tables = {"projects", "api_keys", "audit_log", "idempotency_keys", "usage_daily"}
    for table in await reachable(owner):
        async with app.account_tx("acc_a") as tx:
            seen = await projects_seen(tx, table) - {None}
        assert seen == ({"prj_a", "prj_a2"} if table["name"] in account_tables else set()), table["name"]


@pytest.mark.parametrize("role", ["vauchflow_app", "vauchflow_reconciler"])
async def test_g5_without_a_setting_there_are_no_rows(
    owner: Any, app: Database, reconciler: Database, role: str
) -> None:
    tables = await owner.fetch(
        """SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND has_table_privilege($1, oid, 'SELECT')""",
        role,
    )
    assert len(tables) >= 15
    db = app if role == "vauchflow_app" else reconciler
    for (name,) in tables:
        assert await owner.fetchval(f"SELECT count(*) FROM {name}") > 0, name  # noqa: S608
        async with db.anonymous_tx() as tx:
            assert await tx.fetchval(f"SELECT count(*) FROM {name}") == 0, name  # noqa: S608


async def test_g5_another_tenants_rows_cannot_be_changed_or_deleted(owner: Any, app: Database) -> None:
    for table in await reachable(owner):
        name, where = table["name"], f"{table['project']} <> 'prj_a'"
        async with app.tenant_tx("prj_a", "acc_a") as tx:
            for column in table["updatable"]:
                update = f"UPDATE {name} SET {column} = {column} WHERE {where}"  # noqa: S608
                assert await tx.execute(update) == "UPDATE 0", name
            if table["deletable"]:
                assert await tx.execute(f"DELETE FROM {name} WHERE {where}") == "DELETE 0"  # noqa: S608


async def test_g5_a_row_cannot_be_given_to_another_tenant(owner: Any, app: Database) -> None:
    tables = [table for table in await reachable(owner) if table["project"] in table["updatable"]]
    assert len(tables) >= 3
    for table in tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with app.tenant_tx("prj_a", "acc_a") as tx:
                await tx.execute(f"UPDATE {table['name']} SET project_id = 'prj_b'")  # noqa: S608


async def test_g5_a_row_for_another_tenant_cannot_be_inserted(owner: Any, app: Database) -> None:
    tables = [table for table in await reachable(owner) if table["insertable"]]
    assert len(tables) >= 8
    for table in tables:
        name, columns = table["name"], ", ".join(table["insertable"])
        read = f"SELECT to_jsonb(t) FROM {name} t WHERE {table['project']} = 'prj_b' LIMIT 1"  # noqa: S608
        insert = (
            f"INSERT INTO {name} ({columns}) "  # noqa: S608
            f"SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1)"
        )
        foreign = await owner.fetchval(read)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with app.tenant_tx("prj_a", "acc_a") as tx:
                await tx.execute(insert, foreign)


async def test_g5_a_key_cannot_be_made_for_another_accounts_project(app: Database) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with app.account_tx("acc_a") as tx:
            await tx.execute(
                "INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint) "
                "VALUES ('acc_a', 'prj_b', 'key_x', 'SECRET', sha256('x'), 'abcd')"
            )


async def test_the_same_code_may_exist_in_two_projects_and_not_twice_in_one(app: Database) -> None:
    insert = "INSERT INTO vouchers (project_id, id, code) VALUES ($1, $2, 'SAVE20') ON CONFLICT DO NOTHING"
    async with app.tenant_tx("prj_a") as tx:
        assert await tx.execute(insert, "prj_a", "vch_2") == "INSERT 0 0"
    async with app.tenant_tx("prj_b") as tx:
        assert await tx.fetchval("SELECT count(*) FROM vouchers WHERE code = 'SAVE20'") == 1


async def test_bulk_insert_by_unnest_works_under_row_security(app: Database) -> None:
    async with app.tenant_tx("prj_a") as tx:
        done = await tx.execute(
            "INSERT INTO vouchers (project_id, id, campaign_id, code) "
            "SELECT $1, id, 'cmp_1', code FROM unnest($2::text[], $3::text[]) AS m (id, code) "
            "ON CONFLICT (project_id, code) DO NOTHING",
            "prj_a",
            ["vch_x", "vch_y", "vch_z"],
            ["X1", "Y1", "SAVE20"],
        )
        assert done == "INSERT 0 2"


async def test_the_reconciler_reaches_its_shards_ledger_and_no_other(reconciler: Database) -> None:
    async with reconciler.shard_tx(1) as tx:
        for table in (
            "redemptions",
            "outbox",
            "quarantine",
            "epochs",
            "stream_positions",
            "worker_leases",
            "alarms",
        ):
            shards = await tx.fetch(f"SELECT DISTINCT shard FROM {table}")  # noqa: S608
            assert [row["shard"] for row in shards] == [1], table
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with reconciler.shard_tx(1) as tx:
            await tx.execute("INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES (2, 1, 9, 9)")


async def test_a_worker_writes_its_own_lease_only(app: Database) -> None:
    upsert = (
        "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at) VALUES (1, 1, $1, now()) "
        "ON CONFLICT (shard, epoch, worker_id) DO UPDATE SET expires_at = excluded.expires_at"
    )
    async with app.shard_tx(1, worker_id="wrk_new") as tx:
        assert await tx.execute(upsert, "wrk_new") == "INSERT 0 1"
        assert await tx.execute(upsert, "wrk_new") == "INSERT 0 1"
        assert await tx.fetchval("SELECT count(*) FROM worker_leases") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with app.shard_tx(1, worker_id="wrk_new") as tx:
            await tx.execute(upsert, "wrk_a")


async def test_applied_outbox_rows_can_be_swept_and_waiting_ones_cannot(reconciler: Database) -> None:
    async with reconciler.shard_tx(1) as tx:
        assert await tx.execute("DELETE FROM outbox") == "DELETE 0"
        await tx.execute("UPDATE outbox SET applied_at = now(), attempts = 1 WHERE project_id = 'prj_a'")
        assert await tx.execute("DELETE FROM outbox") == "DELETE 1"
