"""A flash sale as customers make it: quiet, then all at once, then a tail. For a running ./dev:

    .venv/bin/locust -f bench/locustfile.py --headless

Where it is and with which key: .vauchflow/dev.json, or VAUCHFLOW_URL and VAUCHFLOW_SECRET_KEY. A checkout that gets 503
or no answer asks again with the same Idempotency-Key. At the end it compares what was granted with what there was to
sell; one too many, or two redemptions for one key, makes locust's exit code 1. Locust itself is full at about 5,000
requests/s: it shapes the load, it does not measure the engine.
"""

import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import gevent
import httpx
from locust import FastHttpUser, LoadTestShape, constant_pacing, events, task
from locust.env import Environment

_STATE = Path(__file__).resolve().parents[1] / ".vauchflow" / "dev.json"
STOCK = int(os.environ.get("BENCH_STOCK", "500"))
CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "400"))
_ATTEMPTS = 8
_LEDGER_WITHIN_S = 10.0
_FINAL = {"limit_reached", "customer_limit_reached"}


def where() -> tuple[str, str]:
    """Base URL and secret key."""
    state = json.loads(_STATE.read_text()) if _STATE.exists() else {}
    url, key = os.environ.get("VAUCHFLOW_URL"), os.environ.get("VAUCHFLOW_SECRET_KEY")
    return url or state["api_url"], key or state["secret_key"]


class Sale:
    """What is sold in this run, and every answer that granted."""

    def __init__(self) -> None:
        self.url, self.secret_key = where()
        self.code = ""
        self.campaign_id = ""
        self.granted: dict[str, str] = {}
        self.twice: list[str] = []
        self._lock = threading.Lock()

    def open(self) -> None:
        """A new campaign with a limit, and its code."""
        run = uuid.uuid4().hex[:8].upper()
        rules = {"discount_value": 20, "max_redemptions": STOCK, "max_redemptions_per_customer": 1}
        self.campaign_id = self._ask("POST", "/v1/campaigns", {"name": f"Sale {run}", "rules": rules})["id"]
        self.code = self._ask("POST", "/v1/vouchers", {"campaign_id": self.campaign_id, "code": f"SALE-{run}"})["code"]

    def note(self, key: str, redemption_id: str) -> None:
        """A key was granted; the same key must always have the same redemption."""
        with self._lock:
            if self.granted.setdefault(key, redemption_id) != redemption_id:
                self.twice.append(key)

    def complaints(self) -> list[str]:
        """What must not be."""
        found = [f"key {key} has two redemptions" for key in self.twice]
        distinct = len(set(self.granted.values()))
        if distinct > STOCK:
            found.append(f"{distinct} granted of {STOCK}")
        if distinct < len(self.granted):
            found.append(f"{len(self.granted)} keys share {distinct} redemptions")
        # More than was granted to us may be used: an answer that was lost was a redemption all the same.
        used = self.used()
        if not distinct <= used <= STOCK:
            found.append(f"the ledger counts {used}, granted were {distinct} of {STOCK}")
        return found

    def used(self) -> int:
        """What the ledger has counted, as soon as it has at least what was granted to us."""
        deadline = time.monotonic() + _LEDGER_WITHIN_S
        while True:
            used: int = self._ask("GET", f"/v1/campaigns/{self.campaign_id}")["redemptions"]["used"]
            if used >= len(self.granted) or time.monotonic() > deadline:
                return used
            gevent.sleep(0.1)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said


sale = Sale()


class Checkout(FastHttpUser):
    """One customer who wants one."""

    host = sale.url
    wait_time = constant_pacing(1)
    network_timeout = 5.0
    connection_timeout = 5.0

    @task
    def redeem(self) -> None:
        """Ask until there is a final answer, always with the same key."""
        key, customer = uuid.uuid4().hex, uuid.uuid4().hex
        for attempt in range(_ATTEMPTS):
            if self._ask(key, customer):
                return
            gevent.sleep(min(0.1 * 2**attempt, 2.0))

    def _ask(self, key: str, customer: str) -> bool:
        """Whether the answer was final."""
        headers = {"Authorization": f"Bearer {sale.secret_key}", "Idempotency-Key": key}
        body = {"customer_id": customer, "order_value": 89.99}
        path = f"/v1/vouchers/{sale.code}/redeem"
        with self.client.post(path, json=body, headers=headers, name="redeem", catch_response=True) as answer:
            if answer.status_code == 200:
                sale.note(key, answer.json()["id"])
                answer.success()
                return True
            if answer.status_code == 409 and answer.json()["code"] in _FINAL:
                answer.success()
                return True
            # 503 and no answer at all (0) are to be asked again; anything else is an error of the run.
            answer.failure(f"status {answer.status_code}")
            return answer.status_code not in (0, 503)


class FlashSale(LoadTestShape):
    """Quiet (a few look in), all at once, and a tail of those who come late: (until this second, users, a second)."""

    stages = ((5, CUSTOMERS // 20, 10), (20, CUSTOMERS, CUSTOMERS), (30, CUSTOMERS // 10, CUSTOMERS))

    def tick(self) -> tuple[int, float] | None:
        """How many users there are now."""
        now_s: float = self.get_run_time()  # type: ignore[no-untyped-call]
        for until_s, users, rate in self.stages:
            if now_s < until_s:
                return max(1, users), float(max(1, rate))
        return None


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(environment: Environment, **_: object) -> None:
    """Open the sale before the first customer comes."""
    del environment
    sale.open()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def conclude(environment: Environment, **_: object) -> None:
    """Compare what was granted with what there was."""
    complaints = sale.complaints()
    sys.stdout.write(f"sale {sale.code}: {len(sale.granted)} granted of {STOCK}\n")
    for complaint in complaints:
        sys.stdout.write(f"WRONG: {complaint}\n")
    if complaints:
        environment.process_exit_code = 1
