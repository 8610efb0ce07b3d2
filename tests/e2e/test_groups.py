"""What is stored of SKUs, segments and collections decides, from the moment at which it was answered."""

from functools import partial
from typing import Any

from .checkout import Checkout
from .conftest import voucher
from .test_promotions import ok, stack


async def said(shop: Checkout, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    """What a call of the control plane was answered."""
    answer = await shop.call(method, path, body)
    assert answer.status == status, (path, answer.status, answer.body)
    return answer.json() if answer.body else None


async def settled(shop: Checkout, action_id: str) -> dict[str, Any]:
    """The action when it is over. Each question is one more request, which the worker's next look answers."""
    while True:
        body: dict[str, Any] = await said(shop, "GET", f"/v1/async-actions/{action_id}")
        if body["status"] not in ("queued", "running"):
            return body


async def test_g6_an_item_that_names_a_sku_is_of_its_product(checkout: Checkout) -> None:
    call = partial(said, checkout)
    await call("POST", "/v1/products", {"id": "g-tee", "categories": ["g-shirts"], "metadata": {"fabric": "wool"}})
    await call("POST", "/v1/skus", {"id": "g-tee-m", "product_id": "g-tee", "metadata": {"size": "M"}})
    for code, include in (
        ("GRPPRODUCT", {"products": ["g-tee"]}),
        ("GRPCATEGORY", {"categories": ["g-shirts"]}),
    ):
        scope = {"target": "items", "include": include}
        await voucher(checkout, code=code, discount_type="PERCENT", discount_value=50, applies_to=scope)
    rules = {
        "GRPWOOL": {"order.items": {"any": {"metadata.fabric": {"eq": "wool"}}}},
        "GRPSIZE": {"order.items": {"any": {"metadata.size": {"eq": "M"}}}},
        "GRPRULE": {"order.items": {"every": {"product": {"eq": "g-tee"}}}},
    }
    for code, rule in rules.items():
        made = await call("POST", "/v1/validation-rules", {"name": code, "rule": rule}, 201)
        await voucher(checkout, code=code, discount_value=1, discount_type="AMOUNT", validation_rules=[made["id"]])
    order = {"items": [{"sku": "g-tee-m", "quantity": 1, "price": 20}]}

    async def applicable(of: dict[str, Any] = order) -> list[str]:
        found = []
        for code in ("GRPPRODUCT", "GRPCATEGORY", *rules):
            one = await ok(await checkout.call("POST", "/v1/validations", stack(code, order=of)))
            found += [code] if one["order"]["discount_applied"] else []
        return found

    assert await applicable() == ["GRPPRODUCT", "GRPCATEGORY", *rules]
    assert await applicable({"items": [{"sku": "g-other", "quantity": 1, "price": 20}]}) == []
    # What the item says goes before its SKU, and the SKU before its product.
    await call("PATCH", "/v1/skus/g-tee-m", {"metadata": {"size": "M", "fabric": "silk"}})
    assert await applicable() == ["GRPPRODUCT", "GRPCATEGORY", "GRPSIZE", "GRPRULE"]
    stated = {"items": [{**order["items"][0], "metadata": {"fabric": "wool", "size": "L"}}]}
    assert await applicable(stated) == ["GRPPRODUCT", "GRPCATEGORY", "GRPWOOL", "GRPRULE"]
    # A change of the product, then of the SKU: each is in force with its answer.
    await call("PATCH", "/v1/products/g-tee", {"categories": []})
    assert await applicable() == ["GRPPRODUCT", "GRPSIZE", "GRPRULE"]
    await call("PATCH", "/v1/skus/g-tee-m", {"product_id": "g-mug"})
    assert await applicable() == ["GRPSIZE"]
    await call("DELETE", "/v1/skus/g-tee-m", status=204)
    assert await applicable() == []
    redeemed = await checkout.call("POST", "/v1/redemptions", stack("GRPPRODUCT", order=order), key="g-sku-1")
    assert redeemed.code != ""


async def test_a_product_named_by_the_item_goes_before_that_of_its_sku(checkout: Checkout) -> None:
    call = partial(said, checkout)
    await call("POST", "/v1/products", {"id": "h-mug", "categories": ["h-mugs"]})
    await call("POST", "/v1/products", {"id": "h-cup", "categories": ["h-cups"]})
    await call("POST", "/v1/products", {"id": "h-plain", "categories": ["h-mugs"]})
    await call("POST", "/v1/skus", {"id": "h-blue", "product_id": "h-cup"})
    scope = {"target": "items", "include": {"categories": ["h-mugs"]}}
    await voucher(checkout, code="GRPMUGS", discount_type="PERCENT", discount_value=50, applies_to=scope)
    items = [
        {"product_id": "h-mug", "sku": "h-blue", "quantity": 1, "price": 10},
        {"sku": "h-blue", "quantity": 1, "price": 10},
        {"sku": "h-plain", "quantity": 1, "price": 10},  # no SKU that is known: a product may be named so
    ]
    valid = await ok(await checkout.call("POST", "/v1/validations", stack("GRPMUGS", order={"items": items})))
    assert valid["order"]["discount_applied"] == 10
    assert [item["discount_applied"] for item in valid["order"]["items"]] == [5, 0, 5]


async def test_g6_who_is_taken_out_of_a_segment_is_refused_from_then_on(checkout: Checkout) -> None:
    call = partial(said, checkout)
    await call("POST", "/v1/segments", {"id": "g-vip"})
    await call("POST", "/v1/segments/g-vip/customers", {"add": ["g-ann", "g-bob"]})
    made = await call(
        "POST", "/v1/validation-rules", {"name": "VIP", "rule": {"customer.segment": {"eq": "g-vip"}}}, 201
    )
    await voucher(checkout, code="GRPVIP", discount_type="AMOUNT", discount_value=1, validation_rules=[made["id"]])

    async def redeem(customer: str, key: str) -> tuple[int, str]:
        body = stack("GRPVIP", customer={"id": customer}, order={"amount": 20})
        answer = await checkout.call("POST", "/v1/redemptions", body, key=key)
        return answer.status, answer.code

    assert await redeem("g-ann", "g-vip-1") == (200, "")
    assert await redeem("g-bob", "g-vip-2") == (200, "")
    await call("POST", "/v1/segments/g-vip/customers", {"remove": ["g-ann"]})
    assert (await redeem("g-ann", "g-vip-3"))[1] == "rule_not_met"
    assert await redeem("g-bob", "g-vip-4") == (200, "")


async def test_a_segment_and_a_collection_by_rule_decide_when_they_are_walked(checkout: Checkout) -> None:
    call = partial(said, checkout)
    await call("POST", "/v1/customers", {"id": "g-rich", "metadata": {"spent": 2000}})
    await call("POST", "/v1/products", {"id": "g-ring", "price": 900})
    wanted = {
        "all": [{"customer.segment": {"eq": "g-big"}}, {"order.items": {"any": {"collection": {"eq": "g-dear"}}}}]
    }
    made = await call("POST", "/v1/validation-rules", {"name": "Both", "rule": wanted}, 201)
    await voucher(checkout, code="GRPBOTH", discount_type="AMOUNT", discount_value=1, validation_rules=[made["id"]])
    order = {"items": [{"product_id": "g-ring", "quantity": 1, "price": 900}]}
    body = stack("GRPBOTH", customer={"id": "g-rich"}, order=order)

    async def valid() -> bool:
        return bool((await ok(await checkout.call("POST", "/v1/validations", body)))["valid"])

    assert not await valid()
    rule = {"customer.metadata.spent": {"gte": 1000}}
    segment = await call("POST", "/v1/segments", {"id": "g-big", "rule": rule}, 202)
    collection = await call("POST", "/v1/collections", {"id": "g-dear", "rule": {"price": {"gte": 500}}}, 202)
    for walked in (segment, collection):
        assert (await settled(checkout, walked["async_action_id"]))["status"] == "done"
    assert await valid()
    await call("PATCH", "/v1/products/g-ring", {"price": 499})
    assert not await valid()
    await call("PATCH", "/v1/products/g-ring", {"price": 500})
    assert await valid()
    gone = await call("DELETE", "/v1/segments/g-big", status=202)
    assert (await settled(checkout, gone["async_action_id"]))["status"] == "done"
    assert not await valid()
