"""The calls of gift cards, loyalty, referrals, tiers and qualifications, as a shop would make them, through the
gateway."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, campaign, voucher
from .projects import project


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Checkout]:
    """A project of the test's own."""
    async with project(stack, connections=4) as checkout:
        yield checkout


async def ok(shop: Checkout, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer: Answer = await shop.call(method, path, body)
    assert answer.status == status, answer
    return answer.json()


async def test_a_gift_card_from_issue_to_refund(shop: Checkout) -> None:
    issued = await ok(shop, "POST", "/v1/gift-cards", {"amount": 50, "expires_at": "2027-12-31T23:59:59Z"}, status=201)
    assert re.fullmatch("gft_[0-9A-Z]{26}", issued["id"])
    assert (issued["balance"], issued["status"]) == (50.00, "active")
    code = issued["code"]
    topped = await ok(shop, "POST", f"/v1/gift-cards/{code}/top-up", {"amount": 10})
    assert topped["balance"] == 60
    redeemed = await ok(shop, "POST", f"/v1/vouchers/{code}/redeem", {"order_value": 30, "amount": 12.34})
    assert (redeemed["amount_applied"], redeemed["balance"], redeemed["total"]) == (12.34, 47.66, 17.66)
    assert (redeemed["redeemable_object"], redeemed["redeemable_id"]) == ("gift_card", issued["id"])
    asked = await ok(shop, "POST", f"/v1/vouchers/{code}/validate", {"order_value": 100})
    assert (asked["valid"], asked["amount_applied"], asked["total"]) == (True, 47.66, 52.34)
    blocked = await ok(shop, "POST", f"/v1/gift-cards/{code}/block", {})
    assert blocked["status"] == "blocked"
    refused = await shop.redeem(code, order_value=5)
    assert (refused.status, refused.code) == (409, "card_blocked")
    await ok(shop, "POST", f"/v1/redemptions/{redeemed['id']}/rollback", {})
    assert (await ok(shop, "GET", f"/v1/gift-cards/{code}"))["balance"] == 60
    entries = (await ok(shop, "GET", f"/v1/gift-cards/{code}/transactions"))["data"]
    kinds = {(entry["type"], abs(entry["amount"]), entry["balance"]) for entry in entries}
    assert kinds == {("issue", 50, 50), ("top_up", 10, 60), ("spend", 12.34, 47.66), ("refund", 12.34, 60)}


async def test_points_are_earned_by_what_is_paid_and_spent_on_the_next_order(shop: Checkout) -> None:
    program = await ok(
        shop,
        "POST",
        "/v1/loyalty-programs",
        {
            "name": "Stars",
            "spending": {"points": 100, "amount": 1},
            "earning_rules": [{"event": "order.paid", "points": 10, "per": 1}],
            "rewards": [{"id": "mug", "name": "A mug", "points": 150, "discount_type": "AMOUNT", "discount_value": 7}],
            "tiers": [{"id": "gold", "name": "Gold", "from_points": 1000, "factor": 2}],
        },
        status=201,
    )
    card = await ok(shop, "POST", f"/v1/loyalty-programs/{program['id']}/cards", {"customer_id": "cust_1"}, status=201)
    paid = {"type": "order.paid", "customer_id": "cust_1", "order": {"id": "ord_1", "amount": 100}}
    event = await ok(shop, "POST", "/v1/events", paid)
    assert [each["points"] for each in event["earned"]] == [1000]
    assert (await ok(shop, "POST", "/v1/events", paid))["duplicate"] is True
    shown = await ok(shop, "GET", f"/v1/loyalty-cards/{card['code']}")
    assert (shown["points"], shown["tier"]["id"]) == (1000, "gold")
    redeemed = await ok(
        shop, "POST", f"/v1/vouchers/{card['code']}/redeem", {"order_value": 30, "points": 250, "customer_id": "cust_1"}
    )
    assert (redeemed["discount_applied"], redeemed["points"], redeemed["points_balance"]) == (2.5, 250, 750)
    bought = await ok(shop, "POST", f"/v1/vouchers/{card['code']}/redeem", {"order_value": 30, "reward": "mug"})
    assert (bought["discount_applied"], bought["points"], bought["points_balance"]) == (7, 150, 600)
    await ok(shop, "POST", f"/v1/redemptions/{bought['id']}/rollback", {})
    twice = {**paid, "order": {"id": "ord_2", "amount": 10}}
    assert (await ok(shop, "POST", "/v1/events", twice))["earned"][0]["points"] == 200, "gold earns double"
    back = {"type": "order.refunded", "customer_id": "cust_1", "order": {"id": "ord_1"}}
    taken = (await ok(shop, "POST", "/v1/events", back))["taken_back"][0]
    assert (taken["points"], taken["owed_points"]) == (950, 50)
    assert (await ok(shop, "GET", f"/v1/loyalty-cards/{card['code']}"))["points"] == 0
    assert (await shop.redeem(card["code"], order_value=30, points=200)).code == "insufficient_points"


async def test_a_friend_is_referred_both_are_rewarded_and_a_return_takes_it_back(shop: Checkout) -> None:
    prizes = await campaign(shop, discount_type="AMOUNT", discount_value=5)
    program = await ok(
        shop,
        "POST",
        "/v1/referral-programs",
        {
            "name": "Friends",
            "identity_keys": ["device"],
            "referrer_reward": {"type": "voucher", "campaign_id": prizes},
            "referee_reward": {"type": "gift_card", "amount": 3},
            "rules": {"discount_type": "PERCENT", "discount_value": 10},
        },
        status=201,
    )
    path = f"/v1/referral-programs/{program['id']}"
    alice = {"customer_id": "alice", "email": "Alice@Example.com", "identity": {"device": "d-1"}}
    code = (await ok(shop, "POST", f"{path}/codes", alice, status=201))["code"]
    assert code.startswith("ALICE-")

    async def redeem(id_: str, **identity: Any) -> Answer:
        customer = {"id": id_, **identity}
        return await shop.call("POST", f"/v1/vouchers/{code}/redeem", {"order_value": 50, "customer": customer})

    assert (await redeem("alice")).code == "self_referral"
    assert (await redeem("bob", email="alice+new@EXAMPLE.com")).code == "self_referral"
    assert (await redeem("bob", identity={"device": "d-1"})).code == "self_referral"
    bob = await redeem("bob", email="bob@example.com", identity={"device": "d-2"})
    assert (bob.status, bob.json()["discount_applied"]) == (200, 5)
    assert (await redeem("bob")).code in ("already_referred", "customer_limit_reached")
    assert (await redeem("eve", identity={"device": "d-2"})).code == "already_referred"
    bobs = (await ok(shop, "POST", f"{path}/codes", {"customer_id": "bob"}, status=201))["code"]
    ring = {"order_value": 50, "customer": {"id": "alice"}}
    assert (await shop.call("POST", f"/v1/vouchers/{bobs}/redeem", ring)).code == "referral_ring"

    async def rewards() -> dict[str, str]:
        attributions = (await ok(shop, "GET", f"{path}/attributions?customer_id=bob"))["data"]
        return {reward["side"]: reward["status"] for reward in attributions[0]["rewards"]}

    async def stand(status: str) -> bool:
        return await rewards() == {"referrer": status, "referee": status}

    async def issued() -> bool:
        return await stand("issued")

    async def taken_back() -> bool:
        return await stand("taken_back")

    await eventually(issued, "both rewards issued")
    wallet = await ok(shop, "GET", "/v1/customers/bob/wallet")
    assert [card["balance"] for card in wallet["gift_cards"]] == [3]
    assert len((await ok(shop, "GET", "/v1/customers/alice/wallet"))["vouchers"]) == 1
    await ok(shop, "POST", f"/v1/redemptions/{bob.json()['id']}/rollback", {})
    await eventually(taken_back, "both rewards taken back")
    assert (await redeem("bob", email="bob@example.com")).status == 200, "who was not referred after all can be again"


async def test_what_applies_to_a_cart_is_found_with_the_best_stack_and_redeemed_as_it_was_said(shop: Checkout) -> None:
    made = {"name": "Ten off", "discount_type": "AMOUNT", "discount_value": 10}
    tier = await ok(shop, "POST", "/v1/promotion-tiers", made, status=201)
    shoes = {"target": "items", "include": {"categories": ["shoes"]}}
    other = {"name": "Shoes", "discount_type": "PERCENT", "discount_value": 50, "applies_to": shoes}
    await ok(shop, "POST", "/v1/promotion-tiers", other, status=201)
    own = await voucher(shop, code="SAVE20", discount_type="PERCENT", discount_value=20, customer_id="cust_1")
    gift = (await ok(shop, "POST", "/v1/gift-cards", {"amount": 15, "customer_id": "cust_1"}, status=201))["code"]
    program = await ok(
        shop, "POST", "/v1/loyalty-programs", {"name": "Stars", "spending": {"points": 100, "amount": 1}}, status=201
    )
    star = await ok(shop, "POST", f"/v1/loyalty-programs/{program['id']}/cards", {"customer_id": "cust_1"}, status=201)
    await ok(shop, "POST", f"/v1/loyalty-cards/{star['code']}/adjust", {"points": 500, "reason": "welcome"})
    order = {"items": [{"sku": "TEE", "quantity": 2, "price": 40}]}
    asked = {"customer": {"id": "cust_1"}, "order": order}
    found = await ok(shop, "POST", "/v1/qualifications", asked)
    names = {(each["object"], each["id"]) for each in found["redeemables"]}
    assert names == {
        ("promotion_tier", tier["id"]),
        ("voucher", own["code"]),
        ("gift_card", gift),
        ("loyalty_card", star["code"]),
    }
    by_id = {each["id"]: each for each in found["redeemables"]}
    assert by_id[tier["id"]]["discount_applied"] == 10
    assert by_id["SAVE20"]["discount_applied"] == 16
    assert by_id[gift]["amount_applied"] == 15
    best = found["best_stack"]
    assert (best["discount_applied"], best["is_optimal"]) == (26, True), "a fifth of 80, then ten off"
    redeemables = [
        *({"object": each["object"], "id": each["id"]} for each in best["redeemables"]),
        {"object": "gift_card", "id": gift, "amount": 10},
        {"object": "loyalty_card", "id": star["code"], "points": 200},
    ]
    redeemed = await ok(shop, "POST", "/v1/redemptions", {**asked, "redeemables": redeemables})
    assert redeemed["order"]["discount_applied"] == 26 + 2
    assert (redeemed["order"]["gift_card_amount"], redeemed["order"]["total"]) == (10, 42)
    wallet = await ok(shop, "GET", "/v1/customers/cust_1/wallet")
    assert [each["code"] for each in wallet["vouchers"]] == ["SAVE20"]
    assert [each["balance"] for each in wallet["gift_cards"]] == [5]
    assert [each["points"] for each in wallet["loyalty_cards"]] == [300]


async def test_no_code_of_one_kind_is_taken_by_another(shop: Checkout) -> None:
    await voucher(shop, code="TWICE", discount_type="AMOUNT", discount_value=1)
    taken = await shop.call("POST", "/v1/gift-cards", {"amount": 5, "code": "twice"})
    assert (taken.status, taken.code) == (409, "code_taken")
    await ok(shop, "POST", "/v1/gift-cards", {"amount": 5, "code": "CARD-1"}, status=201)
    taken = await shop.call("POST", "/v1/vouchers", {"code": "CARD-1", "discount_type": "AMOUNT", "discount_value": 1})
    assert (taken.status, taken.code) == (409, "code_taken")
    stacked = {"order_value": 5, "redeemables": [{"object": "gift_card", "id": "TWICE"}]}
    refused = await shop.call("POST", "/v1/redemptions", stacked)
    assert refused.code == "gift_card_not_found"


async def test_a_reservation_keeps_no_address_and_refers_as_the_request_would_have(
    shop: Checkout, ledger: Ledger
) -> None:
    program = await ok(shop, "POST", "/v1/referral-programs", {"name": "Friends"}, status=201)
    path = f"/v1/referral-programs/{program['id']}/codes"
    anna = {"customer_id": "anna", "email": "anna@example.com"}
    code = (await ok(shop, "POST", path, anna, status=201))["code"]
    asked = {
        "session": "cart-7",
        "order": {"amount": 20, "shipping": 4},
        "redeemables": [{"object": "referral_code", "id": code}],
        "customer": {"id": "carl", "email": "carl.secret@example.com"},
    }
    itself = {**asked, "customer": {"id": "carl", "email": "ANNA@example.com"}}
    assert (await shop.call("POST", "/v1/reservations", itself)).code == "self_referral"
    held = await ok(shop, "POST", "/v1/reservations", asked, status=201)
    assert held["total"] == 24
    body = await ledger.value("SELECT body FROM reservations WHERE id = $1", held["id"])
    assert b"carl.secret" not in body
    await ok(shop, "POST", f"/v1/reservations/{held['id']}/capture", {})
    dora = {"order_value": 20, "customer": {"id": "dora", "email": "Carl.Secret+2@example.com"}}
    again = await shop.call("POST", f"/v1/vouchers/{code}/redeem", dora)
    assert again.code == "already_referred"
