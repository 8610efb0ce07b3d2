"""Wallets over HTTP: what a customer has, and what of it expires soon."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane.wallets import services
from tests.control_plane.client import Client, assert_problem, created, ok

PERCENT = {"discount_type": "PERCENT", "discount_value": 20}
LISTS = ("vouchers", "gift_cards", "loyalty_cards", "referral_codes", "expiring_soon", "has_more")


def after(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def wallet(api: Client, customer_id: str = "cust_1", query: str = "") -> dict[str, Any]:
    return ok(await api.get(f"/v1/customers/{customer_id}/wallet{query}"))


async def codes(api: Client, name: str) -> list[str]:
    return [one["code"] for one in (await wallet(api))[name]]


async def test_200_of_a_customer_who_has_nothing(api: Client) -> None:
    empty = {"object": "wallet", "customer_id": "nobody", **{name: [] for name in LISTS}}
    assert await wallet(api, "nobody") == empty


async def test_200_shows_each_thing_as_its_own_route_does(api: Client) -> None:
    created(await api.post("/v1/vouchers", {"code": "V", "customer_id": "cust_1", **PERCENT}))
    created(await api.post("/v1/gift-cards", {"code": "G", "customer_id": "cust_1", "amount": 5}))
    for code in ("V2", "G2"):
        created(await api.post("/v1/vouchers", {"code": code, "customer_id": "cust_2", **PERCENT}))
    found = await wallet(api)
    assert found["vouchers"] == [ok(await api.get("/v1/vouchers/V"))]
    assert found["gift_cards"] == [ok(await api.get("/v1/gift-cards/G"))]
    assert found["expiring_soon"] == []


async def test_points_stand_there_with_what_of_them_expires(api: Client) -> None:
    terms = {"name": "Points", "spending": {"points": 100, "amount": 1}, "expiry": {"days": 10}}
    response = await api.post("/v1/loyalty-programs", terms)
    program = created(response)
    card = created(await api.post(f"/v1/loyalty-programs/{program['id']}/cards", {"customer_id": "cust_1"}))
    ok(await api.post(f"/v1/loyalty-cards/{card['code']}/adjust", {"points": 120, "reason": "welcome"}))
    found = await wallet(api)
    assert found["loyalty_cards"] == [ok(await api.get(f"/v1/loyalty-cards/{card['code']}"))]
    assert found["loyalty_cards"][0]["points"] == 120
    (soon,) = found["expiring_soon"]
    assert (soon["object"], soon["id"], soon["code"]) == ("loyalty_card", card["id"], card["code"])
    assert (soon["points"], soon["amount"]) == (120, None)
    assert soon["expires_at"] == found["loyalty_cards"][0]["expiring"][0]["expires_at"]
    ok(await api.post(f"/v1/loyalty-cards/{card['code']}/block"))
    assert (await wallet(api))["expiring_soon"] == []


async def test_the_codes_by_which_the_customer_refers(api: Client) -> None:
    program = created(await api.post("/v1/referral-programs", {"name": "Friends"}))
    path = f"/v1/referral-programs/{program['id']}"
    for customer_id in ("cust_1", "cust_2"):
        created(await api.post(f"{path}/codes", {"customer_id": customer_id}))
    assert (await wallet(api))["referral_codes"] == ok(await api.get(f"{path}/codes?customer_id=cust_1"))["data"]
    ok(await api.patch(path, {"rules": {"expires_at": after(-1)}}))
    assert (await wallet(api))["referral_codes"] == []


async def test_what_cannot_be_used_any_more_is_left_out(api: Client) -> None:
    past = {"rules": {"discount_value": 5, "expires_at": after(-1)}}
    over = created(await api.post("/v1/campaigns", {"name": "Over", **past}))
    for code, more in (("A", {}), ("B", {"expires_at": after(-1)}), ("C", {"campaign_id": over["id"]}), ("D", {})):
        created(await api.post("/v1/vouchers", {"code": code, "customer_id": "cust_1", **PERCENT, **more}))
    ok(await api.post("/v1/vouchers/D/disable"))
    for code in ("E", "F", "G"):
        created(await api.post("/v1/gift-cards", {"code": code, "customer_id": "cust_1", "amount": 5}))
    ok(await api.post("/v1/gift-cards/E/expire"))
    ok(await api.post("/v1/gift-cards/F/block"))
    assert await codes(api, "vouchers") == ["A"]
    assert await codes(api, "gift_cards") == ["G", "F"]


async def test_what_expires_first_stands_first(api: Client) -> None:
    ending = {"name": "Ends", "rules": {"discount_value": 5, "expires_at": after(2)}}
    campaign = created(await api.post("/v1/campaigns", ending))
    inherits = {"campaign_id": campaign["id"], "expires_at": after(20)}
    for code, more in (("A", {}), ("B", {"expires_at": after(3)}), ("C", inherits), ("D", {"expires_at": after(40)})):
        created(await api.post("/v1/vouchers", {"code": code, "customer_id": "cust_1", **PERCENT, **more}))
    for code, days in (("E", 1), ("F", 4), ("G", 1)):
        body = {"code": code, "customer_id": "cust_1", "amount": 12.34, "expires_at": after(days)}
        created(await api.post("/v1/gift-cards", body))
    ok(await api.post("/v1/gift-cards/G/block"))
    found = await wallet(api)
    assert [one["code"] for one in found["vouchers"]] == ["C", "B", "D", "A"]
    assert [(one["code"], one["amount"]) for one in found["expiring_soon"]] == [
        ("E", 12.34),
        ("C", None),
        ("B", None),
        ("F", 12.34),
    ]
    assert found["expiring_soon"][1]["expires_at"] == campaign["rules"]["expires_at"]
    soon = (await wallet(api, query="?expiring_days=1"))["expiring_soon"]
    assert [one["code"] for one in soon] == ["E"]
    assert len((await wallet(api, query="?expiring_days=365"))["expiring_soon"]) == 5


async def test_a_list_that_is_cut_short_says_so(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_OF_EACH", 2)
    for code in ("A", "B", "C"):
        created(await api.post("/v1/vouchers", {"code": code, "customer_id": "cust_1", **PERCENT}))
    found = await wallet(api)
    assert ([one["code"] for one in found["vouchers"]], found["has_more"]) == (["C", "B"], ["vouchers"])


async def test_422_and_404(api: Client) -> None:
    for query in ("?expiring_days=0", "?expiring_days=3651", "?expiring_days=x", "?limit=5"):
        assert_problem(await api.get(f"/v1/customers/cust_1/wallet{query}"), "invalid_request")
    for customer_id in ("%00", "c" * 129):
        assert_problem(await api.get(f"/v1/customers/{customer_id}/wallet"), "customer_not_found")


async def test_g5_a_wallet_holds_nothing_of_another_project(api: Client, new_tenancy: Any) -> None:
    other = (await new_tenancy()).secret
    created(await other.post("/v1/gift-cards", {"amount": 5, "customer_id": "cust_1"}))
    assert (await wallet(api))["gift_cards"] == []
