"""What applies to a cart, and the best stack of it, as a shop asks for them through the gateway."""

from typing import Any

from tests.servers.stack import RunningStack

from .checkout import Checkout
from .projects import project
from .test_promotions import ok

ORDER = {
    "currency": "EUR",
    "items": [{"sku": "QUA-TEE", "quantity": 2, "price": 19.99}, {"sku": "QUA-MUG", "quantity": 1, "price": 7.50}],
}
FOR_TEES = {"applies_to": {"target": "items", "include": {"skus": ["QUA-TEE"]}}}


async def test_what_qualifies_can_be_redeemed_as_it_was_answered(stack: RunningStack) -> None:
    async with project(stack) as checkout:
        await _qualify_and_redeem(checkout)


async def _qualify_and_redeem(checkout: Checkout) -> None:
    async def post(path: str, body: dict[str, Any], status: int = 201) -> Any:
        return await ok(await checkout.call("POST", path, body), status)

    tees = await post(
        "/v1/promotion-tiers", {"name": "Tees", "discount_type": "PERCENT", "discount_value": 10, **FOR_TEES}
    )
    five = await post(
        "/v1/promotion-tiers", {"name": "5 off tees", "discount_type": "AMOUNT", "discount_value": 5, **FOR_TEES}
    )
    others = {"applies_to": {"target": "items", "include": {"skus": ["QUA-HAT"]}}}
    await post("/v1/promotion-tiers", {"name": "Hats", "discount_type": "PERCENT", "discount_value": 50, **others})
    own = {"discount_type": "AMOUNT", "discount_value": 2, "customer_id": "qua-1", "max_redemptions": 1}
    voucher = await post("/v1/vouchers", {"code": "QUA-OWN", **own})
    card = await post("/v1/gift-cards", {"amount": 12.34, "customer_id": "qua-1"})
    program = await post("/v1/loyalty-programs", {"name": "Points", "spending": {"points": 100, "amount": 1}})
    points = await post(f"/v1/loyalty-programs/{program['id']}/cards", {"customer_id": "qua-1"})
    await post(f"/v1/loyalty-cards/{points['code']}/adjust", {"points": 250, "reason": "welcome"}, 200)

    asked = {"customer": {"id": "qua-1"}, "order": ORDER, "best_stack": {"include": ["gift_card", "loyalty_card"]}}
    said = await post("/v1/qualifications", asked, 200)
    assert [(each["object"], each["id"], each["discount_applied"]) for each in said["redeemables"]] == [
        ("promotion_tier", five["id"], 5.00),
        ("promotion_tier", tees["id"], 4.00),
        ("loyalty_card", points["code"], 2.50),
        ("voucher", voucher["code"], 2.00),
        ("gift_card", card["code"], 0),
    ]
    assert said["redeemables"][-1]["amount_applied"] == 12.34
    best = said["best_stack"]
    assert best["is_optimal"]
    assert {each["id"] for each in best["redeemables"]} == {each["id"] for each in said["redeemables"]}
    assert (best["discount_applied"], best["total"]) == (13.50, 21.64)

    wanted = [{"object": each["object"], "id": each["id"]} for each in best["redeemables"]]
    redeemed = await post("/v1/redemptions", {"redeemables": wanted, "customer": {"id": "qua-1"}, "order": ORDER}, 200)
    assert redeemed["order"]["total"] == best["total"]
    said = await post("/v1/qualifications", asked, 200)
    assert [each["id"] for each in said["redeemables"]] == [five["id"], tees["id"]], "what is used up is not shown"

    await post(f"/v1/promotion-tiers/{five['id']}/disable", {}, 200)
    await post(f"/v1/promotion-tiers/{tees['id']}/disable", {}, 200)
    assert (await post("/v1/qualifications", asked, 200))["redeemables"] == []
