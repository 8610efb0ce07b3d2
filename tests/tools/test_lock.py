"""One launcher per folder."""

import os
from pathlib import Path

import pytest

from tools.dev.lock import AlreadyLocked, exclusive


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "dev.lock"
    with exclusive(path, wait=False):
        with pytest.raises(AlreadyLocked) as refusal, exclusive(path, wait=False):
            raise AssertionError("two holders")
        assert refusal.value.holder == str(os.getpid())


def test_it_is_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "dev.lock"
    for _ in range(2):
        with exclusive(path, wait=False):
            pass
