"""Events over HTTP: what is told of a customer counts once, and a refund takes back what the order has earned."""

import asyncio
from random import Random
from typing import Any

import pytest

from domain.definitions import Redeemable, voucher_key
from store.erasing import erase_customer
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, ok
from tests.control_plane.test_loyalty import club, in_redis, new_card

DEEDS = ("paid", "paid", "paid", "refund", "refund", "whole", "spend", "spend")
ORDER = {"id": "o-1", "amount": 50, "shipping": 5}


async def report(api: Client, type_: str = "order.paid", **more: Any) -> dict[str, Any]:
    return ok(await api.post("/v1/events", {"type": type_, "customer_id": "cust_1", **more}))


async def refund(api: Client, order_id: str = "o-1", **more: Any) -> dict[str, Any]:
    return ok(await api.post("/v1/events", {"type": "order.refunded", "order": {"id": order_id, **more}}))


async def points(api: Client, code: str = "CARD") -> tuple[int, int, int]:
    card = ok(await api.get(f"/v1/loyalty-cards/{code}"))
    return card["points"], card["pending_points"], card["owed_points"]


async def sums(owner: Any) -> None:
    """The card's points, its lots and its entries say the same."""
    rows = await owner.fetch(
        """SELECT c.points,
            (SELECT COALESCE(sum(earned - spent), 0) FROM loyalty_lots l WHERE l.card_id = c.id) AS lots,
            (SELECT COALESCE(sum(points), 0) FROM loyalty_entries e WHERE e.card_id = c.id) AS entries
        FROM loyalty_cards c"""
    )
    assert [(row["lots"], row["entries"]) for row in rows] == [(row["points"],) * 2 for row in rows]


async def spend(owner: Any, project_id: str, card_id: str, amount: int, id_: str = "rdm_x") -> None:
    """As the reconciler posts a redemption."""
    async with owner.transaction():
        await owner.execute("SELECT set_config('app.project_id', $1, true)", project_id)
        await owner.execute(
            "SELECT post_loyalty_spends(ARRAY[$1], ARRAY[$2], ARRAY[0]::bigint[], ARRAY[$3]::bigint[], "
            "ARRAY[$4], ARRAY[1], ARRAY[now()])",
            *(project_id, card_id, amount, id_),
        )


async def test_200_a_paid_order_earns_points_as_the_issue_writes_it(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    card = await new_card(api, await club(api), code="CARD")
    body = await report(api, order=ORDER)
    assert body["id"].startswith("evt_")
    assert (body["customer_id"], body["order_id"], body["duplicate"], body["taken_back"]) == (
        "cust_1",
        "o-1",
        False,
        [],
    )
    assert body["earned"] == [
        {
            "card": "CARD",
            "card_id": card["id"],
            "program_id": card["program_id"],
            "points": 110,
            "paid_owed_points": 0,
            "available_at": None,
            "expires_at": None,
            "rules": [{"id": "per_euro", "points": 110}],
        }
    ]
    found = await in_redis(scripts, tenancy.project_id, voucher_key(tenancy.project_id, "CARD"), Redeemable)
    assert [(lot.expires_ms, lot.steps) for lot in found.lots] == [(0, ((0, 110),))]
    shown = ok(await api.get("/v1/loyalty-cards/CARD"))
    assert (shown["points"], shown["earned_total"], shown["tier"]["id"]) == (110, 110, "silver")
    entries = ok(await api.get("/v1/loyalty-cards/CARD/transactions"))["data"]
    assert [(e["type"], e["points"], e["source"], e["reason"]) for e in entries] == [
        ("earn", 110, "order.paid:o-1", "per_euro")
    ]
    assert (await report(api, order={"id": "o-2", "amount": 10}))["earned"][0]["points"] == 30
    await sums(owner)


async def test_g3_an_order_is_paid_once_whoever_says_so_and_however_often_at_once(api: Client, owner: Any) -> None:
    await new_card(api, await club(api), code="CARD")
    said = await asyncio.gather(*[report(api, order=ORDER) for _ in range(8)])
    assert sorted(one["duplicate"] for one in said) == [False] + [True] * 7
    assert len({one["earned"][0]["points"] for one in said}) == 1
    again = await report(api, id="mine", order=ORDER)
    assert (again["duplicate"], again["earned"]) == (True, said[0]["earned"])
    assert await points(api) == (110, 0, 0)
    await new_card(api, await club(api, name="Other"), "cust_2", code="OTHER")
    stolen = {"type": "order.paid", "customer_id": "cust_2", "order": ORDER}
    assert_problem(await api.post("/v1/events", stolen), "invalid_request", "/customer_id")
    await sums(owner)


async def test_g3_an_event_counts_once_by_its_id_and_once_by_its_key(api: Client) -> None:
    rules = [{"id": "r", "event": "review.written", "points": 25}]
    await new_card(api, await club(api, earning_rules=rules, tiers=[]), code="CARD")
    first = await report(api, "review.written", id="e-1")
    again = await report(api, "review.written", id="e-1")
    assert (first["duplicate"], again["duplicate"], again["earned"]) == (False, True, first["earned"])
    body = {"type": "review.written", "customer_id": "cust_1"}
    kept = [await api.post("/v1/events", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [one.headers.get("idempotency-replayed") for one in kept] == [None, "true"]
    assert kept[0].content == kept[1].content
    assert await points(api) == (50, 0, 0)
    assert (await report(api, "review.read"))["earned"] == []


async def test_g2_an_event_earns_on_every_card_of_the_customer_and_the_projector_knows_of_each(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    cards = [await new_card(api, await club(api), code=code) for code in ("ONE", "TWO", "THREE")]
    earned = (await report(api, order=ORDER))["earned"]
    assert {one["card_id"] for one in earned} == {card["id"] for card in cards}
    for card in cards:
        found = await in_redis(scripts, tenancy.project_id, voucher_key(tenancy.project_id, card["code"]), Redeemable)
        assert (found.version, [lot.steps for lot in found.lots]) == (2, [((0, 110),)])
    staged = "SELECT count(*) FROM outbox WHERE object = 'loyalty_card' AND version = 2 AND applied_at IS NOT NULL"
    assert await owner.fetchval(staged) == 3
    await refund(api)
    assert await owner.fetchval(staged.replace("= 2", "= 3")) == 3


async def test_200_points_are_pending_and_expire_as_the_program_says(api: Client) -> None:
    program_id = await club(api, pending_days=14, expiry={"days": 365})
    await new_card(api, program_id, code="CARD")
    earned = (await report(api, order=ORDER))["earned"][0]
    assert earned["available_at"] < earned["expires_at"]
    assert earned["available_at"].endswith("T00:00:00.000Z")
    assert await points(api) == (0, 110, 0)
    card = ok(await api.get("/v1/loyalty-cards/CARD"))
    assert card["expiring"] == [{"points": 110, "expires_at": earned["expires_at"]}]
    body = {"points": -1, "reason": "x"}
    assert_problem(await api.post("/v1/loyalty-cards/CARD/adjust", body), "insufficient_points")


async def test_200_conditions_read_the_customer_the_products_and_the_event(api: Client) -> None:
    ok(await api.post("/v1/customers", {"id": "cust_1", "segments": ["vip"]}))
    ok(await api.post("/v1/products", {"id": "book", "categories": ["books"]}))
    rule = {"all": [{"customer.segment": {"eq": "vip"}}, {"metadata.channel": {"eq": "app"}}]}
    books = {"categories": ["books"]}
    rules = [
        {"id": "vip", "event": "order.paid", "points": 7, "rule": rule},
        {"id": "books", "event": "order.paid", "points": 1, "per": 1, "of": "items", "items": books},
    ]
    await new_card(api, await club(api, earning_rules=rules, tiers=[]), code="CARD")
    items = [{"product_id": "book", "price": 12.5, "quantity": 2}, {"sku": "pen", "price": 3}]
    body = await report(api, order={"id": "o-1", "items": items}, metadata={"channel": "app"})
    assert {one["id"]: one["points"] for one in body["earned"][0]["rules"]} == {"vip": 7, "books": 25}
    body = await report(api, order={"id": "o-2", "items": items})
    assert [one["id"] for one in body["earned"][0]["rules"]] == ["books"]
    assert await points(api) == (7 + 25 + 25, 0, 0)


async def test_200_a_refund_in_parts_takes_back_what_the_order_earned_and_what_is_spent_is_owed(
    api: Client, tenancy: Tenancy, owner: Any
) -> None:
    card = await new_card(api, await club(api, tiers=[]), code="CARD")
    await report(api, order=ORDER)
    assert [one["points"] for one in (await refund(api, amount=10.99))["taken_back"]] == [21]
    assert await points(api) == (89, 0, 0)
    await spend(owner, tenancy.project_id, card["id"], 80)
    taken = (await refund(api))["taken_back"]
    assert [(one["points"], one["owed_points"]) for one in taken] == [(9, 80)]
    assert await points(api) == (0, 0, 80)
    assert (await refund(api))["taken_back"] == []
    paid = (await report(api, order={"id": "o-2", "amount": 60}))["earned"][0]
    assert (paid["points"], paid["paid_owed_points"]) == (120, 80)
    assert await points(api) == (40, 0, 0)
    await sums(owner)


@pytest.mark.parametrize("amount", [None, 27.5])
async def test_200_a_refund_that_comes_before_the_payment_is_not_forgotten(api: Client, amount: float | None) -> None:
    await new_card(api, await club(api, tiers=[]), code="CARD")
    early = await (refund(api) if amount is None else refund(api, amount=amount))
    assert (early["earned"], early["taken_back"]) == ([], [])
    paid = await report(api, order=ORDER)
    left = 0 if amount is None else 55
    assert (paid["earned"][0]["points"], paid["taken_back"][0]["points"]) == (110, 110 - left)
    assert await points(api) == (left, 0, 0)


async def test_200_a_paused_program_and_one_whose_time_is_over_give_nothing(api: Client) -> None:
    paused, over = await club(api), await club(api, rules={"expires_at": "2020-01-01T00:00:00Z"})
    for program_id in (paused, over):
        await new_card(api, program_id)
    ok(await api.post(f"/v1/loyalty-programs/{paused}/pause"))
    assert (await report(api, order=ORDER))["earned"] == []


async def test_422_events(api: Client) -> None:
    async def refused(body: dict[str, Any], *pointers: str) -> None:
        assert_problem(await api.post("/v1/events", body), "invalid_request", *pointers)

    await refused({}, "/type")
    await refused({"type": "Order Paid", "x": 1, "customer_id": ""}, "/type", "/x", "/customer_id")
    await refused({"type": "order.paid"}, "/customer_id", "/order/id")
    paid = {"type": "order.paid", "customer_id": "c"}
    await refused({**paid, "order": {"id": "o"}}, "/order/items")
    items = [{"price": 0.001}, {"sku": "a", "price": 1, "quantity": 0}, {"sku": "a"}]
    pointers = ("/order/items/0", "/order/items/0/price", "/order/items/1/quantity", "/order/items/2/price")
    await refused({**paid, "order": {"id": "o", "items": items}}, *pointers)
    await refused({**paid, "order": {"id": "o", "items": [{"sku": "a", "price": 1}], "amount": 2}}, "/order/amount")
    order = {"id": "o", "amount": 1, "metadata": {"a": {}}}
    more = {"metadata": {"b": [[]]}, "occurred_at": "soon"}
    await refused({**paid, "order": order, **more}, "/order/metadata/a", "/metadata/b", "/occurred_at")
    for moment in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01", "1969-12-31T00:00:00Z"):
        await refused({**paid, "order": {"id": "o", "amount": 1}, "occurred_at": moment}, "/occurred_at")
    refunded = {"type": "order.refunded", "order": {"id": "o", "amount": 0, "shipping": 1}}
    await refused(refunded, "/order/amount", "/order/shipping")
    dollars = {**paid, "order": {"id": "o", "amount": 1, "currency": "USD"}}
    assert_problem(await api.post("/v1/events", dollars), "currency_mismatch", "/order/currency")


async def test_g5_an_event_reaches_no_card_of_another_tenant(api: Client, new_tenancy: Any) -> None:
    await new_card(api, await club(api), code="CARD")
    other = await new_tenancy()
    assert (await report(other.secret, order=ORDER))["earned"] == []
    assert await points(api) == (0, 0, 0)
    assert (await report(api, order=ORDER))["duplicate"] is False


async def test_events_forget_who_was_erased_and_their_order_stays_paid(
    api: Client, tenancy: Tenancy, owner: Any
) -> None:
    program_id = await club(api)
    await new_card(api, program_id, code="CARD")
    await report(api, order=ORDER)
    async with owner.transaction():
        await erase_customer(owner, tenancy.project_id, "cust_1")
    assert await owner.fetchval("SELECT array_agg(customer_id || order_id) FROM customer_events") == [None]
    assert await owner.fetchval("SELECT array_agg(customer_id) FROM paid_orders") == [None]
    await new_card(api, program_id, code="NEW")
    assert (await report(api, order=ORDER))["duplicate"]
    assert (await refund(api))["taken_back"] == []
    assert await points(api, "NEW") == (0, 0, 0)


async def test_what_has_come_a_day_ago_is_one_step_so_that_a_lot_does_not_grow_for_ever(
    api: Client, tenancy: Tenancy, owner: Any
) -> None:
    card = await new_card(api, await club(api), code="CARD")
    add = "SELECT add_points($1, $2, 0, $3, 5, 'earn', 'x', NULL, NULL)"
    async with owner.transaction():
        await owner.execute("SELECT set_config('app.project_id', $1, true)", tenancy.project_id)
        for from_ms in (1_000, 2_000, 3_000, 2**50, 2**51):
            await owner.execute(add, tenancy.project_id, card["id"], from_ms)
    assert await owner.fetchval("SELECT steps FROM loyalty_lots") == [[0, 15], [2**50, 5], [2**51, 5]]
    assert await points(api) == (15, 10, 0)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_paid_spent_and_refunded_a_card_has_what_its_entries_say(
    api: Client, tenancy: Tenancy, owner: Any, seed: int
) -> None:
    """Against a model: of each order what its refunds leave, less what was spent, is there, or else owed."""
    random = Random(seed)
    card = await new_card(api, await club(api, tiers=[]), code="CARD")
    totals: dict[int, int] = {}
    refunds: dict[int, int] = {}
    spent = 0
    for number in range(14):
        deed, order, cents = random.choice(DEEDS), random.randrange(3), random.randint(1, 9000)
        if deed == "paid":
            totals.setdefault(order, cents)
            await report(api, order={"id": f"o-{order}", "amount": cents / 100})
        elif deed == "refund":
            refunds[order] = refunds.get(order, 0) + cents // 3 + 1
            await refund(api, f"o-{order}", amount=(cents // 3 + 1) / 100)
        elif deed == "whole":
            refunds[order] = 10**9
            await refund(api, f"o-{order}")
        else:
            amount = min(cents // 10, (await points(api))[0])
            if amount:
                spent += amount
                await spend(owner, tenancy.project_id, card["id"], amount, f"rdm_{number}")
        due = sum(left(total, refunds.get(order, 0)) for order, total in totals.items())
        available, pending, owed = await points(api)
        assert (available - owed, pending) == (due - spent, 0)
        assert not (available and owed)
    await sums(owner)


def left(total: int, refunded: int) -> int:
    """Of the points of an order of so many cents."""
    earned = total // 100 * 2
    return earned - earned * min(refunded, total) // total
