"""The parts of a redemption that are pure Python, one by one."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.subject import BODY, NOW_MS, SETTINGS, Subject
from domain.decisions import decide
from domain.events import decode, encode, split_batch
from domain.ids import fingerprint, redemption_id
from domain.ledger import Position
from domain.outcomes import Status
from engine.orders import decode_checkout
from engine.responses import redemption_body
from store.credentials import hash_key
from store.keys import Keyspace
from store.lua import Script
from store.scripts import Scripts

pytestmark = pytest.mark.benchmark(group="one redemption")
_SIZES = (1, 16, 64, 128)


def test_hash_key(benchmark: BenchmarkFixture) -> None:
    benchmark(hash_key, b"a secret of thirty-two characters", "vf_sk_" + 40 * "x")


def test_decode_checkout(benchmark: BenchmarkFixture) -> None:
    assert benchmark(decode_checkout, BODY, "FLASH", "EUR", 2).request.order_value_minor == 8999


def test_redemption_id(benchmark: BenchmarkFixture) -> None:
    assert benchmark(redemption_id, "prj_x", "redeem", "a-key").startswith("rdm_")


def test_fingerprint(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(fingerprint, "/v1/vouchers/FLASH/redeem", BODY)) == 16


def test_decide(benchmark: BenchmarkFixture, subject: Subject) -> None:
    assert benchmark(decide, subject.voucher, subject.campaign, subject.request, SETTINGS, NOW_MS, 1).refusal is None


def test_encode_event(benchmark: BenchmarkFixture, subject: Subject) -> None:
    assert decode(benchmark(encode, subject.event)) == subject.event


def test_encode_answer(benchmark: BenchmarkFixture, subject: Subject) -> None:
    assert benchmark(redemption_body, subject.event, NOW_MS)


class _Caller:
    """Answers as the server would when it grants everything, at once."""

    def __init__(self, count: int) -> None:
        self._reply: list[Any] = [int(Status.OK), NOW_MS, b"1-1", str(Position(1, 1)).encode(), *([0] * count)]

    async def call(self, _script: Script, _keys: Sequence[str], _args: Sequence[Any]) -> list[Any]:
        return self._reply


@pytest.mark.benchmark(group="pack a batch, read the reply")
@pytest.mark.parametrize("size", _SIZES)
def test_pack(benchmark: BenchmarkFixture, subject: Subject, size: int) -> None:
    scripts, items = Scripts(_Caller(size), Keyspace(0, 1)), subject.items(size, itertools.count())

    def pack() -> None:
        try:
            scripts.commit(items).send(None)
        except StopIteration:
            return

    benchmark(pack)


@pytest.mark.benchmark(group="split an entry of the stream")
@pytest.mark.parametrize("size", _SIZES)
def test_split_batch(benchmark: BenchmarkFixture, subject: Subject, size: int) -> None:
    header = bytes((0x90 + size,)) if size < 16 else b"\xdc" + size.to_bytes(2)
    entry = header + encode(subject.event) * size
    assert len(benchmark(split_batch, entry)) == size
