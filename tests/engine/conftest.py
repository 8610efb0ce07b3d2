"""A worker on real servers with an open epoch, and no reconciler: what it grants stays unconfirmed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from control_plane.accounts.creation import MadeAccount, NewAccount, create_account
from domain.rules import CampaignRow, Rules, VoucherRow, campaign_limits, voucher_limits
from engine.handler import handle
from engine.requests import Call
from engine.responses import Response
from engine.settings import Settings
from engine.worker import Worker
from store.database import owner_connection
from store.definitions import stage_change
from store.keys import Keyspace
from store.link import Link
from store.scripts import Scripts
from tests.servers.postgres import DatabaseUrls

SECRET = b"a secret of the tests, and of nothing else"
SHARD = 3


class Shop:
    """An account with a project, its definitions, and a worker that serves it."""

    def __init__(self, urls: DatabaseUrls, redis_url: str, owner: Any, account: MadeAccount) -> None:
        self.urls = urls
        self.redis_url = redis_url
        self.owner = owner
        self.account = account
        self.links: list[Link] = []
        self.worker: Worker = None  # type: ignore[assignment] # set by start(), before any test sees it

    async def start(self) -> None:
        self.worker = await Worker.start(Settings(self.urls.app, self.redis_url, SECRET))

    async def open_epoch(self, number: int, withheld_epochs: int = 0) -> Scripts:
        """Open an epoch as the reconciler does, for tests that run without one."""
        link = Link(self.redis_url)
        identity = await link.identity()
        await self.owner.execute(
            "UPDATE epochs SET state = 'closed', closed_at = now(), unaccounted = $1 WHERE state <> 'closed'",
            "workers" if withheld_epochs else None,
        )
        await self.owner.execute(
            "INSERT INTO epochs (shard, epoch, state, run_id, replication_id, opened_at, withheld_epochs)"
            " VALUES ($1, $2, 'open', $3, $4, now(), $5)",
            SHARD, number, identity.run_id, identity.replication_id, withheld_epochs,
        )  # fmt: skip
        await self.owner.execute(
            "INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES ($1, $2, 0, 0)"
            " ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch, entry_ms = 0, entry_seq = 0",
            SHARD, number,
        )  # fmt: skip
        self.links.append(link)
        scripts = Scripts(link, Keyspace(SHARD, number))
        await scripts.open(withheld=withheld_epochs > 0, bound=1000)
        return scripts

    async def campaign(self, id_: str, rules: Rules, status: str = "active", version: int = 1) -> None:
        """A campaign as the control plane would have staged it, not projected: it has to be hydrated."""
        row = CampaignRow(id_, self.account.project_id, version, status, rules, 0)
        await self.owner.execute(
            "INSERT INTO campaigns (project_id, id, account_id, name, rules, status, version)"
            " VALUES ($1,$2,$3,'c',$4,$5,$6) ON CONFLICT (project_id, id) DO UPDATE"
            " SET rules=excluded.rules, status=excluded.status, version=excluded.version",
            row.project_id, id_, self.account.account_id, msgspec.to_builtins(rules), status, version,
        )  # fmt: skip
        await stage_change(self.owner, SHARD, row.project_id, "campaign", id_, version, campaign_limits(row))

    async def voucher(
        self, code: str, rules: Rules, campaign: str | None = None, status: str = "active", version: int = 1
    ) -> None:
        """A voucher, likewise; its id is its code."""
        row = VoucherRow(code, self.account.project_id, code, campaign, version, status, rules, 0)
        await self.owner.execute(
            "INSERT INTO vouchers (project_id, id, campaign_id, code, rules, status, version)"
            " VALUES ($1,$2,$3,$2,$4,$5,$6) ON CONFLICT (project_id, id) DO UPDATE"
            " SET rules=excluded.rules, status=excluded.status, version=excluded.version",
            row.project_id, code, campaign, msgspec.to_builtins(rules), status, version,
        )  # fmt: skip
        await stage_change(self.owner, SHARD, row.project_id, "voucher", code, version, voucher_limits(row))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        token: str | None = None,
        client: str = "10.0.0.1",
    ) -> Response:
        """One request through the handler."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        authorization = f"Bearer {token or self.account.secret_key}"
        return await handle(self.worker, Call(method, path, authorization, key, client, raw))

    async def redeem(self, code: str, *, key: str | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
        """POST redeem; status and decoded body."""
        response = await self.call("POST", f"/v1/vouchers/{code}/redeem", {"order_value": 89.99, **body}, key=key)
        return response.status, msgspec.json.decode(response.body)


@pytest.fixture
async def shop(database: DatabaseUrls, redis_url: str) -> AsyncIterator[Shop]:
    """A shop of its own."""
    async with owner_connection(database.owner, "tests") as owner:
        account = await create_account(owner, SECRET, NewAccount("Acme", "free", "Shop", "EUR", SHARD), 8)
        shop = Shop(database, redis_url, owner, account)
        await shop.open_epoch(1)
        await shop.start()
        yield shop
        await shop.worker.stop()
        for link in shop.links:
            await link.close()
