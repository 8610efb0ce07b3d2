"""The Caddyfile: what goes to which plane, and what the gateway answers by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.servers.server import Server
from tests.servers.upstream import Upstream
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
    assert refusal.headers["content-type"] == "application/problem+json"
    assert refusal.json()["code"] == "body_too_large"


def test_a_post_is_never_sent_twice(planes: Planes) -> None:
    for engine in planes.engines:
        engine.hangs_up = True
    answer = httpx.post(f"{planes.url}/v1/vouchers/SAVE20/redeem", headers={"Idempotency-Key": "k"}, content="{}")
    assert answer.status_code == 503
    assert sum(len(engine.seen) for engine in planes.engines) == 1


def test_a_plane_that_is_away_is_a_problem_one_may_retry(planes: Planes) -> None:
    planes.control_plane.stop()
    answer = httpx.get(f"{planes.url}/v1/vouchers")
    planes.control_plane.start()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["retryable"] is True
    assert answer.json()["request_id"]


def test_an_engine_that_is_away_is_left_alone(planes: Planes) -> None:
    planes.engines[0].stop()
    answers = [httpx.post(f"{planes.url}/v1/vouchers/SAVE20/redeem").status_code for _ in range(20)]
    planes.engines[0].start()
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= 15
