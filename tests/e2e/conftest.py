"""The stack, a checkout on its gateway, and a look into the ledger past Row-Level Security."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from store.database import owner_connection
from tests.servers.stack import RunningStack

from .checkout import Checkout


class Ledger:
    """What PostgreSQL says: a connection a question, so that the server may be killed between two."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def value(self, sql: str, *args: object) -> Any:
        async with owner_connection(self._url, "tests") as connection:
            return await connection.fetchval(sql, *args)

    async def number(self, sql: str, *args: object) -> int:
        return int(await self.value(sql, *args))

    async def ids(self, code: str) -> list[str]:
        """Every redemption of a code, rolled back or not."""
        ids = "SELECT array_agg(redemption_id ORDER BY redemption_id) FROM redemption_lines WHERE code = $1"
        return list(await self.value(ids, code) or [])

    async def used(self, counter: str) -> int:
        return await self.number("SELECT coalesce(sum(used), 0)::bigint FROM counters WHERE id = $1", counter)

    async def quarantined(self) -> int:
        return await self.number("SELECT count(*) FROM quarantine WHERE status = 'open'")


@pytest.fixture
def ledger(stack: RunningStack) -> Ledger:
    """The ledger of the session's stack."""
    return Ledger(stack.state.database_url)


@pytest.fixture
async def checkout(stack: RunningStack) -> AsyncIterator[Checkout]:
    """A checkout with the demo project's secret key, through the gateway."""
    async with Checkout(stack.state.api_url, stack.state.secret_key) as shop:
        yield shop


async def voucher(shop: Checkout, **fields: Any) -> dict[str, Any]:
    """Create a voucher; its representation."""
    answer = await shop.call("POST", "/v1/vouchers", fields)
    assert answer.status == 201, answer
    body: dict[str, Any] = answer.json()
    return body


async def campaign(shop: Checkout, **rules: Any) -> str:
    """Create a campaign; its id."""
    answer = await shop.call("POST", "/v1/campaigns", {"name": "Sale", "type": "DISCOUNT", "rules": rules})
    assert answer.status == 201, answer
    return str(answer.json()["id"])
