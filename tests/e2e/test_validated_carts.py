"""What a validation promises a redemption keeps: a thousand random carts with random vouchers, to the cent."""

import random
from typing import Any

import pytest

from tests.servers.stack import RunningStack

from .checkout import Answer, Checkout
from .conftest import campaign, voucher
from .projects import project
from .test_promotions import ok
from .test_promotions import stack as stacked

SEED = 20261122
SKUS = ("TEE", "MUG", "CAP", "SOCKS")
TARGETS = ("order", "items", "every", "cheapest", "most_expensive", "from_nth", "shipping")


class Draw:
    """Random vouchers and carts of a currency, the same ones for the same seed."""

    def __init__(self, seed: int, decimals: int) -> None:
        self.chance = random.Random(seed)
        self.decimals = decimals

    def money(self, most_minor: int, least_minor: int = 0) -> float:
        return float(round(self.chance.randint(least_minor, most_minor) / 10**self.decimals, self.decimals))

    def scope(self, kind: str) -> dict[str, Any]:
        scope: dict[str, Any] = {"target": self.chance.choice(TARGETS[: -1 if kind == "UNIT" else None])}
        if scope["target"] in ("cheapest", "most_expensive") and kind != "UNIT":
            scope["units"] = self.chance.randint(1, 4)
        if scope["target"] == "from_nth":
            scope["nth"] = self.chance.randint(1, 4)
        if scope["target"] != "shipping" and self.chance.random() < 0.3:
            scope["include"] = {"skus": self.chance.sample(SKUS, 2)}
        if scope["target"] != "shipping" and self.chance.random() < 0.2:
            scope["exclude"] = {"categories": ["sale"]}
        return scope

    def discount(self) -> dict[str, Any]:
        kind = self.chance.choice(["PERCENT", "PERCENT", "AMOUNT", "AMOUNT", "FIXED", "UNIT", "GIFT"])
        match kind:
            case "PERCENT":
                fields: dict[str, Any] = {"discount_value": self.chance.choice([1, 5, 12.5, 20, 33.33, 100])}
            case "UNIT":
                fields = {"discount_value": self.chance.randint(1, 3)}
            case "GIFT":
                gift = {"sku": "TOY", "price": self.money(900, 100)}
                return {"discount_type": "UNIT", "discount_value": self.chance.randint(1, 2), "added_unit": gift}
            case _:
                fields = {"discount_value": self.money(2_500, 1)}
        if self.chance.random() < 0.6:
            fields["applies_to"] = self.scope(kind)
        if self.chance.random() < 0.3:
            fields["max_discount"] = self.money(1_500, 1)
        return {"discount_type": kind, **fields}

    def order(self, number: int) -> dict[str, Any]:
        order: dict[str, Any] = {"id": f"ord_{number}"}
        if self.chance.random() < 0.3:
            order["shipping"] = self.money(900)
        if self.chance.random() < 0.1:
            return {**order, "amount": self.money(9_000)}
        order["items"] = [
            {
                "sku": self.chance.choice(SKUS),
                "quantity": self.chance.randint(1, 5),
                "price": self.money(4_000),
                "categories": ["sale"] if self.chance.random() < 0.3 else [],
            }
            for _ in range(self.chance.randint(1, 6))
        ]
        return order


async def _vouchers(shop: Checkout, draw: Draw) -> list[str]:
    """Some stand alone, some are of a campaign; some have rules, limits that are met, or a category."""
    rule = {"name": "From 20", "rule": {"order.discounted_amount": {"gte": 20}}}
    ruled = (await ok(await shop.call("POST", "/v1/validation-rules", rule), 201))["id"]
    once = {"name": "Twice each", "rule": {"redemptions.customer.total": {"lte": 2}}}
    twice = (await ok(await shop.call("POST", "/v1/validation-rules", once), 201))["id"]
    sale = await campaign(shop, **draw.discount(), max_redemptions=120, max_redemptions_per_customer=20, category="a")
    codes = []
    for number in range(36):
        code = f"V{number}"
        fields: dict[str, Any] = {"code": code, "category": draw.chance.choice([None, "a", "b"])}
        match number % 6:
            case 0:
                fields["campaign_id"] = sale
            case 1:
                fields |= {**draw.discount(), "validation_rules": [ruled]}
            case 2:
                fields |= {**draw.discount(), "validation_rules": [twice], "max_redemptions": 40}
            case 3:
                fields |= {**draw.discount(), "budget": 60, "return_policy": "requalify"}
            case _:
                fields |= draw.discount()
        await voucher(shop, **{name: value for name, value in fields.items() if value is not None})
        codes.append(code)
    return codes


async def _both(shop: Checkout, body: dict[str, Any], key: str, met: dict[str, int]) -> Answer:
    promised = await ok(await shop.call("POST", "/v1/validations", body))
    redeemed = await shop.call("POST", "/v1/redemptions", body, key=key)
    kept = redeemed.json()
    if promised["valid"]:
        assert redeemed.status == 200, (body, promised, kept)
        assert kept["order"] == promised["order"], body
        said = [(one["id"], one["status"], one["discount_applied"]) for one in promised["redeemables"]]
        assert _sorted(kept["redeemables"]) == sorted(said)
        met["applied"] += 1
        met["partial"] += any(one["status"] != "applicable" for one in promised["redeemables"])
    else:
        assert (redeemed.status in (404, 409, 422), kept["code"]) == (True, promised["code"]), (body, promised, kept)
        assert kept["redeemables"] == promised["redeemables"]
        met[promised["code"]] = met.get(promised["code"], 0) + 1
    return redeemed


def _sorted(redeemables: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return sorted((one["id"], one["status"], one["discount_applied"]) for one in redeemables)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("currency", "decimals", "rules"),
    [
        ("EUR", 2, {"application_mode": "ALL"}),
        ("EUR", 2, {"application_mode": "PARTIAL", "category_order": ["b", "a"], "percent_of": "INITIAL"}),
        ("JPY", 0, {"application_mode": "PARTIAL", "exclusive_categories": ["a"], "joint_categories": ["b"]}),
        ("KWD", 3, {"application_mode": "PARTIAL", "max_applied": 2, "no_effect": "REFUSE"}),
    ],
    ids=["all", "partial", "yen", "dinar"],
)
async def test_what_is_validated_is_redeemed_to_the_cent(
    stack: RunningStack, currency: str, decimals: int, rules: dict[str, Any]
) -> None:
    """One cart at a time, so that nobody is faster."""
    draw = Draw(SEED + decimals, decimals)
    met = {"applied": 0, "partial": 0}
    async with project(stack, currency, 1, **rules) as shop:
        codes = await _vouchers(shop, draw)
        for number in range(250):
            chosen = draw.chance.sample(codes, draw.chance.choice([1, 1, 2, 3, 4]))
            who = draw.chance.choice([{"id": f"cust_{draw.chance.randint(1, 9)}"}] * 5 + [None])
            body = stacked(*chosen, order=draw.order(number), **({"customer": who} if who else {}))
            await _both(shop, body, f"cart-{number}", met)
    assert met["applied"] > 60, met
    assert len(met) > 4, met
