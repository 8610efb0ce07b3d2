"""The Caddyfile: what goes to which plane, and what the gateway answers by itself."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.control_plane.client import assert_problem
from tests.servers.server import Server
from tests.servers.upstream import Upstream
from tests.servers.waiting import wait_until
from tools.dev.binaries import find_caddy
from tools.dev.caddy import Gateway
from tools.dev.ports import Ports, find_free_base
from tools.dev.probe import http_ready


@dataclass
class Planes:
    """A gateway in front of two engines and a control plane that only play their parts."""

    url: str
    engines: list[Upstream]
    control_plane: Upstream

    def plane_of(self, method: str, path: str) -> str:
        """Send a request and return who answered."""
        return httpx.request(method, self.url + path).text


@pytest.fixture
def planes(new_folder: Callable[[str], Path]) -> Iterator[Planes]:
    folder = new_folder("gateway")
    ports = Ports(find_free_base(engines=2))
    engines = [Upstream("engine", ports.engine(index)) for index in range(2)]
    control_plane = Upstream("control plane", ports.control_plane)
    for upstream in (*engines, control_plane):
        upstream.start()
    gateway = Gateway(find_caddy(), folder, ports, engines=2, log=folder / "caddy.log")
    server = Server(gateway.program(), http_ready(ports.gateway))
    server.start()
    yield Planes(f"http://127.0.0.1:{ports.gateway}", engines, control_plane)
    server.stop()
    for upstream in (*engines, control_plane):
        upstream.stop()


def test_each_route_goes_to_its_plane(planes: Planes) -> None:
    for method, path in (
        ("POST", "/v1/vouchers/SAVE20/validate"),
        ("POST", "/v1/vouchers/SAVE20/redeem"),
        ("POST", "/v1/vouchers/a%20b/redeem"),
        ("GET", "/v1/redemptions/rdm_1"),
        ("POST", "/v1/redemptions/rdm_1/rollback"),
        ("POST", "/v1/redemptions"),
        ("POST", "/v1/validations"),
        ("POST", "/v1/returns/quote"),
        ("POST", "/v1/reservations"),
        ("GET", "/v1/reservations/rsv_1"),
        ("POST", "/v1/reservations/rsv_1/capture"),
    ):
        assert planes.plane_of(method, path) == "engine", path
    for method, path in (
        ("GET", "/v1/redemptions"),
        ("GET", "/v1/redemptions?limit=2"),
        ("POST", "/v1/vouchers"),
        ("POST", "/v1/validation-rules"),
        ("GET", "/v1/stacking-rules"),
        ("GET", "/v1/vouchers/SAVE20"),
        ("POST", "/v1/vouchers/SAVE20/redeem/more"),
        ("POST", "/v1/campaigns/cmp_1/pause"),
        ("GET", "/"),
    ):
        assert planes.plane_of(method, path) == "control plane", path


def test_metrics_are_for_the_inside(planes: Planes) -> None:
    assert httpx.get(f"{planes.url}/metrics").status_code == 404


@pytest.mark.parametrize(("path", "limit"), [("/v1/vouchers/SAVE20/redeem", 64_000), ("/v1/vouchers/bulk", 1_000_000)])
def test_a_body_has_a_limit_on_each_plane(planes: Planes, path: str, limit: int) -> None:
    assert httpx.post(planes.url + path, content=b"x" * limit).status_code == 200
    refusal = httpx.post(planes.url + path, content=b"x" * (limit + 1))
    assert refusal.status_code == 413
    assert_problem(refusal, "body_too_large")


def test_a_post_is_never_sent_twice(planes: Planes) -> None:
    for engine in planes.engines:
        engine.hangs_up = True
    answer = httpx.post(f"{planes.url}/v1/vouchers/SAVE20/redeem", headers={"Idempotency-Key": "k"}, content="{}")
    assert answer.status_code == 503
    assert sum(engine.seen.count("POST /v1/vouchers/SAVE20/redeem") for engine in planes.engines) == 1


def test_a_plane_that_is_away_is_a_problem_one_may_retry(planes: Planes) -> None:
    planes.control_plane.stop()
    answer = httpx.get(f"{planes.url}/v1/vouchers")
    planes.control_plane.start()
    assert_problem(answer, "unavailable")
    assert answer.headers["retry-after"] == "1"


def test_an_engine_that_is_away_is_left_alone(planes: Planes) -> None:
    planes.engines[0].stop()
    answers = [httpx.post(f"{planes.url}/v1/vouchers/SAVE20/redeem").status_code for _ in range(20)]
    planes.engines[0].start()
    assert answers == [200] * 20

    def both_serve() -> bool:
        httpx.post(f"{planes.url}/v1/validations")
        return all("POST /v1/validations" in engine.seen for engine in planes.engines)

    wait_until(both_serve, what="the engine that is back")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\n{",
        b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 65_535 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{",
    ],
    ids=["breaks-off", "too-large", "too-large-in-chunks", "no-chunk"],
)
def test_g7_a_body_that_fails_takes_the_engines_from_nobody(planes: Planes, rest: bytes) -> None:
    parts = urlsplit(planes.url)
    for _ in range(4):
        with socket.create_connection((parts.hostname, parts.port)) as client, suppress(OSError):
            client.sendall(b"POST /v1/redemptions HTTP/1.1\r\nHost: shop\r\n" + rest)
            client.shutdown(socket.SHUT_WR)
            client.recv(100)
    answers = [httpx.post(f"{planes.url}/v1/redemptions").status_code for _ in range(20)]
    assert answers == [200] * 20
