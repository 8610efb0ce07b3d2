"""The layout of ports is an interface: documentation and scripts count on it."""

import contextlib
import socket
import subprocess
import sys

import pytest

from tools.dev.console import LauncherError
from tools.dev.ports import HOST, Ports, find_free_base, is_free, require_free


def test_the_layout_follows_from_one_number() -> None:
    ports = Ports(8700)
    assert ports.gateway == 8700
    assert [ports.engine(index) for index in range(4)] == [8701, 8710, 8711, 8712]
    assert (ports.control_plane, ports.postgres, ports.valkey, ports.reconciler) == (8702, 8703, 8704, 8705)


@pytest.mark.parametrize("engines", [1, 2, 8])
def test_no_two_processes_share_a_port(engines: int) -> None:
    ports = Ports(9000).all(engines)
    assert len(set(ports)) == len(ports) == 5 + engines


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with contextlib.closing(socket.socket()) as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(LauncherError, match=rf"port {port} is in use; `\./dev --port N`"):
            require_free([port], timeout_s=0)


def test_free_bases_are_never_offered_twice() -> None:
    assert find_free_base() != find_free_base()


def test_processes_that_share_the_room_never_meet() -> None:
    code = "import sys; from tools.dev.ports import *; share_room(int(sys.argv[1]), 3)\ntry:\n"
    code += "    while True: print(find_free_base())\nexcept LauncherError: pass"
    found = [subprocess.check_output([sys.executable, "-c", code, str(part)], text=True).split() for part in range(3)]
    assert all(len(each) > 100 for each in found)
    assert len({base for each in found for base in each}) == sum(map(len, found))
