"""Orders, rules, stacks, returns and reservations as a shop uses them, through the gateway."""

from functools import partial
from typing import Any

from .checkout import Answer, Checkout
from .conftest import Ledger, voucher

ORDER = {
    "id": "ord_1",
    "currency": "EUR",
    "items": [{"sku": "TEE", "quantity": 2, "price": 19.99}, {"sku": "MUG", "quantity": 1, "price": 7.50}],
}


def stack(*codes: str, **more: Any) -> dict[str, Any]:
    """The body of a stack."""
    return {"redeemables": [{"object": "voucher", "id": code} for code in codes], **more}


async def ok(answer: Answer, status: int = 200) -> Any:
    """The body of an answer that must be this."""
    assert answer.status == status, (answer.status, answer.body)
    return answer.json()


async def test_the_calls_of_orders_as_written(checkout: Checkout, ledger: Ledger) -> None:
    call = checkout.call
    await voucher(checkout, code="ORD20", discount_type="PERCENT", discount_value=20)
    five = await voucher(checkout, code="ORDFIVE", discount_type="AMOUNT", discount_value=5, max_redemptions=10)
    body = stack("ORD20", "ORDFIVE", customer={"id": "cust_1"}, order=ORDER)

    valid = await ok(await call("POST", "/v1/validations", body))
    assert valid["valid"]
    assert [(one["id"], one["status"]) for one in valid["redeemables"]] == [
        ("ORD20", "applicable"),
        ("ORDFIVE", "applicable"),
    ]
    assert valid["order"]["amount"] == 47.48

    redeemed = await ok(await call("POST", "/v1/redemptions", body, key="promo-1"))
    assert redeemed["order"] == valid["order"]
    path = f"/v1/redemptions/{redeemed['id']}"
    assert (await call("GET", path)).json() == redeemed
    assert (await call("GET", f"{path}-2")).json() == redeemed
    assert (await call("GET", "/v1/redemptions/by-key/promo-1")).json() == redeemed

    back = await ok(await call("POST", f"{path}/rollback", {"redeemables": ["ORDFIVE"]}))
    assert (back["status"], back["redeemables"], back["refund"]) == ("partially_rolled_back", ["ORDFIVE"], 0)
    assert [one["status"] for one in back["redemption"]["redemptions"]] == ["redeemed", "rolled_back"]
    assert await ledger.used(f"r:{five['id']}") == 0

    wanted = {"items": [{"sku": "TEE", "quantity": 1}]}
    quote = await ok(await call("POST", "/v1/returns/quote", {"redemption_id": redeemed["id"], **wanted}))
    first = await ok(await call("POST", f"{path}/rollback", wanted, key="return-1"))
    assert (first["refund"], first["status"]) == (quote["refund"], "partially_rolled_back")
    assert await ok(await call("POST", f"{path}/rollback", wanted, key="return-1")) == first

    assert (await call("POST", "/v1/redemptions", body, key="promo-1")).json() == redeemed, "a key has one answer"
    other = await call("POST", "/v1/redemptions", {**body, "customer": {"id": "cust_2"}}, key="promo-1")
    assert other.code == "idempotency_key_reused"
    assert (await ok(await call("POST", "/v1/redemptions", body, key="promo-2")))["status"] == "partially_rolled_back"

    whole = await ok(await call("POST", f"{path}/rollback"))
    assert whole["status"] == "rolled_back"
    assert (await call("POST", f"{path}/rollback", wanted)).code == "rolled_back_already"
    again = await ok(await call("POST", "/v1/redemptions", body))
    assert again["id"] != redeemed["id"], "a rolled back order may be redeemed again"


async def test_the_calls_of_reservations_as_written(checkout: Checkout) -> None:
    call = checkout.call
    await voucher(checkout, code="LASTONE", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
    wish = stack("LASTONE", customer={"id": "cust_9"}, order=ORDER)
    held = await ok(await call("POST", "/v1/reservations", {"session": "cart_9", "ttl_s": 600, **wish}, key="h"), 201)
    assert held["id"].startswith("rsv_")
    path = f"/v1/reservations/{held['id']}"
    assert (await call("GET", path)).json() == held

    assert (await ok(await call("POST", "/v1/validations", {"session": "cart_9", **wish})))["valid"]
    other = await ok(await call("POST", "/v1/validations", wish))
    assert (other["valid"], other["code"]) == (False, "limit_held")
    assert (await call("POST", "/v1/redemptions", wish)).code == "limit_held"
    assert (await call("POST", "/v1/vouchers/LASTONE/redeem", {"order_value": 9})).code == "limit_held"

    longer = await ok(await call("POST", f"{path}/extend", {"ttl_s": 3600}))
    assert longer["expires_at"] > held["expires_at"]
    taken = await ok(await call("POST", f"{path}/capture"))
    assert taken["redemptions"][0]["redeemable"] == "LASTONE"
    assert await ok(await call("POST", f"{path}/capture")) == taken
    assert (await call("POST", f"{path}/release")).code == "reservation_captured"

    await voucher(checkout, code="FREED", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
    wish = stack("FREED", order={"amount": 20})
    held = await ok(await call("POST", "/v1/reservations", {"session": "cart_10", **wish}), 201)
    assert (await ok(await call("POST", f"/v1/reservations/{held['id']}/release")))["status"] == "released"
    assert (await call("POST", f"/v1/reservations/{held['id']}/capture")).code == "reservation_released"
    await ok(await call("POST", "/v1/redemptions", wish))


async def test_an_order_is_a_session_of_its_own(checkout: Checkout) -> None:
    call = checkout.call
    await voucher(checkout, code="FORORDER", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
    wish = stack("FORORDER", order={"id": "ord_held", "amount": 20})
    held = await ok(await call("POST", "/v1/reservations", wish), 201)
    assert held["session"] == "ord_held"
    other = stack("FORORDER", order={"id": "ord_other", "amount": 20})
    assert (await call("POST", "/v1/redemptions", other)).code == "limit_held"
    assert (await ok(await call("POST", "/v1/validations", wish)))["valid"]
    taken = await ok(await call("POST", "/v1/redemptions", wish))
    assert taken["status"] == "redeemed"
    assert (await ok(await call("POST", f"/v1/reservations/{held['id']}/capture")))["id"] == taken["id"]
    assert (await call("POST", "/v1/reservations", stack("FORORDER", order={"amount": 20}))).status == 422


async def test_the_calls_of_rules_as_written(checkout: Checkout) -> None:
    call = checkout.call
    rule = {"all": [{"order.amount": {"gte": 50}}, {"redemptions.customer.day": {"lte": 1}}]}
    made = await ok(await call("POST", "/v1/validation-rules", {"name": "From 50", "rule": rule}), 201)
    assert made["id"].startswith("rul_")
    await voucher(checkout, code="RULED", discount_type="AMOUNT", discount_value=5, validation_rules=[made["id"]])
    wish = stack("RULED", customer={"id": "cust_5"}, order={"amount": 45.90})
    refused = await call("POST", "/v1/redemptions", wish)
    assert (refused.status, refused.code) == (409, "rule_not_met")
    assert refused.json()["redeemables"][0]["conditions"][0]["remedy"] == "add 4.10 EUR"
    alone = await call("POST", "/v1/vouchers/RULED/redeem", {"order_value": 45.90, "customer_id": "cust_5"})
    assert alone.code == "rule_not_met"
    wish = stack("RULED", customer={"id": "cust_5"}, order={"amount": 50})
    await ok(await call("POST", "/v1/redemptions", wish))
    assert (await call("POST", "/v1/redemptions", wish)).code == "rule_limit_reached"
    settings = await ok(await call("GET", "/v1/stacking-rules"))
    assert settings["application_mode"] == "ALL"


async def test_g1_a_stack_across_the_last_unit_has_one_winner(checkout: Checkout, ledger: Ledger) -> None:
    made = [
        await voucher(
            checkout, code=f"RACE{n}", discount_type="AMOUNT", discount_value=1, max_redemptions=1 + 99 * (n != 3)
        )
        for n in range(5)
    ]
    body = stack(*(f"RACE{n}" for n in range(5)), order={"amount": 100})
    answers = await checkout.all(
        partial(checkout.call, "POST", "/v1/redemptions", body, key=f"race-{n}") for n in range(32)
    )
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    for answer in answers:
        if answer.status != 200:
            assert (answer.status, answer.code) == (409, "limit_reached")
            assert [one["code"] for one in answer.json()["redeemables"]] == [
                *("stack_refused",) * 3,
                "limit_reached",
                "stack_refused",
            ]
    assert [await ledger.used(f"r:{each['id']}") for each in made] == [1] * 5
