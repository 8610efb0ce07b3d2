"""Lua and Python agree: codes, headers, and how scripts are put together."""

import re
from pathlib import Path

import pytest

from domain.events import Event, Redeemed, RolledBack, Settled, decode, encode, split_batch
from domain.ledger import Mode
from domain.outcomes import PROBLEMS, Status, Verdict
from store import scripts
from store.lua import LUA, LuaError, load

COMMANDS = sorted(path.stem for path in LUA.glob("*.lua"))


def _table(name: str) -> dict[str, int]:
    text = (LUA / "includes" / f"{name}.lua").read_text()
    return {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", text)}


def test_verdicts_and_statuses_are_the_same_in_lua() -> None:
    assert _table("verdicts") == {verdict.name: verdict.value for verdict in Verdict}
    names, numbers = re.findall(r"^local (.+) = (.+)$", (LUA / "includes" / "modes.lua").read_text(), re.MULTILINE)[0]
    assert dict(zip(names.split(", "), map(int, numbers.split(", ")), strict=True)) == {m.name: m.value for m in Mode}
    assert _table("statuses") == {status.name: status.value for status in Status}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_its_keys_arguments_returns_and_effects(name: str) -> None:
    text = (LUA / f"{name}.lua").read_text()
    assert text.startswith("#!lua"), "flags decide what runs on a full server"
    header = text[text.index("--[[") : text.index("]]")]
    for word in ("KEYS[1]", "Returns", "Effects"):
        assert word in header
    used = set(re.findall(r"ARGV\[(\d+)\]", text[text.index("]]") :]))
    assert all(f"ARGV[{number}" in header for number in used)


def test_every_command_has_a_stub() -> None:
    known = {value.name for value in vars(scripts).values() if type(value).__name__ == "Script"}
    assert known == set(COMMANDS)


@pytest.mark.parametrize("include", sorted(path.stem for path in (LUA / "includes").glob("*.lua")))
def test_an_include_is_one_function_or_table(include: str) -> None:
    text = (LUA / "includes" / f"{include}.lua").read_text()
    assert len(re.findall(r"^local ", text, re.MULTILINE)) == 1


def test_includes_are_put_in_once(tmp_path: Path) -> None:
    (tmp_path / "includes").mkdir()
    (tmp_path / "includes" / "a.lua").write_text("local a = 1\n")
    (tmp_path / "includes" / "b.lua").write_text("-- @include a\nlocal b = a\n")
    (tmp_path / "x.lua").write_text("-- @include b\n-- @include a\nreturn a + b\n")
    assert load("x", tmp_path).source == "local a = 1\nlocal b = a\n\nreturn a + b\n"


def test_a_cycle_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "includes").mkdir()
    (tmp_path / "includes" / "a.lua").write_text("\n-- @include b\n")
    (tmp_path / "includes" / "b.lua").write_text("-- @include a\n")
    (tmp_path / "x.lua").write_text("-- @include a\n")
    with pytest.raises(LuaError, match=r"b\.lua:1: include cycle through a"):
        load("x", tmp_path)
    (tmp_path / "includes" / "b.lua").write_text("-- @include gone\n")
    with pytest.raises(LuaError, match=r"b\.lua:1: no include named gone"):
        load("x", tmp_path)


def test_events_are_rebuilt_byte_for_byte_from_a_batch() -> None:
    events: list[Event] = [
        Redeemed("rdm_1", "acc", "prj", b"f" * 16, None, "bob", "EUR", 2, 100, 20, False, ()),
        RolledBack("rdm_1", "acc", "prj"),
        Settled("q_1", "prj", "void", "key_1"),
    ]
    payloads = [encode(event) for event in events]
    batch = bytes([0x90 + len(payloads)]) + b"".join(payloads)
    assert split_batch(batch) == payloads
    assert [decode(payload) for payload in payloads] == events


def test_g7_every_problem_is_retryable_or_final_by_its_status() -> None:
    for code, problem in PROBLEMS.items():
        assert re.fullmatch(r"[a-z_]+", code)
        assert 400 <= problem.status < 600
        assert problem.retryable or problem.status != 503
