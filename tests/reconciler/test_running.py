"""The whole reconciler, as a process and as several."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.reconciler.lab import CODE, SHARD, Lab, redeemed
from tests.servers.waiting import eventually, wait_until
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base


async def test_a_shard_without_an_epoch_gets_one_and_is_settled(lab: Lab) -> None:
    async with lab.running():
        assert (await lab.state()).epoch == 1
        await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"))
        await eventually(lab.is_settled, "the ledger")
    assert await lab.redemptions() == {"rdm_1": "redeemed", "rdm_2": "redeemed"}


async def test_g3_two_reconcilers_on_one_stream_settle_each_event_once(lab: Lab) -> None:
    await lab.owner.execute("UPDATE counters SET limit_value = NULL, ceiling = NULL WHERE id = $1", CODE)
    async with lab.running(), lab.running():
        assert (await lab.state()).epoch == 1
        for batch in range(60):
            await lab.grant(*(redeemed(f"rdm_{batch}_{at}") for at in range(10)))
        await eventually(lab.is_settled, "the ledger")
    assert len(await lab.redemptions()) == 600
    assert await lab.in_ledger() == {"granted": 600, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 600, "returned": 0, "confirmed": 600}


class Process:
    """`python -m engine.reconciler`, as the launcher runs it."""

    def __init__(self, lab: Lab) -> None:
        self.port = find_free_base()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "engine.reconciler"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "VAUCHFLOW_RECONCILER_DATABASE_URL": lab.urls.reconciler,
                "VAUCHFLOW_REDIS_URL": lab.redis_url,
                "VAUCHFLOW_PORT": str(self.port),
                "VAUCHFLOW_SHARDS": str(SHARD + 1),
            },
        )

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Exit code and what it said."""
        self._popen.send_signal(number)
        _, said = self._popen.communicate(timeout=20)
        return self._popen.returncode, said.decode()

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()


@pytest.fixture
def process(lab: Lab) -> Iterator[Process]:
    running = Process(lab)
    yield running
    running.kill()


async def test_the_process_says_when_it_is_ready_and_drains_on_sigterm(lab: Lab, process: Process) -> None:
    await asyncio.to_thread(wait_until, lambda: process.get("/readyz")[0] == 200, what="readiness")
    await lab.grant(redeemed("rdm_1"))
    await eventually(lab.is_settled, "the ledger")
    assert process.get("/livez") == (200, "alive\n")
    status, metrics = process.get("/metrics")
    assert status == 200
    assert 'vauchflow_reconciler_settled_total{kind="applied"} 1.0' in metrics
    assert f'vauchflow_reconciler_lag_seconds{{shard="{SHARD}"}} 0.0' in metrics
    assert f'vauchflow_reconciler_alarm{{kind="shard_stopped",shard="{SHARD}"}} 0.0' in metrics
    code, said = process.end(signal.SIGTERM)
    assert code == 0
    assert [json.loads(line)["level"] for line in said.splitlines() if json.loads(line)["level"] == "error"] == []


async def test_a_busy_shard_is_looked_after_like_an_idle_one(lab: Lab) -> None:
    """What has to be noticed is noticed while every batch finds the next one waiting."""
    async with lab.running():
        number = 0

        async def epoch_is_over() -> bool:
            nonlocal number
            number += 1
            if number == 20:
                await lab.owner.execute("UPDATE epochs SET state = 'closing' WHERE shard = $1", SHARD)
            scripts = await lab.scripts()
            await scripts.commit([lab.item(redeemed(f"rdm_{number}_{n}")) for n in range(3)])
            return (await lab.state()).epoch == 2

        await lab.grant(redeemed("rdm_first"))
        await eventually(epoch_is_over, "the next epoch")
