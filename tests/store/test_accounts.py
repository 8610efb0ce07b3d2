"""Keys, idempotency of the control plane's POSTs, the audit log and due actions."""

from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from store.database import Database
from store.queries import query

pytestmark = pytest.mark.usefixtures("tenants")


async def look_up(app: Database, key: bytes) -> asyncpg.Record | None:
    async with app.anonymous_tx() as tx:
        return await tx.fetchrow(query("lookup_api_key"), sha256(key).digest())


async def test_a_key_leads_to_its_project_before_the_tenant_is_known(app: Database) -> None:
    row = await look_up(app, b"secret b")
    assert row is not None
    assert dict(row) == {
        "key_id": "key_b",
        "type": "SECRET",
        "account_id": "acc_b",
        "project_id": "prj_b",
        "shard": 2,
        "currency": "EUR",
        "currency_decimals": 2,
        "plan": "unlimited",
        "account_status": "active",
        "project_status": "active",
        "scopes": None,
    }


async def test_an_admin_key_has_an_account_and_no_project(app: Database) -> None:
    row = await look_up(app, b"admin a")
    assert row is not None
    assert (row["account_id"], row["project_id"], row["currency"]) == ("acc_a", None, None)


async def test_a_revoked_or_unknown_key_leads_nowhere(app: Database) -> None:
    async with app.tenant_tx("prj_b", "acc_b") as tx:
        await tx.execute("UPDATE api_keys SET revoked_at = now() WHERE id = 'key_b'")
    assert await look_up(app, b"secret b") is None
    assert await look_up(app, b"never made") is None


async def test_the_reconciler_has_no_use_for_keys(reconciler: Database) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with reconciler.anonymous_tx() as tx:
            await tx.fetchrow(query("lookup_api_key"), sha256(b"secret b").digest())


@pytest.mark.parametrize(("key_type", "project_id"), [("ADMIN", "prj_a"), ("SECRET", None)])
async def test_only_an_admin_key_is_without_a_project(owner: Any, key_type: str, project_id: str | None) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="api_keys_admin_has_no_project"):
        await owner.execute(
            "INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint) "
            "VALUES ('acc_a', $2, 'key_x', $1, sha256('x'), 'abcd')",
            key_type,
            project_id,
        )


async def test_g3_one_idempotency_key_of_an_admin_is_there_once(app: Database) -> None:
    insert = (
        "INSERT INTO idempotency_keys (account_id, project_id, route, key, fingerprint) "
        "VALUES ('acc_a', NULL, 'create_project', 'k', sha256('body')) ON CONFLICT DO NOTHING"
    )
    async with app.account_tx("acc_a") as tx:
        assert [await tx.execute(insert), await tx.execute(insert)] == ["INSERT 0 1", "INSERT 0 0"]


async def test_the_audit_log_only_grows(app: Database) -> None:
    for statement in ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            async with app.tenant_tx("prj_a", "acc_a") as tx:
                await tx.execute(statement)


async def test_due_actions_are_named_across_tenants_until_they_are_taken(app: Database) -> None:
    due = "SELECT project_id FROM due_async_actions(100)"
    async with app.anonymous_tx() as tx:
        assert {row["project_id"] for row in await tx.fetch(due)} == {"prj_a", "prj_a2", "prj_b"}
    async with app.tenant_tx("prj_a") as tx:
        await tx.execute("UPDATE async_actions SET status = 'running', locked_until = now() + interval '1 min'")
    async with app.tenant_tx("prj_b") as tx:
        await tx.execute("UPDATE async_actions SET status = 'done'")
    async with app.anonymous_tx() as tx:
        assert {row["project_id"] for row in await tx.fetch(due)} == {"prj_a2"}
