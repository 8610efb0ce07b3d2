"""Searches over HTTP: what begins as asked, page by page, and nothing twice."""

from typing import Any

import pytest

from tests.control_plane.client import Client, assert_problem, created, ok

PERCENT = {"discount_type": "PERCENT", "discount_value": 20}


async def walked(api: Client, path: str, limit: int = 2) -> list[dict[str, Any]]:
    """All that a search finds, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        body = ok(await api.get(f"{path}&limit={limit}{cursor}"))
        assert len(body["data"]) <= limit
        found += body["data"]
        if body["next_cursor"] is None:
            return found
        cursor = f"&cursor={body['next_cursor']}"


async def test_vouchers_by_the_beginning_of_their_code_however_it_is_spelled(api: Client) -> None:
    for code in ("SUN-3", "SUN-1", "SUN-2", "SUO", "SU", "MOON"):
        created(await api.post("/v1/vouchers", {"code": code, **PERCENT}))
    ok(await api.post("/v1/vouchers/SUN-2/disable"))
    found = await walked(api, "/v1/vouchers?search=su%20n")
    assert [voucher["code"] for voucher in found] == ["SUN-1", "SUN-2", "SUN-3"]
    found = await walked(api, "/v1/vouchers?search=sun&status=active")
    assert [voucher["code"] for voucher in found] == ["SUN-1", "SUN-3"]
    assert await walked(api, "/v1/vouchers?search=SUN-10") == []


async def test_campaigns_by_the_beginning_of_their_name_without_its_case(api: Client) -> None:
    ids = [created(await api.post("/v1/campaigns", {"name": name}))["id"] for name in ("Über uns", "ÜBER ALLES", "u")]
    ids += [created(await api.post("/v1/campaigns", {"name": "über uns"}))["id"]]
    found = [campaign["id"] for campaign in await walked(api, "/v1/campaigns?search=%C3%BCber", 1)]
    assert found == [ids[1], *sorted([ids[0], ids[3]])]


async def test_customers_by_id_then_by_address_then_by_name_each_once(api: Client) -> None:
    for number, more in enumerate(
        ({"id": "ann"}, {"id": "2", "email": "Ann@x.de"}, {"id": "3", "name": "ANNA"}, {"id": "bob"})
    ):
        ok(await api.post("/v1/customers", more))
        ok(await api.post("/v1/customers", {"id": f"ann{number}", "email": "ann@y.de", "name": "Ann"}))
    found = [customer["id"] for customer in await walked(api, "/v1/customers?search=ann")]
    assert found == ["ann", "ann0", "ann1", "ann2", "ann3", "2", "3"]


@pytest.mark.parametrize("cursor", ["x", "WzEsMiwzXQ", "WzExLCJhIiwiYiJd", "WzAsIlx1MDAwMCIsImEiXQ"])
async def test_422_a_cursor_that_is_none(api: Client, cursor: str) -> None:
    assert_problem(await api.get(f"/v1/vouchers?search=a&cursor={cursor}"), "invalid_request")


async def test_422_the_cursor_of_a_list_is_none_of_a_search(api: Client) -> None:
    for code in ("A1", "A2"):
        created(await api.post("/v1/vouchers", {"code": code, **PERCENT}))
    listed = ok(await api.get("/v1/vouchers?limit=1"))["next_cursor"]
    searched = ok(await api.get("/v1/vouchers?limit=1&search=a"))["next_cursor"]
    assert_problem(await api.get(f"/v1/vouchers?search=a&cursor={listed}"), "invalid_request")
    assert_problem(await api.get(f"/v1/vouchers?cursor={searched}"), "invalid_request")
