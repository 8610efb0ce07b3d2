"""`python -m control_plane` as a process, over a real port."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from control_plane.accounts.creation import NewAccount, create_account
from store.credentials import signing_secret
from store.scripts import Scripts
from tests.control_plane.conftest import SHARD
from tests.servers.postgres import DatabaseUrls
from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base

TEXT_SECRET = "a-secret-of-a-test-with-enough-length"


class ControlPlane:
    """One control plane that a test may kill and start again."""

    def __init__(self, env: dict[str, str], port: int) -> None:
        self._env = {**os.environ, **env, "VAUCHFLOW_PORT": str(port)}
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "control_plane"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._env, stderr=subprocess.DEVNULL)
        wait_until(self._answers, what="the control plane")

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def control_plane(database: DatabaseUrls, redis_url: str, scripts: Scripts) -> Iterator[ControlPlane]:
    env = {
        "VAUCHFLOW_APP_DATABASE_URL": database.app,
        "VAUCHFLOW_REDIS_URL": redis_url,
        "VAUCHFLOW_SECRET": TEXT_SECRET,
    }
    plane = ControlPlane(env, find_free_base())
    plane.start()
    yield plane
    if plane.process is not None:
        plane.end(signal.SIGKILL)


async def secret_key(owner: Any) -> str:
    async with owner.transaction():
        made = await create_account(
            owner, signing_secret(TEXT_SECRET), NewAccount("A", "unlimited", "P", "EUR", SHARD), 8
        )
    return made.secret_key


async def test_probes_need_no_key_and_metrics_name_no_code(control_plane: ControlPlane, owner: Any) -> None:
    key = await secret_key(owner)
    async with httpx.AsyncClient(base_url=control_plane.url) as http:
        assert (await http.get("/livez")).status_code == 200
        answer = await http.get("/v1/vouchers/PRIVATE", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 404
        text = (await http.get("/metrics")).text
    assert 'vauchflow_control_requests_total{method="GET",route="/v1/vouchers/{reference}",status="404"} 1.0' in text
    assert "PRIVATE" not in text
    assert key not in text


async def test_unknown_paths_and_methods(control_plane: ControlPlane) -> None:
    async with httpx.AsyncClient(base_url=control_plane.url) as http:
        for method, path, code in (
            ("GET", "/", "not_found"),
            ("GET", "/v1/nothing", "not_found"),
            ("PUT", "/v1/vouchers", "method_not_allowed"),
            ("DELETE", "/v1/campaigns", "method_not_allowed"),
        ):
            body = (await http.request(method, path)).json()
            assert body["code"] == code, body


def test_sigterm_ends_in_good_order(control_plane: ControlPlane) -> None:
    assert control_plane.end(signal.SIGTERM) == 0


def order_kill_and_finish(plane: ControlPlane, key: str) -> None:
    """Order 50,000 codes, kill the process in the middle, start it again, wait for the batch."""
    with httpx.Client(base_url=plane.url, headers={"Authorization": f"Bearer {key}"}) as http:
        campaign = http.post("/v1/campaigns", json={"name": "A", "rules": {"discount_value": 20}}).json()
        body = {"campaign_id": campaign["id"], "count": 50_000}
        path = f"/v1/async-actions/{http.post('/v1/vouchers/bulk', json=body).json()['async_action_id']}"
        wait_until(lambda: http.get(path).json()["done_count"] >= 10_000, what="two chunks")
        plane.end(signal.SIGKILL)
        plane.start()
        wait_until(lambda: http.get(path).json()["status"] == "done", what="the batch")


async def test_a_batch_of_50000_comes_through_a_kill(control_plane: ControlPlane, owner: Any) -> None:
    order_kill_and_finish(control_plane, await secret_key(owner))
    assert await owner.fetchval("SELECT count(DISTINCT code) FROM vouchers") == 50_000
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 50_000
    assert await owner.fetchval("SELECT count(*) FROM counters WHERE id LIKE 'r:vch_%'") == 50_000


def import_kill_and_finish(plane: ControlPlane, key: str) -> dict[str, Any]:
    """Send 50,000 rows, 100 of them bad, kill the process in the middle, start it again, wait; the action."""
    bad = dict.fromkeys(range(7, 50_000, 500), 200)
    rows = "".join(f"I{n},PERCENT,{bad.get(n, 20)},1\r\n" for n in range(50_000))
    file = "code,discount_type,discount_value,max_redemptions\r\n" + rows
    with httpx.Client(base_url=plane.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        sent = http.post("/v1/vouchers/import", content=file, headers={"Content-Type": "text/csv"})
        path = f"/v1/async-actions/{sent.json()['async_action_id']}"
        wait_until(lambda: http.get(path).json()["progress"] >= 0.3, what="a third of the file", timeout_s=60)
        plane.end(signal.SIGKILL)
        plane.start()
        assert http.get(path).json()["progress"] < 1
        wait_until(lambda: http.get(path).json()["status"] == "done", what="the import", timeout_s=120)
        answer: dict[str, Any] = http.get(path).json()
        return answer


@pytest.mark.slow
async def test_an_import_of_50000_rows_comes_through_a_kill(control_plane: ControlPlane, owner: Any) -> None:
    shown = import_kill_and_finish(control_plane, await secret_key(owner))
    assert (shown["total_count"], shown["done_count"], shown["failed_count"]) == (50_000, 49_900, 100)
    assert [failure["row"] for failure in shown["failures"]] == [n + 2 for n in range(7, 50_000, 500)]
    assert all(failure["reason"].startswith("discount_value") for failure in shown["failures"])
    assert await owner.fetchval("SELECT count(DISTINCT code) FROM vouchers") == 49_900
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 49_900
    assert await owner.fetchval("SELECT count(*) FROM counters WHERE id LIKE 'r:vch_%'") == 49_900
