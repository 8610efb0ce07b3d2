"""The commit script in batches, over one connection to a Valkey with AOF always: the whole round trip."""

import itertools

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.conftest import Bound
from bench.micro.subject import Subject
from domain.ledger import Item
from domain.outcomes import Status, Verdict

_ROUNDS = 200
_NUMBERS = itertools.count()


@pytest.mark.benchmark(group="commit a batch on Valkey, AOF always")
@pytest.mark.parametrize("size", [1, 16, 64, 128])
def test_commit(benchmark: BenchmarkFixture, bound: Bound, subject: Subject, size: int) -> None:
    def prepare() -> tuple[tuple[list[Item]], dict[str, object]]:
        return (subject.items(size, _NUMBERS),), {}

    def commit(items: list[Item]) -> None:
        reply = bound.runner.run(bound.scripts.commit(items))
        assert reply.status is Status.OK
        assert {outcome.verdict for outcome in reply.outcomes} == {Verdict.GRANTED}

    benchmark.pedantic(commit, setup=prepare, rounds=_ROUNDS, warmup_rounds=5)  # type: ignore[no-untyped-call]
