"""What is sold: campaigns and codes, made through the control plane as a customer would, and listed in files for the
generators."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from tools.dev.console import LauncherError
from tools.dev.ports import HOST

from .options import Workload
from .queries import query
from .site import Account, Site

_PATIENCE_S = 60.0
_POLL_S = 0.1
_UNLIMITED = 1_000_000_000
_MOST_A_BATCH = 50_000


class Offer(msgspec.Struct, frozen=True):
    """A campaign and the file that lists its codes."""

    campaign_id: str
    codes: Path


class Shop:
    """Makes offers on one site."""

    def __init__(self, site: Site, account: Account) -> None:
        self._site = site
        self._client = httpx.Client(
            base_url=f"http://{HOST}:{site.ports.control_plane}",
            headers={"Authorization": f"Bearer {account.secret_key}"},
            timeout=30,
        )

    def offer(self, workload: Workload, committed: bool, codes: int) -> Offer:
        """One campaign, with one code or with many; its limits are beyond what a benchmark can sell."""
        return self.make(f"{workload}{'-committed' if committed else ''}", workload, committed, codes)

    def make(self, name: str, workload: Workload, committed: bool, codes: int) -> Offer:
        """The same under a name of its own. Codes are made by the batch, so Redis has none of them."""
        rules: dict[str, Any] = {"discount_type": "PERCENT", "discount_value": 20}
        if committed:
            rules["durability"] = "committed"
        if workload == "codes":
            rules["max_redemptions_per_code"] = _UNLIMITED
        campaign_id = self._post("/v1/campaigns", {"name": name, "rules": rules})["id"]
        if workload == "campaign":
            self._post("/v1/vouchers", {"campaign_id": campaign_id, "code": name.upper()})
        else:
            for first in range(0, codes, _MOST_A_BATCH):
                count = min(_MOST_A_BATCH, codes - first)
                asked = {"campaign_id": campaign_id, "count": count, "max_redemptions_per_code": _UNLIMITED}
                self._wait_for(self._post("/v1/vouchers/bulk", asked)["async_action_id"])
        file = self._site.home.path / f"{name}.codes"
        file.write_text("".join(f"{code}\n" for code in asyncio.run(_codes(self._site.owner_url, campaign_id))))
        return Offer(campaign_id, file)

    def upsert_customer(self, customer_id: str, segments: list[str]) -> None:
        """What raises the project's change number."""
        self._post("/v1/customers", {"id": customer_id, "segments": segments})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _answer(self._client.post(path, json=body))

    def _wait_for(self, action_id: str) -> None:
        for status in self._statuses(action_id):
            if status == "done":
                return
            if status == "failed":
                break
        raise LauncherError(f"the codes were not made: {action_id}")

    def _statuses(self, action_id: str) -> Iterator[str]:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            yield _answer(self._client.get(f"/v1/async-actions/{action_id}"))["status"]
            time.sleep(_POLL_S)


def make_offers(
    site: Site, account: Account, wanted: Iterable[tuple[Workload, bool]], codes: int
) -> dict[tuple[Workload, bool], Offer]:
    """Offers by workload and whether they are `committed`; the control plane runs for as long as this takes."""
    control_plane = site.start_control_plane()
    shop = Shop(site, account)
    try:
        return {each: shop.offer(*each, codes) for each in sorted(set(wanted))}
    finally:
        shop.close()
        control_plane.stop()


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise LauncherError(f"{response.request.url.path}: {response.status_code} {response.text}")
    body: dict[str, Any] = response.json()
    return body


async def _codes(url: str, campaign_id: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["code"] for row in await connection.fetch(query("codes_of_campaign"), campaign_id)]
    finally:
        await connection.close()
