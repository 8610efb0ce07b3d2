"""Projects of a test's own on the session's stack: another currency, other stacking rules, nobody else's codes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.servers.stack import RunningStack

from .checkout import Checkout


@asynccontextmanager
async def project(
    stack: RunningStack, currency: str = "EUR", connections: int = 32, **rules: Any
) -> AsyncIterator[Checkout]:
    """A checkout with the secret key of a new project, with these stacking rules where any are given."""
    state = stack.state
    async with Checkout(state.api_url, state.admin_key, 1) as admin:
        made = await admin.call("POST", "/v1/projects", {"name": "Own", "currency": currency})
        assert made.status == 201, made
    async with Checkout(state.api_url, made.json()["secret_key"], connections, timeout_s=30) as shop:
        if rules:
            put = await shop.call("PUT", "/v1/stacking-rules", rules)
            assert put.status == 200, put
        yield shop
