"""The configuration says what the promises lean on."""

from pathlib import Path

from tools.dev.valkey import Valkey


def test_nothing_is_evicted_and_every_answer_is_on_disk(tmp_path: Path) -> None:
    valkey = Valkey(binary="valkey-server", data=tmp_path, port=1, password="pw", log=tmp_path / "log")
    configuration = valkey.configuration().splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= set(configuration)
    assert "bind 127.0.0.1" in configuration
    assert any(line.startswith("maxmemory ") for line in configuration)


def test_the_password_is_not_among_the_arguments(tmp_path: Path) -> None:
    valkey = Valkey(binary="valkey-server", data=tmp_path, port=1, password="pw", log=tmp_path / "log")
    assert valkey.program().argv == ("valkey-server", "-")
