"""Loyalty over HTTP: programs, cards, what events earn and refunds take back, adjustments."""

from typing import Any

import msgspec
import pytest

from domain.definitions import Campaign, Redeemable, campaign_key, voucher_key
from domain.outcomes import Status
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

CLUB = {
    "name": "Club",
    "spending": {"points": 100, "amount": 1, "min_points": 50, "max_percent": 50},
    "earning_rules": [{"id": "per_euro", "event": "order.paid", "points": 2, "per": 1}],
    "tiers": [
        {"id": "silver", "name": "Silver", "from_points": 100, "factor": 1.5},
        {"id": "gold", "name": "Gold", "from_points": 1000, "factor": 2},
    ],
}


async def club(api: Client, **more: Any) -> str:
    program_id: str = created(await api.post("/v1/loyalty-programs", {**CLUB, **more}))["id"]
    return program_id


async def new_card(api: Client, program_id: str, customer_id: str = "cust_1", **more: Any) -> dict[str, Any]:
    path = f"/v1/loyalty-programs/{program_id}/cards"
    return created(await api.post(path, {"customer_id": customer_id, **more}))


async def in_redis(scripts: Scripts, project_id: str, key: str, type_: Any) -> Any:
    status, _, found = await scripts.peek(project_id, [key])
    assert status is Status.OK
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=type_)


async def test_201_a_program_is_shown_as_it_was_written_and_is_a_campaign_in_redis(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    rule = {"order.amount": {"gte": 10.5}}
    body = created(
        await api.post(
            "/v1/loyalty-programs",
            {
                **CLUB,
                "rewards": [
                    {"id": "five", "name": "Five off", "points": 400, "discount_type": "AMOUNT", "discount_value": 5}
                ],
                "earning_rules": [
                    {"id": "a", "event": "order.paid", "points": 1, "per": 2.5, "rule": rule, "name": "Base"},
                    {"id": "b", "event": "order.paid", "points": 3, "per": 1, "of": "items", "items": {"skus": ["X"]}},
                    {"id": "c", "event": "review.written", "points": 50},
                ],
                "pending_days": 14,
                "expiry": {"end_of": "year", "after_months": 12},
                "rules": {"category": "points", "eligible_segments": ["vip"]},
                "metadata": {"a": 1},
            },
        )
    )
    assert body["id"].startswith("lty_")
    assert (body["object"], body["status"], body["pending_days"]) == ("loyalty_program", "active", 14)
    assert body["spending"] == {"points": 100, "amount": 1.0, "min_points": 50, "max_percent": 50}
    assert [rule["id"] for rule in body["earning_rules"]] == ["a", "b", "c"]
    assert (body["earning_rules"][0]["per"], body["earning_rules"][0]["rule"]) == (2.5, rule)
    assert body["earning_rules"][1]["items"]["skus"] == ["X"]
    assert body["earning_rules"][2]["per"] is None
    assert body["expiry"] == {"days": None, "end_of": "year", "after_months": 12}
    assert [tier["factor"] for tier in body["tiers"]] == [1.5, 2]
    assert body["rewards"][0]["discount_value"] == 5.0
    assert ok(await api.get(f"/v1/loyalty-programs/{body['id']}")) == body
    listed = ok(await api.get("/v1/loyalty-programs"))
    assert [one["id"] for one in listed["data"]] == [body["id"]]
    assert ok(await api.get("/v1/campaigns"))["data"] == []
    assert_problem(await api.get(f"/v1/campaigns/{body['id']}"), "campaign_not_found")
    found = await in_redis(scripts, tenancy.project_id, campaign_key(body["id"]), Campaign)
    assert (found.type, found.points.points, found.points.amount_minor, found.points.most_ppm) == (
        "LOYALTY",
        100,
        100,
        500_000,
    )


async def test_200_a_change_sets_the_parts_that_it_names_and_null_removes_them(api: Client) -> None:
    program_id = await club(api)
    path = f"/v1/loyalty-programs/{program_id}"
    changed = ok(await api.patch(path, {"name": "Guild", "spending": None, "expiry": {"days": 30}}))
    assert (changed["name"], changed["spending"], changed["version"]) == ("Guild", None, 2)
    assert changed["expiry"]["days"] == 30
    assert len(changed["earning_rules"]) == 1
    assert ok(await api.patch(path, {"name": "Guild"}))["version"] == 2
    assert ok(await api.post(f"{path}/pause"))["status"] == "paused"
    assert ok(await api.post(f"{path}/resume"))["status"] == "active"


async def test_422_programs(api: Client) -> None:
    body = {
        "name": "",
        "spending": {"points": 0, "amount": 0.001, "max_percent": 0},
        "rewards": [{"points": 1, "discount_value": 5}, {"id": "r", "name": "x", "points": 5}],
        "earning_rules": [
            {"event": "Order Paid", "points": 1},
            {"event": "order.refunded", "points": 1},
            {"event": "a", "points": 1, "of": "items"},
            {"event": "a", "points": 1, "per": 1, "of": "items"},
            {"event": "a", "points": 1, "rule": {"customer.first_order": {"eq": True}}},
            {"event": "a", "points": 1, "rule": {"nonsense": 5}},
        ],
        "pending_days": 366,
        "expiry": {},
        "tiers": [{"id": "t", "name": "T", "from_points": 1, "factor": 0}, {"id": "t", "name": "T", "from_points": 1}],
        "rules": {"discount_value": 5, "durability": "committed"},
        "more": 1,
    }
    pointers = (
        *("/name", "/more", "/spending/points", "/spending/amount", "/spending/max_percent", "/rewards/0/name"),
        *("/rewards/1/discount_value", "/earning_rules/0/event", "/earning_rules/1/event", "/earning_rules/2/of"),
        *("/earning_rules/3/items", "/earning_rules/4/rule", "/earning_rules/5/rule/nonsense", "/pending_days"),
        *("/expiry", "/tiers/0/factor", "/tiers/1/id", "/rules/discount_value", "/rules/durability"),
    )
    assert_problem(await api.post("/v1/loyalty-programs", body), "invalid_request", *pointers)


async def test_404_programs_and_cards(api: Client) -> None:
    for name in ("lty_" + "0" * 26, "x", "cmp_" + "0" * 26):
        assert_problem(await api.get(f"/v1/loyalty-programs/{name}"), "loyalty_program_not_found")
        path = f"/v1/loyalty-programs/{name}/cards"
        assert_problem(await api.post(path, {"customer_id": "c"}), "loyalty_program_not_found")
    for name in ("lcd_" + "0" * 26, "x", "!"):
        assert_problem(await api.get(f"/v1/loyalty-cards/{name}"), "loyalty_card_not_found")
        assert_problem(await api.get(f"/v1/loyalty-cards/{name}/transactions"), "loyalty_card_not_found")
        body = {"points": 1, "reason": "x"}
        assert_problem(await api.post(f"/v1/loyalty-cards/{name}/adjust", body), "loyalty_card_not_found")


async def test_201_a_customer_has_one_card_in_a_program(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    program_id = await club(api)
    card = await new_card(api, program_id, code="my card")
    assert (card["code"], card["customer_id"], card["program_id"]) == ("MYCARD", "cust_1", program_id)
    assert (card["points"], card["pending_points"], card["owed_points"], card["tier"]) == (0, 0, 0, None)
    assert card["next_tier"] == {"id": "silver", "name": "Silver", "missing_points": 100}
    found = await in_redis(scripts, tenancy.project_id, voucher_key(tenancy.project_id, "MYCARD"), Redeemable)
    assert (found.object, found.campaign_id, found.customer_id, found.committed) == (
        "loyalty_card",
        program_id,
        "cust_1",
        True,
    )
    path = f"/v1/loyalty-programs/{program_id}/cards"
    again = ok(await api.post(path, {"customer_id": "cust_1", "code": "OTHER"}))
    assert again == card
    assert_problem(await api.post(path, {"customer_id": "cust_2", "code": "MYCARD"}), "code_taken", "/code")
    assert_problem(await api.post("/v1/vouchers", {"code": "MYCARD", "discount_value": 5}), "code_taken", "/code")
    other = await new_card(api, program_id, "cust_2")
    listed = ok(await api.get(path))
    assert [one["id"] for one in listed["data"]] == [other["id"], card["id"]]
    assert [one["id"] for one in ok(await api.get(f"{path}?customer_id=cust_1"))["data"]] == [card["id"]]
    assert ok(await api.get(f"/v1/loyalty-cards/{card['id']}")) == ok(await api.get("/v1/loyalty-cards/mycard"))


async def test_200_points_are_adjusted_with_a_reason_and_never_below_nothing(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    card = await new_card(api, await club(api, pending_days=30), code="CARD")
    path = "/v1/loyalty-cards/CARD"
    adjusted = ok(await api.post(f"{path}/adjust", {"points": 70, "reason": "Sorry"}))
    assert (adjusted["points"], adjusted["earned_total"], adjusted["version"]) == (70, 0, 2)
    found = await in_redis(scripts, tenancy.project_id, voucher_key(tenancy.project_id, "CARD"), Redeemable)
    assert [(lot.expires_ms, lot.steps) for lot in found.lots] == [(0, ((0, 70),))]
    assert ok(await api.post(f"{path}/adjust", {"points": -20, "reason": "Mistake"}))["points"] == 50
    body = {"points": -51, "reason": "Too many"}
    assert_problem(await api.post(f"{path}/adjust", body), "insufficient_points")
    assert_problem(await api.post(f"{path}/adjust", {"points": 0}), "invalid_request", "/points", "/reason")
    entries = ok(await api.get(f"{path}/transactions?limit=1"))
    assert [(e["type"], e["points"], e["balance"], e["reason"]) for e in entries["data"]] == [
        ("adjust", -20, 50, "Mistake")
    ]
    rest = ok(await api.get(f"{path}/transactions?limit=1&cursor={entries['next_cursor']}"))
    assert [(e["points"], e["balance"]) for e in rest["data"]] == [(70, 70)]
    assert ok(await api.get(path))["points"] == 50
    assert card["points"] == 0


async def test_200_a_blocked_card_is_barred_until_it_is_unblocked(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    await new_card(api, await club(api), code="CARD")
    key = voucher_key(tenancy.project_id, "CARD")
    for action, status, barred in (("block", "blocked", "card_blocked"), ("unblock", "active", None)):
        for _ in range(2):
            assert ok(await api.post(f"/v1/loyalty-cards/CARD/{action}"))["status"] == status
        assert (await in_redis(scripts, tenancy.project_id, key, Redeemable)).barred == barred
    assert ok(await api.get("/v1/loyalty-cards/CARD"))["version"] == 3


@pytest.mark.parametrize("path", ["/v1/loyalty-cards/CARD", "/v1/loyalty-cards/CARD/transactions"])
async def test_g5_another_tenant_has_no_such_card(api: Client, new_tenancy: Any, path: str) -> None:
    await new_card(api, await club(api), code="CARD")
    other = await new_tenancy()
    assert_problem(await other.secret.get(path), "loyalty_card_not_found")
