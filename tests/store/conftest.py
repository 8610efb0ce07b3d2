"""The database of a test through the house's own door, one fixture a role, and an owner to look behind it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from store.database import Database, owner_connection
from tests.servers.postgres import DatabaseUrls

TENANT_SQL = Path(__file__).parent / "tenant.sql"


@pytest.fixture
async def app(database: DatabaseUrls) -> AsyncIterator[Database]:
    db = await Database.connect(database.app, application_name="test-app", max_size=4)
    yield db
    await db.close()


@pytest.fixture
async def reconciler(database: DatabaseUrls) -> AsyncIterator[Database]:
    db = await Database.connect(database.reconciler, application_name="test-reconciler", max_size=4)
    yield db
    await db.close()


@pytest.fixture
async def owner(database: DatabaseUrls) -> AsyncIterator[Any]:
    async with owner_connection(database.owner, "test-owner") as connection:
        yield connection


@pytest.fixture
async def tenants(owner: Any) -> None:
    """Three projects with a row in every table: `prj_a` and `prj_a2` of one account on shard 1, `prj_b` of
    another on shard 2."""
    template = TENANT_SQL.read_text()
    for account, project, shard in (("a", "a", 1), ("a", "a2", 1), ("b", "b", 2)):
        await owner.execute(
            template.replace("{account}", account).replace("{project}", project).replace("{shard}", str(shard))
        )
