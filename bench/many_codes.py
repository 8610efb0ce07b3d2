"""`./dev bench --many-codes N`: N codes of one campaign, made through the API's batches: how long that takes, what they
weigh on disk, and how long lists, searches, look-ups and an export of them take.

Must never say a number of a list that did not hold what it should.
"""

import asyncio
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx
import msgspec

from tools.dev.console import LauncherError, say
from tools.dev.ports import HOST
from tools.dev.signals import Signals

from .alone import play_alone
from .options import Options
from .queries import query
from .site import Site

_A_BATCH = 50_000
_POLL_S = 0.25
_PATIENCE_S = 600.0
_TIMES = 20
_TABLES = ("vouchers", "codes", "counters")


class Clerk:
    """Calls the control plane, and waits for what it does."""

    def __init__(self, site: Site, http: httpx.Client) -> None:
        self._site, self._http = site, http

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise LauncherError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

    def done(self, action_id: str) -> dict[str, Any]:
        """The action at its end."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            self._site.check_stop()
            action = self.call("GET", f"/v1/async-actions/{action_id}")
            if action["status"] == "done":
                return action
            if action["status"] in ("failed", "cancelled"):
                break
            time.sleep(_POLL_S)
        raise LauncherError(f"{action_id} did not come to its end")

    def ms(self, path: str, least: int, most: int) -> float:
        """The median time of a call whose list holds as many rows as it should."""
        took = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            found = self.call("GET", path)
            took.append((time.perf_counter() - began) * 1000)
            if not least <= len(found.get("data", [found])) <= most:
                raise LauncherError(f"{path} does not hold what it should: {str(found)[:300]}")
        return median(took)


def run(options: Options, folder: Path, signals: Signals) -> int:
    """Make them and look at them."""
    return play_alone(_play, options, folder, signals, "python")


def _play(site: Site, options: Options) -> list[str]:
    account = site.start()
    control_plane = site.start_control_plane()
    http = httpx.Client(
        base_url=f"http://{HOST}:{site.ports.control_plane}",
        headers={"Authorization": f"Bearer {account.secret_key}"},
        timeout=60,
    )
    try:
        _measure(Clerk(site, http), site, options.many_codes)
    finally:
        http.close()
        control_plane.stop()
    return []


def _measure(clerk: Clerk, site: Site, count: int) -> None:
    rules = {"discount_type": "PERCENT", "discount_value": 20}
    campaign = clerk.call("POST", "/v1/campaigns", {"name": "Many", "rules": rules})["id"]
    began = time.perf_counter()
    for first in range(0, count, _A_BATCH):
        wanted = {"campaign_id": campaign, "count": min(_A_BATCH, count - first)}
        clerk.done(clerk.call("POST", "/v1/vouchers/bulk", wanted)["async_action_id"])
    took_s = time.perf_counter() - began
    say(
        f"\n{count:,} codes of one campaign, in batches of {_A_BATCH:,}: {took_s:.0f} s, {count / took_s:,.0f} a second"
    )
    sizes, (code, customer, cursor) = asyncio.run(_look_behind(site.owner_url, count))
    for table, heap, indexes in sizes:
        say(f"  {table:<10} {heap / 2**20:>8,.0f} MiB, indexes {indexes / 2**20:>8,.0f} MiB")
    say(f"  median of {_TIMES} calls, one after another:")
    of_campaign = f"/v1/vouchers?limit=100&campaign_id={campaign}"
    for name, path, least, most in (
        ("first page", "/v1/vouchers?limit=100", 100, 100),
        ("first page of the campaign", of_campaign, 100, 100),
        ("a page in the middle of it", f"{of_campaign}&cursor={cursor}", 100, 100),
        ("the disabled, of which there is one", "/v1/vouchers?status=disabled", 1, 1),
        ("the campaign's disabled", f"{of_campaign}&status=disabled", 1, 1),
        ("a customer's, of which there is one", f"/v1/vouchers?customer_id={customer}", 1, 1),
        ("search by three characters", f"/v1/vouchers?search={code[:3]}", 1, 100),
        ("search by the whole code", f"/v1/vouchers?search={code}", 1, 1),
        ("one by its code", f"/v1/vouchers/{code}", 1, 1),
    ):
        say(f"  {name:<36}{clerk.ms(path, least, most):>8.1f} ms")
    _export(clerk, campaign, count)


def _export(clerk: Clerk, campaign: str, count: int) -> None:
    began = time.perf_counter()
    wanted = {"resource": "vouchers", "format": "csv", "filters": {"campaign_id": campaign}}
    action = clerk.done(clerk.call("POST", "/v1/exports", wanted)["async_action_id"])
    took_s = time.perf_counter() - began
    if action["done_count"] != count:
        raise LauncherError(f"the export holds {action['done_count']} of {count} codes")
    say(f"  export of all as CSV: {took_s:.0f} s, {count / took_s:,.0f} a second")


async def _look_behind(url: str, count: int) -> tuple[list[tuple[str, int, int]], tuple[str, str, str]]:
    """What the tables weigh; the code of a row in the middle, which is made a customer's and disabled, and the cursor
    of the page behind it. As owner, past the API: what is measured is asking."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ANALYZE")
        weighed = [(table, *(await connection.fetch(query("weight_of_table"), table))[0]) for table in _TABLES]
        (row,) = await connection.fetch(query("mark_code"), count // 2)
    finally:
        await connection.close()
    cursor = msgspec.json.encode([row["created_us"], row["id"]])
    return weighed, (row["code"], row["customer_id"], urlsafe_b64encode(cursor).decode().rstrip("="))
