"""Orders: kept under the shop's own ids, found beside those that events and checkouts name, and paid once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

ITEMS = [
    {"product_id": "shoe", "price": 60, "quantity": 1, "categories": ["shoes"], "metadata": {"width": 1.1}},
    {"sku": "sock", "price": 5.25, "quantity": 2},
]
CLUB = {
    "name": "Club",
    "earning_rules": [{"id": "per_euro", "event": "order.paid", "points": 1, "per": 1}],
}


async def put(api: Client, id_: str = "ord-1", **fields: Any) -> dict[str, Any]:
    return ok(await api.post("/v1/orders", {"id": id_, **fields}))


@pytest.fixture
async def card(api: Client) -> str:
    """The code of a card that earns a point for each euro."""
    club = created(await api.post("/v1/loyalty-programs", CLUB))["id"]
    return str(created(await api.post(f"/v1/loyalty-programs/{club}/cards", {"customer_id": "ann"}))["code"])


async def points(api: Client, card: str) -> int:
    return int(ok(await api.get(f"/v1/loyalty-cards/{card}"))["points"])


async def test_an_order_is_kept_without_a_redemption(api: Client) -> None:
    made = await put(api, customer_id="ann", items=ITEMS, shipping=4.9, metadata={"channel": "web"})
    assert (made["object"], made["status"], made["customer_id"]) == ("order", "created", "ann")
    assert (made["amount"], made["shipping"], made["total"], made["currency"]) == (70.5, 4.9, None, "EUR")
    assert (made["paid"], made["refunded"], made["metadata"]) == (None, 0, {"channel": "web"})
    shown = ok(await api.get("/v1/orders/ord-1"))
    assert {name: shown[name] for name in made} == made
    assert [(each["product_id"], each["sku"], each["quantity"], each["price"]) for each in shown["items"]] == [
        ("shoe", None, 1, 60),
        (None, "sock", 2, 5.25),
    ]
    assert shown["items"][0]["categories"] == ["shoes"]
    assert (shown["redemptions"], shown["points"]) == ([], [])
    assert await put(api, items=ITEMS) == made, "what is left out stays, and what is the same is no change"
    changed = ok(await api.patch("/v1/orders/ord-1", {"status": "fulfilled", "metadata": None, "customer_id": None}))
    assert (changed["status"], changed["metadata"], changed["customer_id"]) == ("fulfilled", {}, None)
    assert changed["amount"] == 70.5


async def test_paid_through_the_api_is_the_event_once(api: Client, card: str, owner: Any) -> None:
    await put(api, customer_id="ann", items=ITEMS, shipping=4.5)
    paid = ok(await api.patch("/v1/orders/ord-1", {"status": "paid"}))
    assert (paid["status"], paid["paid"]) == ("paid", 75)
    assert await points(api, card) == 75
    await put(api, status="paid", items=ITEMS)
    event = {"type": "order.paid", "customer_id": "ann", "order": {"id": "ord-1", "amount": 75}}
    again = ok(await api.post("/v1/events", event))
    assert (again["duplicate"], again["earned"][0]["points"]) == (True, 75)
    assert await points(api, card) == 75
    refund = {"type": "order.refunded", "order": {"id": "ord-1", "amount": 25}}
    ok(await api.post("/v1/events", refund))
    shown = ok(await api.get("/v1/orders/ord-1"))
    assert (shown["paid"], shown["refunded"]) == (75, 25)
    [of_card] = shown["points"]
    assert (of_card["card"], of_card["earned"], of_card["taken_back"]) == (card, 75, 25)
    assert await owner.fetchval("SELECT count(*) FROM customer_events WHERE type = 'order.paid'") == 2


async def test_paid_by_many_at_once_earns_once(api: Client, card: str) -> None:
    event = {"type": "order.paid", "customer_id": "ann", "order": {"id": "ord-1", "amount": 40}}
    body = {"id": "ord-1", "customer_id": "ann", "amount": 40, "status": "paid"}
    calls = [api.post("/v1/orders", body) if n % 2 else api.post("/v1/events", event) for n in range(16)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    assert await points(api, card) == 40


async def test_an_order_that_an_event_names_is_an_order(api: Client, card: str) -> None:
    event = {"type": "order.paid", "customer_id": "ann", "order": {"id": "ord-9", "amount": 30}}
    ok(await api.post("/v1/events", event))
    shown = ok(await api.get("/v1/orders/ord-9"))
    assert (shown["status"], shown["customer_id"], shown["paid"], shown["updated_at"]) == ("paid", "ann", 30, None)
    assert shown["amount"] is None
    stated = await put(api, "ord-9", amount=30, status="fulfilled")
    assert (stated["amount"], stated["status"], stated["paid"]) == (30, "fulfilled", 30)
    ok(await api.post("/v1/events", {"type": "order.refunded", "order": {"id": "ord-10"}}))
    assert ok(await api.get("/v1/orders/ord-10"))["status"] == "created"
    assert await points(api, card) == 30


async def test_what_was_paid_stays_what_it_was(api: Client) -> None:
    await put(api, customer_id="ann", amount=50, status="paid", total=45)
    for body, pointer in (
        ({"status": "created"}, "/status"),
        ({"amount": 60}, "/amount"),
        ({"total": 50}, "/total"),
        ({"customer_id": "bob"}, "/customer_id"),
    ):
        assert_problem(await api.patch("/v1/orders/ord-1", body), "invalid_request", pointer)
    ok(await api.patch("/v1/orders/ord-1", {"status": "canceled"}))
    assert ok(await api.get("/v1/orders/ord-1"))["paid"] == 45


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"id": ""}, ("/id",)),
        ({}, ("/id",)),
        ({"id": "o", "status": "lost"}, ("/status",)),
        ({"id": "o", "status": "paid"}, ("/amount",)),
        ({"id": "o", "items": ITEMS, "amount": 1}, ("/amount",)),
        ({"id": "o", "items": [{"price": 1}]}, ("/items/0",)),
        ({"id": "o", "items": [{"sku": "a", "price": 1.999}]}, ("/items/0/price",)),
        ({"id": "o", "items": [{"sku": "a"}] * 101}, ("/items",)),
        ({"id": "o", "amount": -1}, ("/amount",)),
        ({"id": "o", "amount": 10**10 + 1}, ("/amount",)),
        ({"id": "o", "shipping": "5", "total": True}, ("/shipping", "/total")),
        ({"id": "o", "metadata": {"a": "\0"}, "colour": 1}, ("/metadata/a", "/colour")),
        ({"id": "o", "items": [{"sku": "a", "price": 1, "metadata": {"b": "\0"}}]}, ("/items/0/metadata/b",)),
        ({"id": "o", "items": [{"sku": "a", "price": 1, "metadata": {"\0": 1}}]}, ("/items/0/metadata",)),
        ({"id": "o", "items": [{"sku": "a", "price": 1, "metadata": {"b": [1e300]}}]}, ("/items/0/metadata/b/0",)),
        (
            {
                "id": "o",
                "items": [{"sku": "a", "price": 1, "metadata": {f"b{n}": [1e39] * 50 for n in range(9)}}] * 100,
            },
            ("/items",),
        ),
        ({"id": "a\0b"}, ("/id",)),
        ({"id": "o", "customer_id": "a\0b"}, ("/customer_id",)),
    ],
)
async def test_bad_orders(api: Client, body: dict[str, Any], pointers: tuple[str, ...]) -> None:
    assert_problem(await api.post("/v1/orders", body), "invalid_request", *pointers)
    assert ok(await api.get("/v1/orders"))["data"] == []


async def test_orders_that_are_not_there(api: Client, new_tenancy: Callable[[], Awaitable[Tenancy]]) -> None:
    assert_problem(await api.get("/v1/orders/nothing"), "order_not_found")
    assert_problem(await api.patch("/v1/orders/nothing", {"status": "paid"}), "order_not_found")
    assert_problem(
        await api.post("/v1/orders", {"id": "o", "amount": 1, "currency": "USD"}), "currency_mismatch", "/currency"
    )
    await put(api)
    other = (await new_tenancy()).secret
    assert_problem(await other.get("/v1/orders/ord-1"), "order_not_found")
    assert ok(await other.get("/v1/orders"))["data"] == []


async def test_the_list_is_narrowed_and_searched(api: Client) -> None:
    for number, (who, status) in enumerate([("ann", "created"), ("bob", "canceled"), ("ann", "canceled")]):
        await put(api, f"web/{number}", customer_id=who, status=status, amount=5)

    async def found(query: str) -> list[str]:
        return [each["id"] for each in ok(await api.get(f"/v1/orders?{query}"))["data"]]

    assert await found("") == ["web/2", "web/1", "web/0"]
    assert await found("customer_id=ann") == ["web/2", "web/0"]
    assert await found("status=canceled") == ["web/2", "web/1"]
    assert await found("status=canceled&customer_id=ann") == ["web/2"]
    assert await found("id=web/1") == ["web/1"]
    assert await found("id=web/1&status=created") == await found("id=web/1&customer_id=ann") == []
    assert await found("id=web/1&created_before=2001-01-01") == []
    assert await found("id=web/1&status=canceled&customer_id=bob&created_from=2001-01-01") == ["web/1"]
    assert await found("search=web") == ["web/0", "web/1", "web/2"]
    assert await found("search=web&status=canceled") == ["web/1", "web/2"]
    assert await found("created_before=2001-01-01") == []
    assert await found("created_from=2001-01-01&limit=1") == ["web/2"]
