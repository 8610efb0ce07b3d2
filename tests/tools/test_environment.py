"""The environment is renewed exactly when the requirements have changed."""

import itertools
import json
from pathlib import Path

from tools.dev.environment import LAYERS, fingerprint, is_current
from tools.dev.paths import ROOT


def test_it_is_current_only_for_the_very_same_requirements(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n")
    assert not is_current(tmp_path, tmp_path, "requirements.txt")
    stamp = {"requirements.txt": fingerprint(requirements)}
    (tmp_path / "vauchflow-installed.json").write_text(json.dumps(stamp))
    assert is_current(tmp_path, tmp_path, "requirements.txt")
    requirements.write_text("a==2\n")
    assert not is_current(tmp_path, tmp_path, "requirements.txt")


def test_an_unreadable_stamp_means_to_install(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / "vauchflow-installed.json").write_text("{")
    assert not is_current(tmp_path, tmp_path, "requirements.txt")


def test_each_layer_pins_what_the_layer_before_it_pins() -> None:
    pins = [_pins(ROOT / layer) for layer in LAYERS]
    for smaller, larger in itertools.pairwise(pins):
        assert smaller <= larger


def _pins(path: Path) -> set[str]:
    lines = path.read_text().splitlines()
    return {line.split(" ")[0] for line in lines if line and not line.startswith((" ", "#"))}
