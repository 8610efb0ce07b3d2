"""Stacks through the handler, on real servers: decided together, committed as one."""

from typing import Any

import msgspec
import pytest

from domain.rules import Rules

from .conftest import SHARD, Shop

TEN = Rules(discount_type="PERCENT", discount_value=100_000)
FIVE = Rules(discount_type="AMOUNT", discount_value=500)
ORDER = {
    "id": "ord_1",
    "currency": "EUR",
    "items": [{"sku": "TEE", "quantity": 2, "price": 19.99}, {"sku": "MUG", "quantity": 1, "price": 7.50}],
}


async def _post(shop: Shop, path: str, codes: list[str], key: str | None = None, **more: Any) -> tuple[int, Any]:
    body = {"redeemables": [{"object": "voucher", "id": code} for code in codes], "customer": {"id": "cust_1"}}
    response = await shop.call("POST", path, {"order": ORDER, **body, **more}, key=key)
    return response.status, msgspec.json.decode(response.body)


async def test_the_calls_of_a_stack_work_as_written(shop: Shop) -> None:
    await shop.voucher("SAVE20", Rules(discount_type="PERCENT", discount_value=200_000))
    await shop.voucher("FIVE", FIVE)
    status, valid = await _post(shop, "/v1/validations", ["SAVE20", "FIVE"])
    assert (status, valid["valid"]) == (200, True)
    assert [(one["id"], one["status"], one["discount_applied"]) for one in valid["redeemables"]] == [
        ("SAVE20", "applicable", 9.50),
        ("FIVE", "applicable", 5.00),
    ]
    order = valid["order"]
    assert (order["amount"], order["discount_applied"], order["total"]) == (47.48, 14.50, 32.98)
    assert sum(item["discount_applied"] for item in order["items"]) == pytest.approx(14.50)

    status, redeemed = await _post(shop, "/v1/redemptions", ["SAVE20", "FIVE"], key="k1")
    assert (status, redeemed["status"], redeemed["id"][:4]) == (200, "redeemed", "rdm_")
    assert [(one["redeemable"], one["discount_applied"]) for one in redeemed["redemptions"]] == [
        ("SAVE20", 9.50),
        ("FIVE", 5.00),
    ]
    assert redeemed["order"] == order
    status, again = await _post(shop, "/v1/redemptions", ["SAVE20", "FIVE"], key="k1")
    assert (status, again) == (200, redeemed)


async def test_g3_an_order_leads_to_its_first_redemption(shop: Shop) -> None:
    await shop.voucher("FIVE", FIVE)
    await shop.voucher("TEN", TEN)
    _, first = await _post(shop, "/v1/redemptions", ["FIVE", "TEN"])
    _, again = await _post(shop, "/v1/redemptions", ["TEN", "FIVE"])
    assert again["id"] == first["id"]
    _, other = await _post(shop, "/v1/redemptions", ["FIVE"])
    assert other["id"] != first["id"]
    status, other = await _post(shop, "/v1/redemptions", ["FIVE"], order={"id": "ord_2", "amount": 10})
    assert status == 200


async def test_g1_two_codes_of_a_campaign_do_not_share_its_last_unit(shop: Shop) -> None:
    await shop.campaign("cmp_1", Rules(discount_type="AMOUNT", discount_value=100, max_redemptions=3))
    for code in ("A1", "A2", "A3"):
        await shop.voucher(code, Rules(), "cmp_1")
    assert (await shop.redeem("A1"))[0] == (await shop.redeem("A1"))[0] == 200
    status, refused = await _post(shop, "/v1/redemptions", ["A2", "A3"])
    assert (status, refused["code"]) == (503, "ledger_lagging")  # nobody confirms here: it may still come back
    status, _ = await _post(shop, "/v1/redemptions", ["A2"])
    assert status == 200


async def test_a_refusal_says_what_became_of_each(shop: Shop) -> None:
    await shop.voucher("FIVE", FIVE)
    await shop.voucher("OVER", Rules(discount_type="AMOUNT", discount_value=100, expires_ms=1))
    status, valid = await _post(shop, "/v1/validations", ["FIVE", "OVER", "GONE"])
    assert (status, valid["valid"], valid["code"]) == (200, False, "voucher_expired")
    assert [(one["status"], one.get("code")) for one in valid["redeemables"]] == [
        ("skipped", "stack_refused"),
        ("inapplicable", "voucher_expired"),
        ("inapplicable", "voucher_not_found"),
    ]
    status, refused = await _post(shop, "/v1/redemptions", ["FIVE", "OVER"])
    assert (status, refused["code"], refused["redeemables"][0]["code"]) == (409, "voucher_expired", "stack_refused")


async def test_g3_an_order_that_is_redeemed_is_so_whatever_became_of_the_code(shop: Shop) -> None:
    """Nothing confirms here, so only Redis knows the first redemption."""
    await shop.campaign("cmp_9", FIVE)
    await shop.voucher("P1", Rules(), "cmp_9")
    _, first = await _post(shop, "/v1/redemptions", ["P1"])
    await shop.campaign("cmp_9", FIVE, status="paused", version=2)
    served = await shop.worker.gate.enter(SHARD)
    await served.shard.link.command("DEL", served.shard.keyspace.definition("c:cmp_9"))
    status, again = await _post(shop, "/v1/redemptions", ["P1"])
    assert (status, again["id"]) == (200, first["id"])
