"""The table of routes: every path of it is found, and nothing else."""

import pytest

from engine.routes import ROUTES, Route, find_route


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_every_route_is_found_by_its_path(route: Route) -> None:
    path = "/".join("a%20b" if part.startswith("{") else part for part in route.path.split("/"))
    found, segment, allowed = find_route(route.method, path.split("/"))
    assert (found, allowed) == (route, route.method)
    assert segment == ("a b" if "{" in route.path else "")


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/vouchers",
        "/v1/vouchers/x",
        "/v1/vouchers/x/y",
        "/v1/redemptions/x/y",
        "/v1/redemptions/x/y/z",
        "/v1/validations/x",
        "/v1/returns",
        "/v1/reservations/x/y",
    ],
)
def test_no_other_path_is(path: str) -> None:
    assert find_route("POST", path.split("/")) == (None, "", "")


def test_another_method_is_told_which_one_the_path_takes() -> None:
    assert find_route("DELETE", ["", "v1", "redemptions", "x"]) == (None, "x", "GET")
    assert find_route("GET", ["", "v1", "redemptions", "by-key", "rollback"]) == (None, "by-key", "POST")
