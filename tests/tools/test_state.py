"""What ./dev keeps: secrets that nobody else may read, and a state that is never seen half written."""

import json
import stat
from pathlib import Path

from tools.dev.state import Secrets, State, write_private


def test_secrets_are_drawn_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    drawn = Secrets.load(path)
    assert Secrets.load(path) == drawn
    assert Secrets.load(tmp_path / "other.json") != drawn
    assert len(drawn.vauchflow_secret) >= 32


def test_secrets_and_state_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    Secrets.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_leaves_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    write_private(path, {"a": 1})
    write_private(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_the_state_has_the_fields_that_tools_read() -> None:
    assert list(State.__dataclass_fields__) == [
        "api_url",
        "engine_url",
        "control_url",
        "secret_key",
        "publishable_key",
        "admin_key",
        "account_id",
        "project_id",
        "database_url",
        "app_database_url",
        "redis_url",
        "pids",
    ]
