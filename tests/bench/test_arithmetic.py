"""From rounds to what is reported."""

import msgspec
import pytest

from bench.answers import Answers
from bench.arithmetic import Peer, Range, Round, limit, ratios, spread, summarise
from bench.options import Cell, parse
from bench.proc import Spent
from bench.report import describe, table, verdict

_CELL = Cell("durable", "campaign", 64)


def played(peer: Peer, granted: int, engine_cpu_s: float, *, stolen: float = 0.0) -> Round:
    answers = Answers(granted, granted, {}, 0, 0, 0, 2.0, 5.0, 20.0, cpu_s=0.4)
    ours, theirs = (engine_cpu_s, 0.01) if peer == "real" else (0.01, engine_cpu_s)
    cpu_s = {"engine": ours, "null": theirs, "redis": 0.5, "reconciler": 0.3, "postgres": 0.6}
    return Round(peer, answers, Spent(cpu_s, 4.0, 0.8, stolen), 0.1, 32.0)


def test_each_real_round_is_held_against_the_null_round_beside_it() -> None:
    # The machine became half as fast between the pairs: the ratio must not notice.
    rounds = [played("real", 20_000, 1.0), played("null", 25_000, 1.0)]
    rounds += [played("real", 10_000, 1.0), played("null", 12_500, 1.0)]
    assert ratios(rounds) == pytest.approx([0.8, 0.8])


def test_a_round_without_its_neighbour_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([played("real", 1, 1.0), played("null", 1, 1.0), played("real", 1, 1.0)])


def test_the_summary_adds_up_the_real_rounds_only() -> None:
    rounds = [played("real", 20_000, 1.0), played("null", 25_000, 1.0, stolen=0.2)]
    rounds += [played("real", 30_000, 1.0), played("null", 25_000, 1.0)]
    summary = summarise(_CELL, rounds)
    assert summary.granted == 50_000
    assert summary.per_second == Range(12_500, 10_000, 15_000)
    assert summary.per_engine_cpu_s == Range(25_000, 20_000, 30_000)
    assert summary.per_redis_cpu_s.median == 50_000
    assert summary.null_per_engine_cpu_s.median == 25_000
    assert summary.ratio == Range(1.0, 0.8, 1.2)
    assert summary.cpu_s["engine"] == 2.0
    assert summary.cpu_s["generator"] == 0.8
    assert summary.stolen_share == 0.2  # the worst of all rounds, whoever played


def test_what_is_shown_names_the_class_and_the_noise() -> None:
    summary = summarise(_CELL, [played("real", 10_000, 1.0, stolen=0.3), played("null", 20_000, 1.0)])
    text = describe(summary)
    assert "appendfsync always" in text
    assert "NOISY" in text
    assert verdict(summary).startswith("BELOW")
    assert "durable" in table([summary])
    assert msgspec.json.encode(summary)


def test_nothing_to_summarise_is_no_crash() -> None:
    assert spread([]) == Range(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("generator_s", "engine_s", "busy", "word"),
    [(0.95, 0.9, 0.9, "generator"), (0.3, 0.9, 0.9, "engine"), (0.3, 0.5, 0.97, "machine"), (0.1, 0.2, 0.3, "waiting")],
)
def test_the_limit_is_named(generator_s: float, engine_s: float, busy: float, word: str) -> None:
    assert word in limit({"generator": generator_s, "engine": engine_s, "redis": 0.2}, 1.0, busy)


def test_committed_is_measured_without_many_codes() -> None:
    options = parse(["--connections", "64,256", "--generator", "python"])
    assert [cell.workload for cell in options.cells("fast")] == ["campaign", "campaign", "codes"]
    assert [cell.connections for cell in options.cells("committed")] == [64, 256]


@pytest.mark.parametrize("wrong", [["--classes", "slow"], ["--connections", "0"], ["--seconds", "x"], ["--codes", "0"]])
def test_what_cannot_be_measured_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(wrong)
    assert "argument" in capsys.readouterr().err
