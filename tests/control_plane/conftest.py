"""Two tenants, the app in this process, and an epoch that stands open without a reconciler."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from store.database import owner_connection
from tests.servers.postgres import DatabaseUrls


@pytest.fixture
async def owner(database: DatabaseUrls) -> AsyncIterator[Any]:
    async with owner_connection(database.owner, "test-owner") as connection:
        yield connection
