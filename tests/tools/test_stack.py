"""./dev as a whole: what it promises to a person and to the tools that read dev.json."""

import os
import stat
import subprocess
import sys

import httpx
import pytest

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack, is_alive
from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT

SERVED = ("postgres", "valkey", "reconciler", "control_plane", "engine", "caddy")


def test_it_says_where_it_is_and_with_which_key(stack: RunningStack) -> None:
    assert f"http://127.0.0.1:{stack.base_port}" in stack.output
    assert stack.state.secret_key in stack.output
    assert stack.state.secret_key.startswith("vf_sk_")
    assert stat.S_IMODE(stack.home.state_file.stat().st_mode) == 0o600


def test_every_process_is_named_and_lives(stack: RunningStack) -> None:
    pids = stack.state.pids
    assert set(pids) == set(SERVED)
    assert all(is_alive(pid) for pid in pids.values())


def test_both_planes_answer_behind_one_url(stack: RunningStack) -> None:
    state = stack.state
    for url in (state.api_url, state.engine_url, state.control_url):
        assert httpx.get(f"{url}/readyz").status_code == 200
    assert httpx.get(f"{state.api_url}/metrics").status_code == 404


def test_a_second_one_in_the_same_folder_says_so_and_stops(stack: RunningStack) -> None:
    command = [sys.executable, str(ROOT / "dev"), "--data", str(stack.home.path), "--port", "33000"]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"another ./dev (process {stack.pid}) already runs in {stack.home.path}" in second.stderr


@pytest.mark.slow
def test_whatever_is_killed_is_back_and_serves(stack_factory: StackFactory) -> None:
    stack = stack_factory(engines=2)
    for name in (*SERVED, "engine-2"):
        stack.wait_for_restart(name, stack.kill(name), timeout_s=2.0)
    stack.wait_until_serving()


@pytest.mark.slow
def test_data_and_keys_survive_a_restart_and_nothing_else_does(stack_factory: StackFactory) -> None:
    stack = stack_factory()
    before = stack.state
    assert stack.stop() == 0
    assert stack.state.pids == {}
    assert not any(is_alive(pid) for pid in before.pids.values())
    stack.start()
    after = stack.state
    assert set(after.pids) == set(before.pids)
    after.pids = before.pids
    assert after == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tether is Linux's")
def test_a_killed_launcher_leaves_no_server_behind(stack_factory: StackFactory) -> None:
    stack = stack_factory()
    pids = stack.state.pids
    assert all(os.getsid(pid) == pid for pid in pids.values())
    stack.kill_launcher()
    wait_until(lambda: not any(is_alive(pid) for pid in pids.values()), what="the end of the children")
