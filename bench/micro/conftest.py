"""What the micro-benchmarks work on: one campaign, one code, one request, and a throw-away Valkey."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.micro.subject import Subject, make_subject
from domain.ledger import CounterState, Position
from store.definitions import encode_campaign, encode_voucher
from store.keys import Keyspace
from store.link import Link
from store.scripts import Scripts
from tools.dev.binaries import find_valkey
from tools.dev.ports import find_free_base
from tools.dev.processes import Process
from tools.dev.valkey import Valkey

_PATIENCE_S = 10.0


@pytest.fixture(scope="session")
def subject() -> Subject:
    return make_subject()


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A Valkey with AOF always."""
    with tempfile.TemporaryDirectory(prefix="vauchflow-micro-", ignore_cleanup_errors=True) as folder:
        valkey = Valkey(find_valkey(), Path(folder), find_free_base(), "of-a-benchmark", Path(folder) / "log")
        process = Process(valkey.program())
        deadline = time.monotonic() + _PATIENCE_S
        while not valkey.is_ready(process.pid):
            assert process.exit_code() is None, "Valkey ended"
            assert time.monotonic() < deadline, "Valkey was not ready in time"
            time.sleep(0.01)
        yield valkey.url
        process.stop()


class Bound:
    """Scripts on an open epoch, with the loop that they run in."""

    def __init__(self, url: str, subject: Subject) -> None:
        self.runner = asyncio.Runner()
        self.runner.get_loop()
        self._link = Link(url)
        self.scripts = Scripts(self._link, Keyspace(0, 1))
        self.runner.run(self._open(subject))

    async def _open(self, subject: Subject) -> None:
        await self.scripts.open(withheld=False, bound=2**40)
        definitions = [encode_campaign(subject.campaign_row), encode_voucher(subject.voucher_row)]
        counters = [(move.counter, CounterState()) for move in subject.decision.moves]
        await self.scripts.hydrate(subject.project_id, 0, Position(), definitions, counters)

    def close(self) -> None:
        """Close the connections and the loop."""
        self.runner.run(self._link.close())
        self.runner.close()


@pytest.fixture(scope="session")
def bound(valkey_url: str, subject: Subject) -> Iterator[Bound]:
    opened = Bound(valkey_url, subject)
    yield opened
    opened.close()
