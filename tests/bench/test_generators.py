"""Both generators catch a server that lies, and believe one that does not."""

import shutil
from pathlib import Path

import msgspec
import pytest

from bench.answers import Answers, Checker, Load, percentile
from bench.generator import requests, split_answer
from bench.generators import Generator, parse_wrk, run_load
from tests.bench.liar import Answer, honest, redemption, serving
from tools.dev.console import LauncherError

_ID = "rdm_" + "0" * 25 + "A"


def play(tmp_path: Path, generator: Generator, answer: Answer) -> Answers:
    if generator == "wrk" and shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    codes = tmp_path / "codes"
    codes.write_text("ONE\nTWO\n")
    with serving(answer) as port:
        return run_load(generator, Load(port, "vf_sk_x", "run", codes, 4, 0.3, 200))


@pytest.mark.parametrize("generator", ["python", "wrk"])
class TestAServerThat:
    def test_is_honest_is_believed(self, tmp_path: Path, generator: Generator) -> None:
        answers = play(tmp_path, generator, honest)
        assert answers.complaints() == []
        assert 0 < answers.granted == answers.sent <= 200
        assert answers.seconds > 0
        assert 0 < answers.p50_ms <= answers.p99_ms

    def test_gives_an_id_twice_is_caught(self, tmp_path: Path, generator: Generator) -> None:
        answers = play(tmp_path, generator, lambda number, _: (200, f"rdm_{number // 2:026d}"))
        assert answers.duplicates
        assert "given twice" in answers.complaints()[0]

    def test_fails_now_and_then_is_caught(self, tmp_path: Path, generator: Generator) -> None:
        answers = play(
            tmp_path, generator, lambda n, key: (503, '{"code":"recovering"}') if n % 5 == 0 else honest(n, key)
        )
        assert answers.refused["503"]
        assert answers.granted
        assert "recovering" in answers.complaints()[-1]

    def test_answers_another_key_is_caught(self, tmp_path: Path, generator: Generator) -> None:
        answers = play(tmp_path, generator, lambda n, _: (200, redemption(f"rdm_{n:026d}", "another")))
        assert answers.wrong
        assert not answers.granted

    def test_answers_anything_at_all_is_caught(self, tmp_path: Path, generator: Generator) -> None:
        answers = play(tmp_path, generator, lambda _, __: (200, '{"ok":true}'))
        assert answers.wrong == answers.sent


def test_a_server_that_is_not_there_is_no_result(tmp_path: Path) -> None:
    codes = tmp_path / "codes"
    codes.write_text("ONE\n")
    with serving(honest) as port:
        pass
    with pytest.raises(LauncherError):
        run_load("python", Load(port, "vf_sk_x", "run", codes, 2, 0.2, 10))


def test_the_checker_believes_an_id_once() -> None:
    checker = Checker()
    checker.take(b"k", 200, redemption(_ID, "k").encode())
    checker.take(b"l", 200, redemption(_ID, "l").encode())
    checker.take(b"m", 200, b"")
    checker.take(b"n", 409, b'{"code":"limit_reached"}')
    assert (checker.granted, checker.duplicates, checker.wrong) == (1, 1, 1)
    assert checker.refused == {"409": 1}


def test_answers_are_split_where_they_end() -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    for cut in range(len(whole)):
        assert split_answer(whole[:cut]) is None
    assert split_answer(whole + b"HTTP") == (200, b"{}", b"HTTP")
    assert split_answer(b"HTTP/1.1 204 No Content\r\n\r\n") == (204, b"", b"")


def test_a_load_ends_with_its_time_and_with_its_number(tmp_path: Path) -> None:
    codes = tmp_path / "codes"
    codes.write_text("ONE\nTWO\n")
    load = Load(1, "vf_sk_x", "run", codes, 1, 10.0, 3)
    now = [0.0]
    make = requests(load, lambda: now[0])
    made = [make() for _ in range(4)]
    assert made[3] is None
    assert len({key for key, _ in filter(None, made)}) == 3
    assert [b"/ONE/" in request for _, request in filter(None, made)] == [True, False, True]
    make = requests(load, lambda: now[0])
    now[0] = 10.0
    assert make() is None


def test_wrk_that_did_not_end_is_no_result() -> None:
    with pytest.raises(LauncherError, match="did not come to its end"):
        parse_wrk("Running 1s test\n")


@pytest.mark.parametrize(("values", "share", "expected"), [([], 0.5, 0.0), ([1.0], 0.99, 1.0), ([1.0, 2.0], 0.5, 2.0)])
def test_percentiles(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_a_stack_takes_the_next_codes_each_time(tmp_path: Path) -> None:
    codes = tmp_path / "codes"
    codes.write_text("A\nB\nC\n")
    load = Load(port=1, secret_key="vf_sk_x", run="r", codes=codes, connections=1, seconds=9, redeemables=2, items=3)
    make = requests(load)
    bodies = [msgspec.json.decode(wanted[1].partition(b"\r\n\r\n")[2]) for wanted in (make(), make()) if wanted]
    assert [[each["id"] for each in body["redeemables"]] for body in bodies] == [["A", "B"], ["C", "A"]]
    assert [len(body["order"]["items"]) for body in bodies] == [3, 3]
