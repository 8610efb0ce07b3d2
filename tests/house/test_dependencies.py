"""What we depend on is pinned, hashed, explained, and comes from no address written here."""

import re
from pathlib import Path

import pytest

from tools.dev.environment import LAYERS
from tools.dev.paths import ROOT

_LOCKS = sorted(LAYERS)
_INPUTS = sorted(str(Path(layer).with_suffix(".in")) for layer in LAYERS)


@pytest.mark.parametrize("lock", _LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("\\\n", "")
    requirements = [line for line in text.splitlines() if line.strip()]
    assert requirements
    pinned = re.compile(r"[a-z0-9._\[\]-]+==\S+ .*--hash=sha256:")
    loose = [line[:60] for line in requirements if not pinned.match(line)]
    assert loose == []


@pytest.mark.parametrize("file", [*_LOCKS, *_INPUTS])
def test_no_requirement_names_an_address(file: str) -> None:
    text = (ROOT / file).read_text()
    assert re.findall(r"\w+://\S+|--(?:extra-)?index-url|--find-links", text) == []


@pytest.mark.parametrize("file", _INPUTS)
def test_what_we_ask_for_is_locked(file: str) -> None:
    lines = (ROOT / file).with_suffix(".txt").read_text().splitlines()
    locked = {line.partition("==")[0].partition("[")[0] for line in lines if "==" in line}
    assert set(direct(file)) <= locked


def test_every_direct_dependency_earns_its_place_in_the_docs() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `([a-z0-9-]+)` \| \S.{20,} \|$", page, re.MULTILINE)
    asked_for = [name for file in _INPUTS for name in direct(file)]
    assert sorted(explained) == sorted(asked_for)


def direct(file: str) -> list[str]:
    """The packages that an input file names itself."""
    lines = (ROOT / file).read_text().splitlines()
    return [re.split(r"[\[=<>~ ]", line)[0] for line in lines if line and not line.startswith(("#", "-"))]
